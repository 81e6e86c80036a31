"""Maximum likelihood of single pulses: parameters, intervals, comparison of models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from neurosim.devices.base import DeviceModel
from neurosim.devices.fit.intervals import Interval, intervals_of, spread_interval, wider
from neurosim.devices.fit.likelihood import RESOLUTION, device_gains, log_likelihoods, moments
from neurosim.devices.fit.pulses import Transitions
from neurosim.devices.fit.shapes import SHAPES, Bounds, Problem
from neurosim.errors import ConfigError, ConvergenceError, RangeError, choose
from neurosim.units import format_quantity

IMPOSSIBLE = 1e12
SURE = 0.999
"""Confidence from which devices count as different."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted device model.

    Attributes
    ----------
    model
        Name of the model.
    parameters
        Parameters of the model, all that were fitted or given.
    intervals
        95 % intervals of the fitted ones, `step_d2d` among them when devices differ.
    log_likelihood
        Of the changes in units of the range, so that it does not depend on the unit.
    free
        Numbers fitted, the gains of single devices among them.
    residuals
        Change minus mean over std of each pulse, shape (pulses,).
    """

    model: str
    parameters: dict[str, Any]
    intervals: dict[str, Interval]
    log_likelihood: float
    free: int
    residuals: np.ndarray

    @property
    def aic(self) -> float:
        """Akaike's criterion ``2 free - 2 ln L``: smaller is better, by 10 is decisive."""
        return 2 * self.free - 2 * self.log_likelihood

    def build(self) -> DeviceModel:
        """Return the device model."""
        return SHAPES[self.model].model(**self.parameters)

    def curve(self, up: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return conductances over the range and the mean steps there [S]."""
        model = self.build()
        g = np.linspace(model.g_min, model.g_max, 200)
        return g, np.broadcast_to(model.increment(g, model.nominal(np, np.float64), up), g.shape)


def fit(data: Transitions, model: str, bounds: Bounds = (None, None)) -> Fitted:
    """Return the maximum-likelihood fit of `model` to single pulses.

    The change of each pulse, given the reading before it, is normal with the model's mean and noise; a reading at a
    bound that is known counts as one that would have gone beyond. Each device has a gain of its own if their
    differences are beyond chance (chi-squared, 0.1 %). Intervals: curvature of the likelihood, and for the step the
    number of devices besides. Readings count as exact: their own noise ends up in c2c.

    Parameters
    ----------
    data
        The pulses.
    model
        A name in `SHAPES`.
    bounds
        g_min and g_max [S] where they are known; None is fitted by a model whose steps end there, and is the
        extreme reading in the others.

    Raises
    ------
    ConfigError
        A model that cannot be fitted, bounds that exclude readings, or readings that are all equal.
    ConvergenceError
        No maximum was found.
    """
    shape = choose(SHAPES, model, "--model")
    _check(data, bounds)
    with threadpool_limits(1):  # matrices of a few rows: threads would only wait for each other
        fits = [_fit(model, Problem(shape, noise, data, bounds)) for noise in shape.noises]
    return min(fits, key=lambda one: one.aic)


def compare(data: Transitions, bounds: Bounds = (None, None)) -> list[Fitted]:
    """Return the fits of all models, the best by Akaike's criterion first.

    Raises
    ------
    ConfigError, ConvergenceError
        As `fit`.
    """
    return sorted((fit(data, model, bounds) for model in SHAPES), key=lambda one: one.aic)


def _check(data: Transitions, bounds: Bounds) -> None:
    readings = np.concatenate((data.before, data.after))
    low, high = float(readings.min()), float(readings.max())
    if low == high:
        raise ConfigError(f"{data.source}: all readings are {format_quantity(low, 'S')}; there is nothing to fit")
    slack = RESOLUTION * (high - low)
    for name, bound, beyond in (
        ("--g-min", bounds[0], bounds[0] is not None and low < bounds[0] - slack),
        ("--g-max", bounds[1], bounds[1] is not None and high > bounds[1] + slack),
    ):
        if beyond and bound is not None:
            seen = f"{format_quantity(low, 'S', 6)} to {format_quantity(high, 'S', 6)}"
            raise ConfigError(
                f"{name} {format_quantity(bound, 'S')}: readings are {seen}; expected a bound around them"
            )


def _fit(name: str, problem: Problem) -> Fitted:
    devices = len(problem.data.names)
    gains, spread = np.ones(devices), 0.0
    theta = _maximum(problem, gains)
    for _ in range(2):
        found, noise = device_gains(problem, theta, gains)
        variance = float(found.var(ddof=1)) if devices > 2 else 0.0
        differ = devices > 2 and (devices - 1) * variance / noise > chi2.ppf(SURE, devices - 1)
        if not differ:
            break
        gains, spread = found / found.mean(), math.sqrt(max(variance - noise, 0.0))
        theta = _maximum(problem, gains, theta)
    parameters, intervals = problem.parameters(theta), intervals_of(problem, theta, gains)
    free = len(theta)
    if spread:
        free += devices - 1
        parameters["step_d2d"] = spread
        intervals["step"] = wider(intervals["step"], spread**2 / devices)
        intervals["step_d2d"] = spread_interval(spread, devices)
    mean, std = moments(problem.build(theta), problem.data)
    gain = gains[problem.data.device]
    residuals = (problem.data.change - gain * mean) / np.hypot(gain * std, RESOLUTION * problem.span)
    total = float(log_likelihoods(problem, theta, gains).sum())
    return Fitted(name, parameters, intervals, total, free, residuals)


def _maximum(problem: Problem, gains: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    coordinates = problem.coordinates

    def loss(theta: np.ndarray) -> float:
        try:
            value = -float(log_likelihoods(problem, theta, gains).sum())
        except RangeError:  # outside what the model allows
            return IMPOSSIBLE
        return value if math.isfinite(value) else IMPOSSIBLE

    begin = np.array([c.start for c in coordinates]) if start is None else start
    limits = [(c.low, c.high) for c in coordinates]
    best = minimize(loss, begin, method="L-BFGS-B", bounds=limits, options={"maxiter": 500, "maxfun": 20_000})
    again = minimize(loss, best.x, method="L-BFGS-B", bounds=limits, options={"maxiter": 500, "maxfun": 20_000})
    if not again.fun < IMPOSSIBLE:
        raise ConvergenceError(f"{problem.data.source}: no maximum of the likelihood found; check units and directions")
    return np.asarray(again.x)
