"""Conductance noise that goes on in physical time while the phases of an update are settled.

Every device has a noise process of its own (`neurosim.numerics.processes`), whose state belongs to the train state.
What is slower than an update is the same in all its phases and cancels in the contrast; what is faster does not.
The samples of a batch are settled at once, as on copies of the arrays with the same noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.networks.topology import BIAS, INPUT

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.networks.topology import Topology
    from neurosim.numerics.processes import NoiseProcess
    from neurosim.rng import Streams

SIDES = ("plus", "minus")


@dataclass(frozen=True, slots=True)
class ConductanceNoise:
    """A noise process of every device, and the times at which it is read.

    Attributes
    ----------
    process
        In hertz and seconds.
    tau
        Time constant of a node [s]: the unit of the settling times.
    free, nudged
        Durations of the free and of a nudged phase, in units of tau. A phase reads what the noise is at its end.
    interval
        Time between the last phase of an update and the next update [s].
    """

    process: NoiseProcess
    tau: float
    free: float
    nudged: float
    interval: float = 0.0

    def start(self, crossbars: Sequence[Crossbar], streams: Streams) -> dict[str, Array]:
        """Return the stationary state of every side of every array, ``<array>/plus`` and ``<array>/minus``."""
        found = {}
        for crossbar in crossbars:
            minus = crossbar.layout.minus_shape(crossbar.shape)
            for side, shape in zip(SIDES, (crossbar.shape, minus), strict=True):
                key = f"{crossbar.name}/{side}"
                rng, xp = streams.generator(f"noise-start/{key}"), streams.backend.xp
                found[key] = self.process.start(shape, rng, xp, xp.dtype(crossbar.dtype))
        return found


class Fluctuation:
    """The noise during one update: it starts where the last one ended.

    Parameters
    ----------
    noise
        Process and times.
    states
        State of every side of every array, as the train state has it. Not changed.
    rng
        Generator of all transitions of this update.

    Attributes
    ----------
    states
        State at the present time.
    elapsed
        Time since the start of the update, in units of tau.
    """

    def __init__(self, noise: ConductanceNoise, states: Mapping[str, Array], rng: Any) -> None:
        self.noise, self.states, self.rng = noise, dict(states), rng
        self.elapsed = 0.0
        self._phase = -1

    def advance(self, time: float) -> None:
        """Let `time` (in units of tau) pass."""
        self._pass(time * self.noise.tau)
        self.elapsed += time

    def reach(self, phase: int) -> None:
        """Let the phases up to `phase` pass to their ends; those that were reached before do not come again."""
        while self._phase < phase:
            self._phase += 1
            self.advance(self.noise.nudged if self._phase else self.noise.free)

    def finish(self, duration: float) -> dict[str, Array]:
        """Return the state at the start of the next update, this one having lasted `duration` (in units of tau)."""
        self._pass(max(duration - self.elapsed, 0.0) * self.noise.tau + self.noise.interval)
        return self.states

    def seen(self, crossbar: Crossbar, pair: PairState) -> PairState:
        """Return the pair as it is read at the present time."""
        plus, minus = (
            self.noise.process.value(self.states[f"{crossbar.name}/{side}"], pair.read_plus.dtype) for side in SIDES
        )
        return crossbar.disturbed(pair, plus, minus)

    def _pass(self, seconds: float) -> None:
        if seconds > 0:
            process = self.noise.process
            self.states = {key: process.advance(state, seconds, self.rng) for key, state in self.states.items()}


class RunningNoise:
    """The share of the drive that the noise makes while the network settles, at the time of every evaluation.

    Parameters
    ----------
    fluctuation
        The noise; its time goes on with that of the settling.
    topology, crossbars, pairs
        The arrays and their conductances.
    x
        Inputs (batch, n_in).
    """

    def __init__(
        self,
        fluctuation: Fluctuation,
        topology: Topology,
        crossbars: Mapping[str, Crossbar],
        pairs: Mapping[str, PairState],
        x: Array,
    ) -> None:
        self.fluctuation, self.topology = fluctuation, topology
        self.crossbars, self.pairs = crossbars, pairs
        self.clamped = {INPUT: x, BIAS: namespace(x).ones((x.shape[0], 1), dtype=x.dtype)}
        self._t = 0.0
        self._deviations = self._read()

    def add(self, t: float, a: Array, parts: Sequence[slice], drive: Array) -> None:
        """Add ``a dW(t)`` of all reads that end in the layers `parts` to `drive` (batch, nodes)."""
        if t > self._t:
            self.fluctuation.advance(t - self._t)
            self._t, self._deviations = t, self._read()
        slices = self.topology.slices
        for synapse in self.topology.synapses:
            post, dw = slices[synapse.post], self._deviations[synapse.name]
            pre = slices.get(synapse.pre)
            if post in parts:
                source = self.clamped[synapse.pre] if pre is None else a[:, pre]
                drive[:, post] += source @ (-dw if post in self.topology.inverted else dw)
            if synapse.reciprocal and pre in parts:
                drive[:, pre] += a[:, post] @ (-dw.T if pre in self.topology.inverted else dw.T)

    def _read(self) -> dict[str, Array]:
        """Return how far each array of weights is from its mean, (rows, cols)."""
        found = {}
        for synapse in self.topology.synapses:
            crossbar, pair = self.crossbars[synapse.name], self.pairs[synapse.name]
            found[synapse.name] = crossbar.weights(self.fluctuation.seen(crossbar, pair)) - crossbar.weights(pair)
        return found
