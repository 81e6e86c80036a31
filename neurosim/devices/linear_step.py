"""Steps that shrink linearly towards the bounds."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import choice, number
from neurosim.devices.straight import LineDrive, StraightStep


@dataclass(frozen=True, kw_only=True)
class LinearStep(StraightStep, ImperfectDevice):
    """Step size linear in the conductance: between `ConstantStep` (gamma 0) and `SoftBounds` (gamma 1).

        up:    dG =  step_up   (1 - gamma_up   w)           w = (g - g_mid) / (g_high - g_mid)
        down:  dG = -step_down (1 + gamma_down w)           g_mid = (g_low + g_high) / 2

        multiplicative noise:  g <- clip(g + dG (1 + c2c xi))
        additive noise:        g <- clip(g + dG +- step c2c xi)

    g [S] conductance; w in [-1, 1] its position in the device's own range; step_up, step_down, g_low, g_high
    [S] of each device (`Cells`); gamma_up, gamma_down the relative loss of step size at the bound ahead; xi
    fresh standard normal at each pulse. With multiplicative noise and no bound met, ``v = 1 - gamma w`` obeys
    ``E v_n = v_0 (1 - k)^n`` and ``E v_n^2 = v_0^2 ((1 - k)^2 + k^2 c2c^2)^n`` with
    ``k = gamma step / (g_high - g_mid)``; with additive noise the same mean.

    Valid range: conductances in [g_low, g_high], where the mean step is never negative; parameters as
    declared, `RangeError` or `ConfigError` otherwise.

    References
    ----------
    Rasch et al., AICAS 2021, arXiv:2104.02184 (there w is the weight, and gamma has a spread of its own).
    """

    gamma_up: float = number(0.5, "relative loss of the up step at g_max", low=0.0, high=1.0)
    gamma_down: float = number(0.5, "relative loss of the down step at g_min", low=0.0, high=1.0)
    noise: str = choice(
        "multiplicative", "c2c relative to the step here, or at mid-range", ("multiplicative", "additive")
    )

    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return steps that shrink by `gamma_up` or `gamma_down` towards the bound ahead."""
        taper = self.gamma_up if up else self.gamma_down
        return LineDrive.along(cells, up, taper=taper, c2c=self.c2c, additive=self.noise == "additive")
