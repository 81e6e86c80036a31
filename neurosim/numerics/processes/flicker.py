"""1/f noise: many traps whose rates are spread evenly on a logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.numerics.processes.base import require

PER_DECADE = 2
"""Chains per decade of frequency; the ripple of f S(f) is then ``2 / cosh(pi^2 / ln 10 * 2)``, below 0.1 %."""


@dataclass(frozen=True, slots=True)
class Flicker:
    """Sum of symmetric two-state chains with log-spaced rates: ``S(f) = K / f`` between `f_min` and `f_max`.

    Chain k has the corner frequency ``r_k / 2 pi``, the middle of its share of ``ln(f_max / f_min)``, and the same
    variance as all others. Their sum of Lorentzians tends to ``K = sigma^2 / ln(f_max / f_min)``; outside the two
    frequencies it is flat, and falls as 1/f^2 (McWhorter 1957; Dutta and Horn 1981, doi:10.1103/RevModPhys.53.497).

    Attributes
    ----------
    amplitude
        sigma, standard deviation relative to the conductance over all frequencies, in (0, 1].
    f_min, f_max
        Ends of the 1/f range [Hz].
    """

    amplitude: float
    f_min: float
    f_max: float
    name: str = "flicker"

    def __post_init__(self) -> None:
        require("Flicker", self.amplitude, "amplitude", most=1.0)
        require("Flicker", self.f_min, "f_min", "Hz")
        require("Flicker", self.f_max, "f_max", "Hz")
        if self.f_min >= self.f_max:
            raise RangeError(f"Flicker.f_min = {self.f_min:g} Hz: must be below f_max = {self.f_max:g} Hz")

    @property
    def rates(self) -> np.ndarray:
        """Sum of the rates up and down of each chain [1/s], (chains,)."""
        decades = math.log10(self.f_max / self.f_min)
        chains = max(1, math.ceil(PER_DECADE * decades - 1e-9))
        middles = (np.arange(chains) + 0.5) / chains
        return np.asarray(2 * math.pi * self.f_min * 10 ** (decades * middles))

    def start(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Draw the levels, shape (chains, *shape), bool."""
        return rng.random((len(self.rates), *shape), dtype=dtype) < 0.5

    def advance(self, state: Array, time: float, rng: Any) -> Array:
        """Return the levels after `time` [s]: each changes with probability ``(1 - exp(-r_k T)) / 2``."""
        xp = namespace(state)
        change = xp.asarray(-0.5 * np.expm1(-self.rates * time)).reshape(-1, *(1,) * (state.ndim - 1))
        return state ^ (rng.random(state.shape) < change)

    def value(self, state: Array, dtype: Any) -> Array:
        """Return the sum of all chains, each ``+-sigma / sqrt(chains)``."""
        chains = state.shape[0]
        found = state.sum(axis=0).astype(dtype)
        found -= 0.5 * chains
        found *= 2 * self.amplitude / math.sqrt(chains)
        return found

    def covariance(self, lag: float) -> float:
        """Return ``sigma^2 mean_k exp(-r_k lag)``."""
        return self.amplitude**2 * float(np.exp(-self.rates * lag).mean())

    def spectrum(self, f: float) -> float:
        """Return S(f) of the sum of chains."""
        r = self.rates
        return 4 * self.amplitude**2 * float((r / (r * r + (2 * math.pi * f) ** 2)).mean())
