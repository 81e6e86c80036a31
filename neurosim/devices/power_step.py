"""Steps that fall as a power of the distance from the bound ahead."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array
from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import number


@dataclass(frozen=True, kw_only=True)
class PowerStep(ImperfectDevice):
    """A power of the distance from the bound ahead, with its own exponent in each direction.

        up:    dG =  step_up   (1 - w)^gamma_up             w = (g - g_mid) / (g_high - g_mid)
        down:  dG = -step_down (1 + w)^gamma_down

        g <- clip(g + dG (1 + c2c xi), g_low, g_high)

    g [S] conductance; w in [-1, 1] its position in the device's own range; step_up, step_down, g_low, g_high
    [S] of each device (`Cells`); xi fresh standard normal at each pulse. Exponent 0 is `ConstantStep`, 1 is
    `SoftBounds`. For small steps the distance v = 1 -+ w from the bound ahead obeys
    ``v_n^(1 - gamma) = v_0^(1 - gamma) - (1 - gamma) kappa n`` with kappa = step / (g_high - g_mid).

    Valid range: conductances in [g_low, g_high]; parameters as declared, `RangeError` otherwise.

    References
    ----------
    Form (``PowStep``) of Rasch et al., AICAS 2021, arXiv:2104.02184. Its step stands at the bound behind; here
    it stands at mid-range, ``step = 2^-gamma`` of theirs.
    """

    gamma_up: float = number(1.5, "exponent of the distance from g_max, up", low=0.0, high=20.0)
    gamma_down: float = number(1.5, "exponent of the distance from g_min, down", low=0.0, high=20.0)

    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean step at `g`."""
        w = cells.position(g)
        ahead, gamma = (1 - w, self.gamma_up) if up else (1 + w, self.gamma_down)
        return cells.step(up) * ahead**gamma

    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return ``c2c`` times the mean step here."""
        return self.c2c * move if self.c2c else None
