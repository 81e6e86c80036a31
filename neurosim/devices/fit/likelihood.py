"""How likely single pulses are under a device model."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr

from neurosim.devices.base import DeviceModel
from neurosim.devices.fit.pulses import Transitions
from neurosim.devices.fit.shapes import Problem

RESOLUTION = 1e-6
"""Least noise of a reading, and distance at which it counts as at a bound, relative to the range."""


def moments(model: DeviceModel, data: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and std of the change by each pulse [S]."""
    cells, mean, std = model.nominal(np, np.float64), np.empty_like(data.before), np.empty_like(data.before)
    for up in (True, False):
        mine = data.up == up
        g = data.before[mine]
        move = np.broadcast_to(model.increment(g, cells, up), g.shape)
        jitter = model.jitter(g, move, cells, up)
        mean[mine], std[mine] = move, 0.0 if jitter is None else jitter
    return mean, std


def log_likelihoods(problem: Problem, theta: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each change in units of the range; at a known bound that of going beyond it."""
    data, span = problem.data, problem.span
    mean, std = moments(problem.build(theta), data)
    gain = gains[data.device]
    mean, std = gain * mean, np.hypot(gain * std, RESOLUTION * span)
    z = (data.change - mean) / std
    found = -0.5 * z * z - np.log(std / span) - 0.5 * math.log(2 * math.pi)
    for bound, high in ((problem.bounds[0], False), (problem.bounds[1], True)):
        if bound is not None:
            at = np.abs(data.after - bound) <= RESOLUTION * span
            found = np.where(at, log_ndtr(np.where(data.up == high, -z, z)), found)
    return np.asarray(found)


def device_gains(problem: Problem, theta: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the gain of each device by weighted least squares, and the mean variance of these estimates."""
    data = problem.data
    mean, std = moments(problem.build(theta), data)
    weight = mean / np.hypot(gains[data.device] * std, RESOLUTION * problem.span) ** 2
    below = np.bincount(data.device, weight * mean, len(data.names))
    return np.bincount(data.device, weight * data.change, len(data.names)) / below, float((1 / below).mean())
