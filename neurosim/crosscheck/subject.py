"""One small network with its conductances and samples: what both sides of a comparison compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurosim.crossbar.wires import Wires, effective_conductance
from neurosim.crosscheck.waveforms import Waveform, trajectory
from neurosim.learning.bench import Bench
from neurosim.networks.nudge import Nudge
from neurosim.networks.rate import RateNetwork
from neurosim.networks.resistive import Conductances as Reading
from neurosim.networks.resistive import ResistiveNetwork
from neurosim.networks.topology import Topology
from neurosim.numerics.integrators import IMPLICIT, INTEGRATORS
from neurosim.settle import SettleOptions, transient
from neurosim.spice.array import Conductances
from neurosim.spice.netlist import Circuit
from neurosim.spice.rate import RateCircuit, node_names
from neurosim.spice.resistive import ResistiveCircuit
from neurosim.spice.teaching import BetaSource
from neurosim.traces.conductances import Planes
from neurosim.units import Scale

EXACT = SettleOptions(method="operating_point", tolerance=1e-13, max_sweeps=20_000)
APPROACH = 60.0
"""Time in which the dynamics pick the branch, in units of tau; the solver then polishes what they approached."""
APPROACH_OPTIONS = {
    False: SettleOptions(integrator="tsit5", dt=0.05),
    True: SettleOptions(integrator="sdirk4", dt=0.1),
}
"""How, in a rate network and in a passive one."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network as a physical circuit.

    Attributes
    ----------
    title
        In words.
    network
        A rate network or a passive one.
    arrays
        G+ and G- [S] of each array, (rows, cols); G- is None where a crosspoint has one device.
    scale
        Natural units to SI.
    x, y
        Inputs (samples, n_in) and targets (samples, n_classes).
    start
        State u before the free phase (samples, nodes).
    wires
        Line resistances, or None.
    """

    title: str
    network: RateNetwork | ResistiveNetwork
    arrays: Mapping[str, Planes]
    scale: Scale
    x: np.ndarray
    y: np.ndarray
    start: np.ndarray
    wires: Wires | None = None

    @property
    def topology(self) -> Topology:
        """Layers and arrays."""
        return self.network.topology

    @property
    def passive(self) -> bool:
        """Whether the network is resistive."""
        return isinstance(self.network, ResistiveNetwork)

    @property
    def reciprocal(self) -> bool:
        """Whether equilibrium propagation gives the exact gradient as beta goes to 0."""
        free = [s for s in self.topology.synapses if not self.topology.by_name[s.pre].clamped]
        return all(s.reciprocal for s in free)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.x)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the state nodes, in the order of a state array."""
        return node_names(self.topology, "u")

    @property
    def activities(self) -> tuple[str, ...]:
        """Names of the nodes that carry the activities; a passive network's are its state nodes."""
        return self.nodes if self.passive else node_names(self.topology, "a")

    def weights(self) -> dict[str, Any]:
        """Return what the network reads of its arrays, dimensionless; with line resistance, the effective ones."""
        g_ref = self.scale.g_ref
        if self.passive:
            return {n: Reading(p / g_ref, None if m is None else m / g_ref) for n, (p, m) in self.arrays.items()}
        found = {}
        for name, (plus, minus) in self.arrays.items():
            planes = plus, _whole(plus, minus)
            above, below = (effective_conductance(g, self.wires) for g in planes)
            found[name] = (above - below) / g_ref
        return found

    def bench(self, sample: int | None = None) -> Bench:
        """Return the bench of all samples, or of one, settled at exact operating points."""
        rows = slice(None) if sample is None else slice(sample, sample + 1)
        weights = self.weights()
        options = EXACT if self.passive else replace(EXACT, solver=self.topology.solver)
        return Bench(self.network, lambda _: weights, self.x[rows], self.y[rows], options)

    def free(self) -> np.ndarray:
        """Return the free states u (samples, nodes) on the branch that the dynamics reach from `start`.

        Raises
        ------
        ConvergenceError
            A sample did not settle.
        """
        bench = self.bench()
        steps = round(APPROACH / APPROACH_OPTIONS[self.passive].dt)
        return self._polished(0.0, transient(bench.field(), self.start, steps, APPROACH_OPTIONS[self.passive]).u)

    def nudged(self, beta: float, free: np.ndarray) -> np.ndarray:
        """Return the states u under `beta`, from the free states."""
        return self._polished(beta, free)

    def _polished(self, beta: float, near: np.ndarray) -> np.ndarray:
        settled = self.bench().nudged([beta], near, 0)
        return np.asarray(settled.require(f"{self.title}, beta = {beta:g}", EXACT.tolerance).u)

    def activity(self, u: np.ndarray) -> np.ndarray:
        """Return the activities of states `u`."""
        return np.asarray(self.network.activity(u))

    def transient(self, sample: int, beta: Any, start: np.ndarray, length: float, dt: float) -> Waveform:
        """Return the trajectory of one sample over `length` [tau] under `beta`, a number or a function of time."""
        bench = self.bench(sample)
        field = bench.field(Nudge(bench.cost(), bench.y, beta))
        return trajectory(field, start, length, dt, IMPLICIT["sdirk4"] if self.passive else INTEGRATORS["tsit5"])

    def circuit(self, sample: int, beta: BetaSource, start: np.ndarray | None = None) -> Circuit:
        """Return one sample as a circuit; `start` (nodes,) is where a transient begins."""
        title = f"{self.title}, sample {sample}"
        x, y = self.x[sample], self.y[sample]
        if isinstance(self.network, ResistiveNetwork):
            return ResistiveCircuit(self.network, self.weights(), x, y, title).circuit(beta, start)
        arrays = {name: Conductances(plus, _whole(plus, minus)) for name, (plus, minus) in self.arrays.items()}
        return RateCircuit(self.network, arrays, self.scale, x, y, self.wires, title).circuit(beta, start)

    def moved(self, name: str, index: tuple[int, ...], delta: float) -> Subject:
        """Return the subject with one weight changed by `delta` as programming does: of a passive pair half each."""
        plus, minus = self.arrays[name]
        step, plus = delta * self.scale.g_ref, plus.copy()
        if self.passive and minus is not None:
            step, minus = step / 2, minus.copy()
            minus[index] -= step
        plus[index] += step
        return replace(self, arrays={**self.arrays, name: (plus, minus)})

    def loss(self, a: np.ndarray) -> np.ndarray:
        """Return the loss of each sample for activities `a` (samples, nodes)."""
        bench = self.bench()
        return np.asarray(bench.cost().loss(bench.output(a), self.y))


def _whole(plus: np.ndarray, minus: np.ndarray | None) -> np.ndarray:
    if minus is None:
        return np.zeros_like(plus)
    return np.broadcast_to(minus, plus.shape)
