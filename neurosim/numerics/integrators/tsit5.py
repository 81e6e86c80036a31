"""Tsitouras' pair of orders 5 and 4, for fixed steps and for step size control."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.integrators.tableau import (
    Tableau,
    combine,
    fill_slopes,
    horner,
    runge_kutta_step,
)
from neurosim.numerics.relaxation import Relaxation

_STEP = (
    0.09646076681806523,
    0.01,
    0.4798896504144996,
    1.379008574103742,
    -3.290069515436081,
    2.324710524099774,
)

TABLEAU = Tableau(
    c=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0),
    a=(
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (
            5.86145544294642,
            -12.92096931784711,
            8.159367898576159,
            -0.071584973281401,
            -0.028269050394068383,
        ),
    ),
    b=_STEP,
)

EMBEDDED = Tableau(c=(*TABLEAU.c, 1.0), a=(*TABLEAU.a, _STEP), b=(*_STEP, 0.0))
"""The same step with its end as a seventh stage, whose slope is the first of the next step."""

ERROR = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    1 / 66,
)
"""Weights of the difference between the solutions of order 5 and 4."""

_STABILITY = TABLEAU.stability()


@dataclass(frozen=True, slots=True)
class Tsit5:
    """Explicit pair of orders 5(4) whose last stage is the first of the next step.

    - Order 5, six stages a fixed step; six new ones also with the error estimate, of order 4.
    - Stability function ``R = 1 - h + h^2/2 - h^3/6 + h^4/24 - h^5/120 + 0.0014322 h^6``: stable for
      ``0 < h < 3.506``, positive.

    Source: Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002, table 1.
    """

    name: str = "tsit5"
    order: int = 5
    stages: int = 6
    error_order: int = 4
    embedded_stages: int = 6
    tableau: Tableau = TABLEAU

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        return runge_kutta_step(self.tableau, field, t, dt, y, out, work)

    def step_with_error(
        self, field: Relaxation, t: float, dt: float, y: Array, slope: Array, out: Array, slope_out: Array,
        error: Array, work: Workspace,
    ) -> None:  # fmt: skip
        """Write y(t + dt), the slope there and the estimated error."""
        slopes = [slope, *(work.buffer(i) for i in range(5)), slope_out]
        fill_slopes(EMBEDDED, field, t, dt, y, out, slopes, work)
        combine(ERROR, slopes, work.ratio(dt), error, work.buffer(5))

    def amplification(self, h: float | Array) -> float | Array:
        """Return the stability function of the fixed step."""
        return horner(_STABILITY, h)
