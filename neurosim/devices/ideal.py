"""The reference device: constant, symmetric, noiseless steps, all devices equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array
from neurosim.devices.cells import Cells
from neurosim.devices.straight import LineDrive, StraightStep


@dataclass(frozen=True, kw_only=True)
class Ideal(StraightStep):
    """A perfect memory element of finite range and finite step.

        up: g <- min(g + step, g_max)        down: g <- max(g - step, g_min)

    It has no imperfections and therefore no parameters for them: a sweep over ``device.asymmetry`` needs
    another model, and the configuration says so.

    Valid range: conductances in [g_min, g_max]; parameters as declared, `RangeError` otherwise.
    """

    def sample(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Cells:
        """Return the nominal device: nothing is drawn."""
        return self.nominal(xp, dtype)

    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return equal, noiseless steps."""
        return LineDrive.along(cells, up)

    def visible(self, g: Array, cells: Cells, rng: Any) -> Array:
        """Return `g` itself."""
        return g
