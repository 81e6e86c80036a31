"""Transients: the same circuit integrated here and in SPICE, compared at the simulator's own time points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.errors import ConvergenceError
from neurosim.numerics.integrate import integrate
from neurosim.numerics.integrators.base import Integrator
from neurosim.numerics.status import Status


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """A trajectory with its slopes, from which any instant is had by cubic Hermite interpolation.

    The error of the interpolation is ``dt^4 max|u''''| / 384``: 4e-10 for a step of a 50th of a time constant.

    Attributes
    ----------
    t
        Times (points,), in units of tau.
    u, slope
        States and their derivatives (points, nodes).
    """

    t: np.ndarray
    u: np.ndarray
    slope: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        """Return the states (times, nodes) at times `t` within the trajectory."""
        from scipy.interpolate import CubicHermiteSpline

        clipped = np.clip(t, self.t[0], self.t[-1])  # the simulator's last point may lie a rounding beyond the end
        return np.asarray(CubicHermiteSpline(self.t, self.u, self.slope)(clipped))


def trajectory(field: Any, start: np.ndarray, length: float, dt: float, integrator: Integrator) -> Waveform:
    """Integrate one sample of `field` over `length` (units of tau) from `start` (nodes,), in steps of about `dt`.

    Raises
    ------
    ConvergenceError
        The state diverged, or a step of an implicit integrator found no solution.
    """
    steps = max(1, math.ceil(length / dt))
    y0 = np.asarray(start, dtype=np.float64)[None]
    t, u, slope = np.empty(steps + 1), np.empty((steps + 1, y0.shape[1])), np.empty((steps + 1, y0.shape[1]))
    out = np.empty_like(y0)

    def record(step: int, time: float, y: np.ndarray) -> None:
        t[step], u[step] = time, y[0]
        slope[step] = (field.rate * (field.target(time, y, out) - y))[0]

    record(0, 0.0, y0)
    ended = integrate(field, y0, dt=length / steps, steps=steps, integrator=integrator, observe=record)
    if ended.steps != steps or ended.status is not Status.SETTLED:
        raise ConvergenceError(f"waveform over {length:g} tau: {ended.status.value}")
    return Waveform(t, u, slope)


def lock_in(t: np.ndarray, u: np.ndarray, omega: float, amplitude: float, periods: int) -> np.ndarray:
    """Return the complex response (nodes,) per unit of nudge to ``amplitude cos(omega t)``, from the last `periods`.

    ``2 / (T amplitude) int u exp(-i omega t) dt`` over whole periods: `u` (points, nodes) is interpolated by a cubic
    spline and summed on an even grid, which for a periodic function converges faster than any power.
    """
    from scipy.interpolate import CubicSpline

    span = 2 * math.pi / omega * periods
    grid = t[-1] - span + span * np.arange(512 * periods) / (512 * periods)
    values = CubicSpline(t, u)(grid)
    carrier = np.exp(-1j * omega * grid)[:, None]
    return np.asarray(2 * (values * carrier).mean(axis=0) / amplitude)
