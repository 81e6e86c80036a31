"""A crossbar array as resistors: read at virtual grounds, with or without line resistance."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.crossbar.wires import Wires
from neurosim.errors import ShapeError
from neurosim.spice.elements import GROUND, Element, conductance, resistor, scaled_current, virtual_ground


@dataclass(frozen=True, slots=True, eq=False)
class Conductances:
    """Conductances [S] of one array of pairs: `g_plus` and `g_minus`, each (rows, cols); 0 is an open device."""

    g_plus: np.ndarray
    g_minus: np.ndarray

    def __post_init__(self) -> None:
        if self.g_plus.ndim != 2 or self.g_plus.shape != self.g_minus.shape:
            raise ShapeError(
                f"conductances: g_plus {self.g_plus.shape}, g_minus {self.g_minus.shape}; expected two (rows, cols)"
            )

    @property
    def planes(self) -> Mapping[str, tuple[np.ndarray, int]]:
        """Each plane by its name in a trace, with its sign in the weight."""
        return {"g_plus": (self.g_plus, 1), "g_minus": (self.g_minus, -1)}


def crosspoints(
    name: str, g: np.ndarray, rows: Sequence[str], cols: Sequence[str], wires: Wires | None = None
) -> Iterator[Element]:
    """Yield the devices between row and column terminals, with the segments of the lines.

    Parameters
    ----------
    name
        Of the plane; device (i, j) is ``r_<name>_i_j``, as its place in a trace.
    g
        Conductances (rows, cols) [S].
    rows, cols
        Nodes of the terminals.
    wires
        Line resistances, in the topology of `neurosim.crossbar.wires`; none when None.
    """
    if g.shape != (len(rows), len(cols)):
        raise ShapeError(f"array {name}: g has shape {g.shape}; expected {(len(rows), len(cols))}")
    r = wires or Wires()
    row_ends = {i: node for i, node in enumerate(rows)}
    col_ends = {j: node for j, node in enumerate(cols)}
    row_nodes = yield from _line(f"{name}_row", row_ends, range(len(cols)), r.r_row, r.r_source)
    col_nodes = yield from _line(f"{name}_col", col_ends, range(len(rows))[::-1], r.r_col, r.r_sense)
    for (i, j), siemens in np.ndenumerate(g):
        if siemens:
            yield conductance(f"{name}_{i}_{j}", row_nodes[i, j], col_nodes[j, i], float(siemens))


def _line(
    name: str, ends: Mapping[int, str], along: Sequence[int], r: float, r_end: float
) -> Generator[Element, None, dict[tuple[int, int], str]]:
    """Yield the segments of parallel lines; return the node of line k at position p (without resistance they join)."""
    nodes: dict[tuple[int, int], str] = {}
    for k, end in ends.items():
        before = end
        for step, p in enumerate(along):
            ohms = r + (r_end if step == 0 else 0.0)
            if ohms:
                node = f"{name}_{k}_{p}"
                yield resistor(f"{name}_{k}_{p}", before, node, ohms)
                before = node
            nodes[k, p] = before
    return nodes


def read(
    name: str, array: Conductances, drivers: Sequence[str], targets: Sequence[str], wires: Wires | None = None
) -> Iterator[Element]:
    """Yield the array read from its rows: node ``targets[j]`` gets the current ``sum_i (G+_ij - G-_ij) V_i``.

    Each column of each plane ends in a virtual ground; current mirrors add the currents of G+ and take off those of G-.
    """
    for plane, (g, sign) in array.planes.items():
        ends = [f"{name}_{plane}_end_{j}" for j in range(len(targets))]
        yield from crosspoints(f"{name}_{plane}", g, drivers, ends, wires)
        yield from _sense(f"{name}_{plane}", ends, targets, sign)


def read_back(
    name: str, array: Conductances, drivers: Sequence[str], targets: Sequence[str], wires: Wires | None = None
) -> Iterator[Element]:
    """Yield the same array read from its columns: node ``targets[i]`` gets ``sum_j (G+_ij - G-_ij) V_j``.

    The devices are written a second time, with ``back`` in their names: one array cannot be driven and sensed at
    the same terminals at the same time, so a circuit has it twice or reads it in turn.
    """
    for plane, (g, sign) in array.planes.items():
        ends = [f"{name}_back_{plane}_end_{i}" for i in range(len(targets))]
        yield from crosspoints(f"{name}_back_{plane}", g, ends, drivers, wires)
        yield from _sense(f"{name}_back_{plane}", ends, targets, sign)


def _sense(name: str, ends: Sequence[str], targets: Sequence[str], sign: int) -> Iterator[Element]:
    for k, (end, target) in enumerate(zip(ends, targets, strict=True)):
        sense = virtual_ground(f"{name}_{k}", end)
        yield sense
        yield scaled_current(f"{name}_{k}", GROUND, target, sense, sign)
