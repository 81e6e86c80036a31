"""White noise up to a corner frequency: what a read of finite bandwidth sees of white noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array
from neurosim.numerics.processes.base import require


@dataclass(frozen=True, slots=True)
class White:
    """White noise through one pole: an Ornstein-Uhlenbeck process, ``Cov(t) = sigma^2 exp(-2 pi f_c |t|)``.

    ``x(t + T) = r x(t) + sigma sqrt(1 - r^2) xi`` with ``r = exp(-2 pi f_c T)`` is exact. One-sided spectrum
    ``S(f) = 2 sigma^2 / (pi f_c) / (1 + (f/f_c)^2)``: flat below f_c, of noise bandwidth ``pi f_c / 2``.

    Attributes
    ----------
    amplitude
        sigma, standard deviation relative to the conductance, in (0, 1].
    bandwidth
        f_c, corner frequency [Hz].
    """

    amplitude: float
    bandwidth: float
    name: str = "white"

    def __post_init__(self) -> None:
        require("White", self.amplitude, "amplitude", most=1.0)
        require("White", self.bandwidth, "bandwidth", "Hz")

    def start(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Draw standard normals."""
        return rng.standard_normal(shape, dtype=dtype)

    def advance(self, state: Array, time: float, rng: Any) -> Array:
        """Return the state after `time` [s]."""
        r = math.exp(-2 * math.pi * self.bandwidth * time)
        new = rng.standard_normal(state.shape, dtype=state.dtype)
        new *= math.sqrt(1 - r * r)
        new += r * state
        return new

    def value(self, state: Array, dtype: Any) -> Array:
        """Return ``sigma state``."""
        return (self.amplitude * state).astype(dtype)

    def covariance(self, lag: float) -> float:
        """Return ``sigma^2 exp(-2 pi f_c lag)``."""
        return self.amplitude**2 * math.exp(-2 * math.pi * self.bandwidth * lag)

    def spectrum(self, f: float) -> float:
        """Return S(f)."""
        return 2 * self.amplitude**2 / (math.pi * self.bandwidth) / (1 + (f / self.bandwidth) ** 2)
