"""Continuous-time EP: beta oscillates while the network runs, observables are read by lock-in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.errors import ConfigError
from neurosim.learning.estimators.base import Sample
from neurosim.learning.teaching import Cosine, Rotation, TeachingSignal
from neurosim.numerics.lockin import free_weights, response_weights, rotation_weights


@dataclass(frozen=True, slots=True)
class OscillatingEP:
    """Always-on EP: no free phase, no reset, beta(t) periodic.

    ``rotation``: ``beta = b e^{i theta}``, ``-dL/dW ~ Re <A e^{-i theta}> / b``; bias b^points, and the mean state is
    the free state (mean-value property).
    ``cosine``: ``beta = b cos theta``; with ``a_k = 2 <A cos k theta>`` the plain lock-in is ``a_1 / b`` (bias b^2),
    and the harmonics correct it: ``(a_1 - 3 a_3) / b`` (b^4), ``(a_1 - 3 a_3 + 5 a_5) / b`` (b^6); the free state is
    ``a_0 - a_2 + a_4``.

    Attributes
    ----------
    beta
        Amplitude b.
    waveform
        ``"rotation"`` (a complex simulation: in hardware an I/Q pair of networks) or ``"cosine"``.
    points
        Observables taken per period; at least 2 (harmonics + 1) for the cosine, or higher harmonics alias.
    dwell
        Integrator steps between two points.
    periods, discard
        Periods that are averaged, and periods before them that are not.
    harmonics
        1, 3 or 5: highest harmonic of the cosine that is read.

    References
    ----------
    Laborieux and Zenke 2022, arXiv:2209.00530, section 3.3 (rotation). The harmonic correction is the Chebyshev
    expansion of u(b cos theta) about b = 0.
    """

    beta: float
    waveform: str = "rotation"
    points: int = 4
    dwell: int = 20
    periods: int = 1
    discard: int = 0
    harmonics: int = 1
    name: str = "oscillating"

    def __post_init__(self) -> None:
        least = 2 if self.waveform == "rotation" else 2 * (self.harmonics + 1)
        if self.points < least:
            raise ConfigError(
                f"learning.points = {self.points}: waveform {self.waveform!r} with harmonics = {self.harmonics} "
                f"needs at least {least} points per period"
            )

    @property
    def order(self) -> int:
        """Order of the bias in beta for an infinitely slow signal."""
        return self.points if self.waveform == "rotation" else self.harmonics + 1

    def signal(self, dt: float) -> TeachingSignal:
        """Return beta(t) for integrator steps of `dt`."""
        if self.waveform == "rotation":
            return Rotation(self.beta, self.points, self.dwell * dt)
        return Cosine(self.beta, self.points * self.dwell * dt)

    def _phases(self) -> np.ndarray:
        """Return theta of the kept points: a held point is read at the end of its dwell, the cosine at the instant."""
        held = self.waveform == "rotation"
        return 2 * np.pi * (np.arange(self.points * self.periods) + (not held)) / self.points

    def _samples(self, phases: np.ndarray) -> tuple[Sample, ...]:
        if self.waveform == "rotation":
            betas, weights = self.beta * np.exp(1j * phases), rotation_weights(phases, self.beta)
        else:
            betas, weights = self.beta * np.cos(phases), response_weights(phases, self.beta, self.harmonics)
        return tuple(Sample(b, c) for b, c in zip(betas.tolist(), weights.tolist(), strict=True))

    def schedule(self) -> tuple[tuple[int, Sample], ...]:
        """Return (step, sample) of every point after the discarded periods."""
        first = self.points * self.discard
        samples = self._samples(self._phases())
        return tuple(((first + m + 1) * self.dwell, sample) for m, sample in enumerate(samples))

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return one period as settled phases: the quasi-static limit, free of lag."""
        return self._samples(2 * np.pi * np.arange(self.points) / self.points)

    def free_coefficients(self) -> np.ndarray:
        """Return the weights (real) by which the scheduled states average to the free state."""
        if self.waveform == "rotation":
            return np.full(self.points * self.periods, 1 / (self.points * self.periods))
        return free_weights(self._phases(), self.harmonics)
