"""95 % intervals of fitted parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from neurosim.devices.fit.likelihood import log_likelihoods
from neurosim.devices.fit.shapes import Problem

Z95 = 1.959963984540054
SIGNED = ("asymmetry", "amplitude_up", "amplitude_down")
"""Parameters of either sign: their intervals are symmetric."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % confidence interval; both ends NaN where the data do not determine it."""

    value: float
    low: float
    high: float


def intervals_of(problem: Problem, theta: np.ndarray, gains: np.ndarray) -> dict[str, Interval]:
    """Return 95 % intervals from the curvature of the likelihood, carried over to the parameters to first order."""
    free = [k for k, c in enumerate(problem.coordinates) if c.low + 1e-6 < theta[k] < c.high - 1e-6]
    h = 1e-4

    def moved(shift: dict[int, float]) -> np.ndarray:
        at = theta.copy()
        for k, by in shift.items():
            at[k] += by
        return at

    def curvature(j: int, k: int) -> float:
        def total(shift: dict[int, float]) -> float:
            return float(log_likelihoods(problem, moved(shift), gains).sum())

        if j == k:
            return -(total({k: h}) - 2 * total({}) + total({k: -h})) / h**2
        return -(total({j: h, k: h}) - total({j: h, k: -h}) - total({j: -h, k: h}) + total({j: -h, k: -h})) / (4 * h**2)

    information = np.zeros((len(free), len(free)))
    for a, j in enumerate(free):
        for b in range(a + 1):
            information[a, b] = information[b, a] = curvature(j, free[b])
    covariance = np.linalg.pinv(information, hermitian=True)
    values = problem.parameters(theta)
    names = [name for name, value in values.items() if isinstance(value, float)]
    slopes = np.array(
        [
            [(problem.parameters(moved({k: h}))[n] - problem.parameters(moved({k: -h}))[n]) / (2 * h) for k in free]
            for n in names
        ]
    )
    found = {}
    for name, slope in zip(names, slopes, strict=True):
        variance = float(slope @ covariance @ slope)
        moves = bool(np.any(slope != 0))
        if moves or name in {c.name for c in problem.coordinates}:
            found[name] = _interval(name, values[name], math.sqrt(variance) if moves and variance > 0 else math.nan)
    return found


def _interval(name: str, value: float, error: float) -> Interval:
    """Return the interval: around the logarithm for what is positive, so that it stays so."""
    if name in SIGNED or value <= 0:
        return Interval(value, value - Z95 * error, value + Z95 * error)
    factor = math.exp(min(Z95 * error / value, 700.0))
    return Interval(value, value / factor, value * factor)


def wider(interval: Interval, variance: float) -> Interval:
    """Return the interval of a mean over devices whose relative variance is `variance`."""
    half = math.hypot(math.log(interval.high / interval.value), Z95 * math.sqrt(variance))
    return Interval(interval.value, interval.value * math.exp(-half), interval.value * math.exp(half))


def spread_interval(spread: float, devices: int) -> Interval:
    """Return the interval of a std estimated from so many devices."""
    low, high = (math.sqrt((devices - 1) / chi2.ppf(q, devices - 1)) for q in (0.975, 0.025))
    return Interval(spread, spread * low, spread * high)
