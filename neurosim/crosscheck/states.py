"""Settled states and waveforms of a circuit, here and in SPICE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurosim.crosscheck.deviation import Comparison
from neurosim.crosscheck.subject import Subject
from neurosim.crosscheck.waveforms import lock_in
from neurosim.networks.resistive.circuit import ResistiveField
from neurosim.spice.analyses import OperatingPoint, SmallSignal, Transient
from neurosim.spice.engines import Engine, run_all
from neurosim.spice.rawfile import Plot
from neurosim.spice.teaching import BetaSource

STATE_TOLERANCE = 1e-6
PASSIVE_TOLERANCE = 1e-9
WAVEFORM_TOLERANCE = 1e-6
LOCKIN_TOLERANCE = 1e-5
DT = 0.03
"""Step of our transients, in units of the shortest time constant."""
QUASI_STATIC = 1e-6
"""omega tau of a small-signal run that stands for zero frequency: its error is the square of this."""


@dataclass(frozen=True, eq=False)
class Laboratory:
    """A subject and the engine it is taken to.

    Attributes
    ----------
    subject
        The circuit.
    engine
        The simulator.
    free
        Our free states u (samples, nodes): every operating point starts near one, so that of several equilibria both
        sides speak of the same.
    """

    subject: Subject
    engine: Engine
    free: np.ndarray

    @cached_property
    def fastest(self) -> float:
        """Largest rate of a node, in units of 1/tau: of a passive network the largest entry of its Jacobian."""
        field = self.subject.bench().field()
        if not isinstance(field, ResistiveField):
            return max(1.0, float(np.max(self.subject.network.rate)))
        jacobian = field.jacobian(0.0, self.free)
        return max(1.0, float(-np.einsum("bii->bi", jacobian).min()))

    @property
    def vectors(self) -> list[str]:
        """State and activity nodes as vectors to save."""
        return [f"v({name})" for name in dict.fromkeys((*self.subject.nodes, *self.subject.activities))]

    def guess(self, u: np.ndarray) -> dict[str, float]:
        """Return one state as node voltages [V]."""
        return dict(zip(self.subject.nodes, (u * self.subject.scale.v_ref).tolist(), strict=True))

    def read(self, plot: Plot, names: Sequence[str]) -> np.ndarray:
        """Return nodes of a plot in natural units, (points, nodes)."""
        return np.stack([plot.voltage(name) for name in names], axis=1) / self.subject.scale.v_ref

    def settle(self, beta: float, near: np.ndarray) -> list[Plot]:
        """Return the operating point of every sample under `beta`, each sought near a state of `near`."""
        source = BetaSource(beta)
        texts = [
            self.subject.circuit(k, source).text(OperatingPoint(self.guess(near[k])), self.vectors)
            for k in range(self.subject.samples)
        ]
        return [plots[-1] for plots in run_all(self.engine, texts, vectors=self.vectors)]

    def response(self) -> tuple[np.ndarray, np.ndarray]:
        """Return free activities and their exact derivatives by beta, (samples, nodes), by small-signal analysis."""
        omega = QUASI_STATIC / self.subject.scale.tau
        texts = [
            self.subject.circuit(k, BetaSource()).text(
                SmallSignal(omega / (2 * np.pi), self.guess(self.free[k])), self.vectors
            )
            for k in range(self.subject.samples)
        ]
        runs = run_all(self.engine, texts, vectors=self.vectors)
        slopes = np.concatenate([self.read(plots[-1], self.subject.activities) for plots in runs])
        return self.activities(self.settle(0.0, self.free)), slopes.real

    def activities(self, plots: Sequence[Plot]) -> np.ndarray:
        """Return the activities of operating points, (samples, nodes)."""
        return np.concatenate([self.read(plot, self.subject.activities) for plot in plots])


def compare_states(lab: Laboratory, betas: Sequence[float]) -> list[Comparison]:
    """Return the settled states under each of `betas`, 0 being the free phase."""
    subject, found = lab.subject, []
    for beta in betas:
        ours = lab.free if beta == 0 else subject.nudged(beta, lab.free)
        theirs = np.concatenate([lab.read(plot, subject.nodes) for plot in lab.settle(beta, ours)])
        what = "free state" if beta == 0 else f"nudged state, beta = {beta:+g}"
        volts = subject.scale.v_ref
        tolerance = PASSIVE_TOLERANCE if subject.passive else STATE_TOLERANCE
        found.append(Comparison(what, ours * volts, theirs * volts, "V", tolerance, labels=subject.nodes))
    return found


def compare_waveform(lab: Laboratory, sample: int, beta: float, start: np.ndarray, length: float) -> list[Comparison]:
    """Return the transient of one sample over `length` [tau] from `start` (nodes,), and where the simulator's one ends.

    The end is compared with our settled state, found by the solver: the circuit's own dynamics choose the same branch.
    Left out where `length` is too short for our own waveform to have settled.
    """
    subject, scale = lab.subject, lab.subject.scale
    analysis = Transient(length * scale.tau, scale.tau / lab.fastest)
    text = subject.circuit(sample, BetaSource(beta), start).text(analysis, lab.vectors)
    plot = lab.engine.run(text, vectors=lab.vectors)[-1]
    ours = subject.transient(sample, beta, start, length, DT / lab.fastest).at(plot.time / scale.tau)
    theirs = lab.read(plot, subject.nodes)
    phase = "free" if beta == 0 else f"beta = {beta:+g}"
    title = f"waveform of sample {sample}, {phase}"
    volts = scale.v_ref
    settled = (lab.free if beta == 0 else subject.nudged(beta, lab.free))[sample] * volts
    end = f"end of the waveform of sample {sample}, {phase}: settled state"
    found = [Comparison(title, ours * volts, theirs * volts, "V", WAVEFORM_TOLERANCE, False, subject.nodes, plot.time)]
    if abs(ours[-1] * volts - settled).max() <= STATE_TOLERANCE / 2:
        found.append(Comparison(end, settled, theirs[-1] * volts, "V", STATE_TOLERANCE, labels=subject.nodes))
    return found


def compare_lock_in(lab: Laboratory, sample: int, omega: float, amplitude: float) -> tuple[Comparison, np.ndarray]:
    """Return the complex response to ``amplitude cos(omega t)`` of one sample, `omega` in units of 1/tau.

    Runs from the free state; what has not died away after 40 tau and a whole period is not there any more. Also
    returned is the linear response by small-signal analysis, from which it differs by the square of the amplitude.
    """
    subject, scale = lab.subject, lab.subject.scale
    period, start = 2 * np.pi / omega, lab.free[sample]
    discarded = max(1, int(np.ceil(40 / period)))
    length, frequency = (discarded + 2) * period, omega / scale.tau / (2 * np.pi)
    analysis = Transient(length * scale.tau, scale.tau / lab.fastest, reltol=1e-12)
    text = subject.circuit(sample, BetaSource(amplitude, frequency), start).text(analysis, lab.vectors)
    plot = lab.engine.run(text, vectors=lab.vectors)[-1]
    theirs = lock_in(plot.time / scale.tau, lab.read(plot, subject.nodes), omega, amplitude, 2)
    wave = subject.transient(sample, lambda t: amplitude * np.cos(omega * t), start, length, 0.04 / lab.fastest)
    ours = lock_in(wave.t, wave.u, omega, amplitude, 2)
    small = subject.circuit(sample, BetaSource()).text(SmallSignal(frequency, lab.guess(start)), lab.vectors)
    linear = lab.read(lab.engine.run(small, vectors=lab.vectors)[-1], subject.nodes)[0]
    title = f"lock-in response of sample {sample}, omega tau = {omega:g}"
    return Comparison(title, ours, theirs, "1", LOCKIN_TOLERANCE, True, subject.nodes), linear
