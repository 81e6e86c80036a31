"""Steps of constant size up to hard bounds."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.straight import LineDrive, StraightStep


@dataclass(frozen=True, kw_only=True)
class ConstantStep(StraightStep, ImperfectDevice):
    """Constant mean step with cycle-to-cycle noise, limited by hard bounds.

        up:    g <- clip(g + step_up   (1 + c2c xi), g_low, g_high)
        down:  g <- clip(g - step_down (1 + c2c xi), g_low, g_high)

    g [S] conductance; step_up, step_down, g_low, g_high [S] of each device (`Cells`, drawn from `step`,
    `asymmetry`, `step_d2d`, `asymmetry_d2d`, `g_min`, `g_max`, `bounds_d2d`); xi fresh standard normal at
    each pulse. After n up pulses that meet no bound the mean change is ``n step_up`` and its variance
    ``n (c2c step_up)^2``.

    Valid range: conductances in [g_low, g_high]; parameters as declared, `RangeError` otherwise.

    References
    ----------
    Gokmen, Vlasov, Front. Neurosci. 10, 333 (2016), doi:10.3389/fnins.2016.00333; form of Rasch et al.,
    AICAS 2021, arXiv:2104.02184. Its asymmetry differs from ours: see README.md.
    """

    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return steps of one size with noise relative to it."""
        return LineDrive.along(cells, up, c2c=self.c2c)
