"""A circuit as text that any SPICE reads, refused where SPICE would silently compute something else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import networkx as nx

from neurosim.errors import SpiceError
from neurosim.spice.analyses import Analysis
from neurosim.spice.elements import GROUND, Element

_NAME = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Section:
    """Some elements under one comment: a layer, an array, a neuron."""

    comment: str
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit without an analysis.

    Attributes
    ----------
    title
        First line of the text.
    sections
        The elements, grouped.
    models
        Model cards, such as ``d_model d(is=1e-9 n=1.5)``.
    options
        Simulator options that belong to the circuit, such as ``gmin``.
    """

    title: str
    sections: tuple[Section, ...]
    models: tuple[str, ...] = ()
    options: Mapping[str, float] = field(default_factory=dict)

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements in order."""
        return tuple(chain.from_iterable(section.elements for section in self.sections))

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, ground included, in order of appearance."""
        return tuple(dict.fromkeys(chain.from_iterable(element.nodes for element in self.elements)))

    def text(self, analysis: Analysis, saved: Sequence[str]) -> str:
        """Return the netlist of one analysis.

        Parameters
        ----------
        analysis
            What is computed.
        saved
            Vectors to keep: ``v(node)`` or ``i(source)``.

        Raises
        ------
        SpiceError
            The circuit or the request is one that SPICE would silently get wrong: see `check`.
        """
        check(self, saved)
        lines = [f"* {self.title}"]
        for section in self.sections:
            lines += ["*", f"* {section.comment}", *(element.line() for element in section.elements)]
        lines += [f".model {model}" for model in self.models]
        settings = {**analysis.options, **self.options}
        lines.append(".options " + " ".join(f"{key}={_setting(value)}" for key, value in settings.items()))
        lines += [f".save {vector}" for vector in saved]
        return "\n".join([*lines, *analysis.cards(), ".end", ""])


def check(circuit: Circuit, saved: Sequence[str]) -> None:
    """Raise `SpiceError` for what SPICE accepts in silence, or answers with a riddle.

    Names that are not plain or occur twice (SPICE ignores case), nodes without a path to ground for direct current,
    loops of voltage sources, references to what does not exist, and nothing to save.
    """
    names = [element.name for element in circuit.elements]
    _plain("element", names)
    _plain("node", circuit.nodes)
    _distinct("element", names)
    _distinct("node", circuit.nodes)
    known = {GROUND, *(name.lower() for name in (*names, *circuit.nodes))}
    for element in circuit.elements:
        for name in element.reads:
            if name.lower() not in known:
                raise SpiceError(f"element {element.name}: reads {name!r}, which is not in the circuit")
    if not saved:
        raise SpiceError(f"circuit {circuit.title!r}: nothing to save; name at least one vector such as v(out_u_0)")
    for vector in saved:
        if vector[:2] not in ("v(", "i(") or vector[2:-1].lower() not in known:
            raise SpiceError(f"saved vector {vector!r}: not in the circuit; expected v(node) or i(source)")
    _grounded(circuit)
    _no_loops(circuit)


def _setting(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.17g}"


def _plain(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise SpiceError(f"{what} name {name!r}: only letters, digits and _ are read alike by all engines")


def _distinct(what: str, names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise SpiceError(f"{what} name {name!r}: {seen[name.lower()]!r} is there already (SPICE ignores case)")
        seen[name.lower()] = name


def _grounded(circuit: Circuit) -> None:
    """Raise for nodes that float: SPICE warns, then makes a voltage up."""
    paths = nx.Graph()
    paths.add_nodes_from([GROUND, *circuit.nodes])
    paths.add_edges_from(element.nodes for element in circuit.elements if element.conducts)
    floating = set(circuit.nodes) - nx.node_connected_component(paths, GROUND)
    if floating:
        shown = ", ".join(sorted(floating)[:4])
        raise SpiceError(
            f"circuit {circuit.title!r}: {len(floating)} node(s) have no path to ground for direct current ({shown}): "
            "capacitors, current sources and open devices are none; add a leak"
        )


def _no_loops(circuit: Circuit) -> None:
    """Raise for voltage sources that close a loop: their matrix is singular."""
    tree = nx.utils.UnionFind([GROUND, *circuit.nodes])
    for element in circuit.elements:
        if element.fixes:
            a, b = element.nodes
            if tree[a] == tree[b]:
                raise SpiceError(
                    f"element {element.name}: closes a loop of voltage sources between {a} and {b}; "
                    "put a resistor into the loop"
                )
            tree.union(a, b)
