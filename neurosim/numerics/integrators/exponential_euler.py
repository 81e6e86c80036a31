"""Exponential Euler: exact while the target stands still, hence stable at every step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.relaxation import Relaxation


def _gain(h: float | Array) -> float | Array:
    """Return ``1 - exp(-h)`` without cancellation."""
    return -math.expm1(-h) if isinstance(h, float | int) else -namespace(h).expm1(-h)


@dataclass(frozen=True, slots=True)
class ExponentialEuler:
    """``y1 = m + (y - m) exp(-h)`` with ``m = target(t, y)`` and ``h = dt/tau``.

    - Order 1, one stage; exact for a constant target.
    - Stability function ``R = exp(-h)``: stable for every ``h > 0``. A large h gives Euler at h = 1.

    Source: Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048, section 2.1.
    """

    name: str = "exponential_euler"
    order: int = 1
    stages: int = 1

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        field.target(t, y, out)
        out -= y
        out *= work.coefficient(dt, _gain)
        out += y
        return out

    def amplification(self, h: float | Array) -> float | Array:
        """Return ``exp(-h)``."""
        return math.exp(-h) if isinstance(h, float | int) else namespace(h).exp(-h)
