"""Endurance: how many pulses a device lives, and where it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import lognormal
from neurosim.devices.parameter import check_parameters, choice, number


@dataclass(frozen=True, kw_only=True)
class Wear:
    """Each device takes a number of pulses of its own, and then stops for good.

    The numbers are lognormal around `pulses`, of relative std `spread`, rounded up, and drawn once. A reset is
    one pulse, an exact write that changes a device is one, too.
    """

    pulses: float = number(1e6, "mean number of pulses until a device stops", low=1.0)
    spread: float = number(0.0, "relative std of that number from device to device", low=0.0, high=10.0)
    stuck_at: str = choice("present", "where a device stops", ("present", "g_min", "g_max"))

    def __post_init__(self) -> None:
        check_parameters(self)

    def lives(self, shape: tuple[int, ...], rng: Any) -> Array:
        """Return the pulses that each device takes, whole numbers in float64."""
        drawn = lognormal(self.pulses, self.spread, rng.standard_normal(shape, dtype="float64"))
        return namespace(drawn).ceil(drawn)

    def stopped(self, g: Array, cells: Cells, dead: Array) -> Array:
        """Return `g` with the devices `dead` where they stop."""
        if self.stuck_at == "present":
            return g
        return namespace(g).where(dead, cells.g_low if self.stuck_at == "g_min" else cells.g_high, g)
