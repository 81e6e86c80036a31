"""Soft bounds whose steps stand at a reference conductance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from neurosim.devices.cells import Cells
from neurosim.devices.soft_bounds import SoftBounds
from neurosim.devices.straight import LineDrive

NEAREST = 0.05
"""Least distance of a bound from the reference, relative to the nominal one, that a slope is computed with."""


@dataclass(frozen=True, kw_only=True)
class SoftBoundsReference(SoftBounds):
    """Soft bounds with steps and bounds that vary independently around a reference conductance r.

        up:    dG =  s_up   (g_high - g) / (g_high - r)     r = g_min + reference (g_max - g_min)
        down:  dG = -s_down (g - g_low)  / (r - g_low)

        multiplicative noise:  g <- clip(g + dG (1 + c2c xi))
        additive noise:        g <- clip(g + dG +- s c2c xi)

    g [S] conductance; s_up, s_down [S] the steps *at r* of each device, g_low, g_high [S] its bounds (usually with
    ``bounds_from = "reference"``). Without spread of the bounds it moves as `SoftBounds` does, whose `step` and
    `asymmetry` stand at mid-range as in every model. What differs is the single device: a wider one has here the same
    step at r and a smaller relative slope, there the same step at its own mid-range. Additive noise stands at r too.
    Subtracting r from a reading is the work of the second device of a pair, not of this one.

    Valid range: conductances in [g_low, g_high]; parameters as declared, `RangeError` or `ConfigError` otherwise. A
    bound drawn within 5 % of its nominal distance from r, or beyond r, counts as 5 % away in the slope.

    References
    ----------
    Form (``SoftBoundsReference``) of aihwkit: Rasch et al., AICAS 2021, arXiv:2104.02184. Its ``SoftBoundsPmax``
    is no other device: ``G(p) = g_min + B (1 - exp(-alpha p))`` is `SoftBounds` with g_max = g_min + B and
    ``step (1 + asymmetry) = B (1 - exp(-alpha)) / 2``.
    """

    def sample(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Cells:
        """Draw the devices: as `ImperfectDevice` does, with steps that stand at the reference."""
        cells = super().sample(shape, rng, xp, dtype)
        if not self.bounds_d2d:
            return cells
        r, own = self.g_reference, (cells.g_high - cells.g_low) / (self.g_max - self.g_min)
        above, below = self.g_max - r, r - self.g_min
        # A stuck device lies anywhere: its range, and with it its step, is zero.
        up = own / xp.maximum((cells.g_high - r) / above, NEAREST)
        down = own / xp.maximum((r - cells.g_low) / below, NEAREST)
        return replace(cells, step_up=cells.step_up * up, step_down=cells.step_down * down)

    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return steps that shrink to nothing at the bound ahead, with additive noise as at the reference."""
        drive = super().drive(cells, up)
        if drive.absolute is None or (self.reference == 0.5 and not self.bounds_d2d):
            return drive
        r = self.g_reference
        distance = cells.g_high - r if up else r - cells.g_low
        return replace(drive, absolute=self.c2c * drive.slope * abs(distance))
