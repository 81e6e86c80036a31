"""Explicit Euler: with dt = tau it is the discrete iteration of the literature."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.relaxation import Relaxation


@dataclass(frozen=True, slots=True)
class Euler:
    """``y1 = y + h (m - y)`` with ``m = target(t, y)`` and ``h = dt/tau``.

    - Order 1, one stage.
    - Stability function ``R = 1 - h``: stable for ``0 < h < 2``, without oscillation for ``h <= 1``.
    - At ``h = 1`` the step is ``y1 = target(t, y)``: all nodes jump to their target at once, which is the
      iteration ``a <- sigma(dPhi/da)`` of discrete equilibrium propagation. It costs only the target.

    Source: Hairer, Norsett and Wanner 1993, doi:10.1007/978-3-540-78862-1, section I.7.
    """

    name: str = "euler"
    order: int = 1
    stages: int = 1

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        field.target(t, y, out)
        h = work.ratio(dt)
        if type(h) is float and h == 1.0:
            return out
        out -= y
        out *= h
        out += y
        return out

    def amplification(self, h: float | Array) -> float | Array:
        """Return ``1 - h``."""
        return 1.0 - h
