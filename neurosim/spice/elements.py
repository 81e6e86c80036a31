"""The elements of a netlist: each is one line of text, and knows what a check of the circuit needs.

Values are written as ``%.17g``, so that the engine reads the very float; never with a suffix (``1M`` is a milli).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from neurosim.errors import RangeError

GROUND = "0"
_READS = re.compile(r"\b([vi])\(([^()\s]+)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes
    ----------
    name
        With the letter of its kind first, such as ``r_W1_g_plus_0_1``.
    nodes
        The two nodes it lies between.
    value
        What follows the nodes.
    conducts
        Whether it is a path for direct current: what keeps a node from floating.
    fixes
        Whether it fixes the voltage between its nodes: two such elements in a loop contradict each other.
    reads
        Nodes whose voltage, and sources whose current, it reads: they must exist.
    """

    name: str
    nodes: tuple[str, str]
    value: str
    conducts: bool = True
    fixes: bool = False
    reads: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the element as text."""
        return f"{self.name} {self.nodes[0]} {self.nodes[1]} {self.value}"


def number(value: float) -> str:
    """Return `value` so that the very float is read back."""
    return f"{value:.17g}"


def resistor(name: str, a: str, b: str, ohms: float) -> Element:
    """Return a resistor [ohm] > 0: engines take a resistance of 0 for 1 mohm without a word."""
    return Element(f"r_{name}", (a, b), number(_positive(f"r_{name}", ohms, "ohm")))


def conductance(name: str, a: str, b: str, siemens: float) -> Element:
    """Return the resistor of a conductance [S] > 0. An open device has no line: leave it out."""
    return resistor(name, a, b, 1 / _positive(f"r_{name}", siemens, "S"))


def capacitor(name: str, a: str, b: str, farads: float, start: float | None = None) -> Element:
    """Return a capacitor [F] > 0, with its voltage [V] at the start of a transient."""
    value = number(_positive(f"c_{name}", farads, "F"))
    if start is not None:
        value += f" ic={number(_finite(f'c_{name}', start))}"
    return Element(f"c_{name}", (a, b), value, conducts=False)


def voltage(name: str, plus: str, minus: str, dc: float, *, ac: float = 0.0, wave: str = "") -> Element:
    """Return a voltage source [V]; `wave` is its waveform in a transient, `ac` its amplitude in a small-signal run."""
    return Element(f"v_{name}", (plus, minus), _source(f"v_{name}", dc, ac, wave), fixes=True)


def current(name: str, out_of: str, into: str, dc: float, *, ac: float = 0.0) -> Element:
    """Return a current source [A] that draws from node `out_of` and feeds node `into`."""
    return Element(f"i_{name}", (out_of, into), _source(f"i_{name}", dc, ac, ""), conducts=False)


def behavioural_voltage(name: str, plus: str, minus: str, expression: str) -> Element:
    """Return a voltage source that follows an expression of node voltages ``v(node)`` and currents ``i(source)``."""
    return Element(f"b_{name}", (plus, minus), f"v={expression}", fixes=True, reads=_reads(expression))


def behavioural_current(name: str, out_of: str, into: str, expression: str, *, conducts: bool = False) -> Element:
    """Return a current source that follows an expression, from node `out_of` into node `into`.

    `conducts` says that it is an element in disguise, whose current depends on its own voltage.
    """
    return Element(f"b_{name}", (out_of, into), f"i={expression}", conducts=conducts, reads=_reads(expression))


def scaled_voltage(name: str, plus: str, minus: str, of: str, gain: float) -> Element:
    """Return a voltage source of `gain` times the voltage of node `of`."""
    value = f"{of} {GROUND} {number(_finite(f'e_{name}', gain))}"
    return Element(f"e_{name}", (plus, minus), value, fixes=True, reads=(of,))


def scaled_current(name: str, out_of: str, into: str, source: Element, gain: float) -> Element:
    """Return a current source of `gain` times the current through the voltage source `source`, plus to minus."""
    value = f"{source.name} {number(_finite(f'f_{name}', gain))}"
    return Element(f"f_{name}", (out_of, into), value, conducts=False, reads=(source.name,))


def virtual_ground(name: str, node: str) -> Element:
    """Return a source of 0 V that holds `node` at ground and through which its current is sensed."""
    return voltage(name, node, GROUND, 0.0)


def diode(name: str, anode: str, cathode: str, model: str) -> Element:
    """Return a diode of the model card `model`."""
    return Element(f"d_{name}", (anode, cathode), model)


def total(terms: Sequence[str]) -> str:
    """Return the sum of expressions, ``0`` for none."""
    return "+".join(terms) if terms else "0"


def _source(name: str, dc: float, ac: float, wave: str) -> str:
    parts = [f"dc {number(_finite(name, dc))}"]
    if ac:
        parts.append(f"ac {number(_finite(name, ac))}")
    return " ".join([*parts, wave] if wave else parts)


def _reads(expression: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name in _READS.findall(expression)))


def _positive(name: str, value: float, unit: str) -> float:
    if not 0 < value < math.inf:
        raise RangeError(
            f"element {name}: {value!r} {unit}: allowed (0, inf) {unit}; leave an open device out, "
            "join the nodes of a short"
        )
    return float(value)


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise RangeError(f"element {name}: {value!r}: must be finite")
    return float(value)
