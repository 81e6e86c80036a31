"""Random telegraph noise: one trap that is full or empty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.numerics.processes.base import require


@dataclass(frozen=True, slots=True)
class Telegraph:
    """A conductance that jumps between two levels, a two-state Markov chain s = 0, 1 with ``value = A (s - p)``.

    With ``p = r_up / (r_up + r_down)`` and ``r = r_up + r_down``, ``P(s(t + T) = 1) = p + (s(t) - p) exp(-r T)`` is
    exact. ``Cov(t) = A^2 p (1 - p) exp(-r |t|)``, and the one-sided spectrum is the Lorentzian
    ``S(f) = 4 A^2 p (1 - p) r / (r^2 + (2 pi f)^2)`` (Machlup 1954, doi:10.1063/1.1721637).

    Attributes
    ----------
    amplitude
        A, height of the jump relative to the mean conductance, in (0, 1].
    rate_up, rate_down
        Rates of the jumps to the higher and to the lower level [Hz].
    """

    amplitude: float
    rate_up: float
    rate_down: float
    name: str = "telegraph"

    def __post_init__(self) -> None:
        require("Telegraph", self.amplitude, "amplitude", most=1.0)
        require("Telegraph", self.rate_up, "rate_up", "Hz")
        require("Telegraph", self.rate_down, "rate_down", "Hz")

    @property
    def occupation(self) -> float:
        """Share of time p in the higher level."""
        return self.rate_up / (self.rate_up + self.rate_down)

    def start(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Draw the levels, shape `shape`, bool."""
        return rng.random(shape, dtype=dtype) < self.occupation

    def advance(self, state: Array, time: float, rng: Any) -> Array:
        """Return the levels after `time` [s]."""
        xp, p = namespace(state), self.occupation
        kept = math.exp(-(self.rate_up + self.rate_down) * time)
        high, low = p + (1 - p) * kept, p * (1 - kept)
        return rng.random(state.shape) < xp.where(state, high, low)

    def value(self, state: Array, dtype: Any) -> Array:
        """Return ``A (s - p)``."""
        found = state.astype(dtype)
        found -= self.occupation
        found *= self.amplitude
        return found

    def covariance(self, lag: float) -> float:
        """Return ``A^2 p (1 - p) exp(-r lag)``."""
        p = self.occupation
        return self.amplitude**2 * p * (1 - p) * math.exp(-(self.rate_up + self.rate_down) * lag)

    def spectrum(self, f: float) -> float:
        """Return S(f)."""
        r = self.rate_up + self.rate_down
        return 4 * self.covariance(0.0) * r / (r * r + (2 * math.pi * f) ** 2)
