"""Steps proportional to the distance from the bound ahead."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import choice
from neurosim.devices.straight import LineDrive, StraightStep


@dataclass(frozen=True, kw_only=True)
class SoftBounds(StraightStep, ImperfectDevice):
    """The bound ahead is approached exponentially and never passed.

        up:    dG =  step_up   (g_high - g) / (g_high - g_mid)      g_mid = (g_low + g_high) / 2
        down:  dG = -step_down (g - g_low)  / (g_mid - g_low)

        multiplicative noise:  g <- clip(g + dG (1 + c2c xi))
        additive noise:        g <- clip(g + dG +- step c2c xi)

    g [S] conductance; step_up, step_down, g_low, g_high [S] of each device (`Cells`): the step is `step` at
    mid-range, twice that at the bound behind and zero at the bound ahead; xi fresh standard normal at each
    pulse. With multiplicative noise the distance x to the bound ahead obeys ``E x_n = x_0 (1 - k)^n`` and
    ``E x_n^2 = x_0^2 ((1 - k)^2 + k^2 c2c^2)^n`` with ``k = step / (g_high - g_mid)``.

    Valid range: conductances in [g_low, g_high]; parameters as declared, `RangeError` or `ConfigError`
    otherwise.

    References
    ----------
    Frascaroli et al., Sci. Rep. 8, 7178 (2018), doi:10.1038/s41598-018-25376-x; form of Rasch et al., AICAS
    2021, arXiv:2104.02184.
    """

    noise: str = choice(
        "multiplicative", "c2c relative to the step here, or at mid-range", ("multiplicative", "additive")
    )

    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return steps that shrink to nothing at the bound ahead."""
        return LineDrive.along(cells, up, taper=1.0, c2c=self.c2c, additive=self.noise == "additive")
