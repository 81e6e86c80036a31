"""Heun's method: the trapezoidal rule with an Euler predictor."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.integrators.tableau import Tableau, horner, runge_kutta_step
from neurosim.numerics.relaxation import Relaxation

TABLEAU = Tableau(c=(0.0, 1.0), a=((), (1.0,)), b=(0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Heun:
    """``y1 = y + (dt/2) (f(t, y) + f(t + dt, y + dt f(t, y)))``.

    - Order 2, two stages.
    - Stability function ``R = 1 - h + h^2/2``: stable for ``0 < h < 2`` and positive, so no oscillation.

    Source: Heun 1900, Z. Math. Phys. 45, 23-38; Hairer, Norsett and Wanner 1993,
    doi:10.1007/978-3-540-78862-1, section II.1.
    """

    name: str = "heun"
    order: int = 2
    stages: int = 2
    tableau: Tableau = TABLEAU

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        return runge_kutta_step(self.tableau, field, t, dt, y, out, work)

    def amplification(self, h: float | Array) -> float | Array:
        """Return ``1 - h + h^2/2``."""
        return horner((1.0, 1 / 2), h)
