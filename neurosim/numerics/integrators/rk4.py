"""The classical Runge-Kutta method of order four."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.integrators.tableau import Tableau, horner, runge_kutta_step
from neurosim.numerics.relaxation import Relaxation

TABLEAU = Tableau(
    c=(0.0, 0.5, 0.5, 1.0),
    a=((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
)


@dataclass(frozen=True, slots=True)
class RungeKutta4:
    """Four slopes, weighted 1, 2, 2, 1.

    - Order 4, four stages.
    - Stability function ``R = 1 - h + h^2/2 - h^3/6 + h^4/24``: stable for ``0 < h < 2.785``, positive.

    Source: Kutta 1901, Z. Math. Phys. 46, 435-453; Hairer, Norsett and Wanner 1993,
    doi:10.1007/978-3-540-78862-1, section II.1.
    """

    name: str = "rk4"
    order: int = 4
    stages: int = 4
    tableau: Tableau = TABLEAU

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        return runge_kutta_step(self.tableau, field, t, dt, y, out, work)

    def amplification(self, h: float | Array) -> float | Array:
        """Return ``1 - h + h^2/2 - h^3/6 + h^4/24``."""
        return horner((1.0, 1 / 2, 1 / 6, 1 / 24), h)
