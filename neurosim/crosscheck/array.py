"""A passive array with line resistance: column currents and reciprocity, by nodal analysis and by SPICE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.crosscheck.deviation import Comparison
from neurosim.spice.analyses import OperatingPoint
from neurosim.spice.array import crosspoints
from neurosim.spice.elements import GROUND, virtual_ground, voltage
from neurosim.spice.engines import Engine
from neurosim.spice.netlist import Circuit, Section

CURRENT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PassiveArray:
    """An array driven at its row terminals and sensed at virtual grounds of its columns.

    Attributes
    ----------
    g
        Conductances (rows, cols) [S].
    wires
        Line resistances.
    v
        Voltages of the row terminals (rows,) [V].
    title
        First line of the netlist.
    """

    g: np.ndarray
    wires: Wires
    v: np.ndarray
    title: str = "array with line resistance"

    def circuit(self, *, backward: bool = False) -> Circuit:
        """Return the circuit; `backward` drives the columns (with ``v[:cols]``, repeated) and senses the rows."""
        rows, cols = self.g.shape
        driven, sensed = ("col", "row") if backward else ("row", "col")
        ends = {"row": [f"row_{i}" for i in range(rows)], "col": [f"col_{j}" for j in range(cols)]}
        drive = self.backward_drive() if backward else self.v
        return Circuit(
            f"{self.title}, {driven}s driven",
            (
                Section(
                    f"drivers of the {driven} terminals",
                    tuple(voltage(f"drive_{k}", n, GROUND, float(drive[k])) for k, n in enumerate(ends[driven])),
                ),
                Section(
                    f"{rows} x {cols} devices and their lines",
                    tuple(crosspoints("g", self.g, ends["row"], ends["col"], self.wires)),
                ),
                Section(
                    f"virtual grounds of the {sensed} terminals",
                    tuple(virtual_ground(f"sense_{k}", n) for k, n in enumerate(ends[sensed])),
                ),
            ),
        )

    def backward_drive(self) -> np.ndarray:
        """Return the voltages of the column terminals (cols,) in the backward read."""
        return np.resize(self.v, self.g.shape[1])


def compare_array(array: PassiveArray, engine: Engine) -> list[Comparison]:
    """Return the currents of the forward and of the backward read, ours and the engine's."""
    rows, cols = array.g.shape
    effective = WiredArray(array.g, array.wires).effective()
    found = []
    for backward, count in ((False, cols), (True, rows)):
        ours = array.backward_drive() @ effective.T if backward else array.v @ effective
        sources = [f"v_sense_{k}" for k in range(count)]
        vectors = [f"i({name})" for name in sources]
        plot = engine.run(array.circuit(backward=backward).text(OperatingPoint(), vectors), vectors=vectors)[-1]
        theirs = np.array([float(plot.current(name)[0]) for name in sources])
        title = f"{'row' if backward else 'column'} currents, {'columns' if backward else 'rows'} driven"
        found.append(Comparison(title, ours, theirs, "A", CURRENT_TOLERANCE, True, sources))
    return found
