"""Pairs in which one device carries the weight and the other rests."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.devices import Cells, DeviceModel


@dataclass(frozen=True, slots=True)
class OneSided:
    """One device carries the weight, the other rests at its own lower bound. Least current in the array.

    The loaded device is placed relative to the floor of its idle partner, so the difference is exact even
    where the bounds of the two differ. A pulse that pushes the idle device down is lost: half of a push-pull.
    """

    devices_per_pulse: int = 2
    signed: bool = True
    one_way: bool = False

    def minus_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of G-: one per weight."""
        return shape

    def bounds(self, device: DeviceModel) -> tuple[float, float]:
        """Return plus and minus the full range of a device."""
        return device.g_min - device.g_max, device.g_max - device.g_min

    def place(self, d: Array, device: DeviceModel, plus: Cells, minus: Cells) -> tuple[Array, Array]:
        """Return ``G+ = clip(floor of G- + d)``, ``G- = clip(floor of G+ - d)``."""
        xp = namespace(d)
        g_plus = minus.g_low + d
        g_minus = xp.subtract(plus.g_low, d, out=d)
        return device.write(g_plus, plus, out=g_plus), device.write(g_minus, minus, out=g_minus)

    def shift(
        self, g_plus: Array, g_minus: Array, d: Array, device: DeviceModel, plus: Cells, minus: Cells
    ) -> tuple[Array, Array]:
        """Return the pair placed anew at the changed difference (what the two have in common is removed)."""
        d += g_plus
        d -= g_minus
        return self.place(d, device, plus, minus)

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the pulses of G+, and as many the other way for G-."""
        return counts, -counts
