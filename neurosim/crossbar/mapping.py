"""How a weight is laid out on a pair of conductances, ``W = (G+ - G-) / g_ref``, or on a single one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from neurosim.backend import Array, namespace
from neurosim.crossbar.one_sided import OneSided
from neurosim.crossbar.potentiate import Potentiate
from neurosim.devices import Cells, DeviceModel


class Layout(Protocol):
    """One mapping with one update scheme.

    Differences ``d = G+ - G-`` are in siemens and have the shape of the array; they are scratch and may be overwritten.
    """

    @property
    def devices_per_pulse(self) -> int:
        """Devices moved by one pulse: 2 (G+ one way, G- the other) or 1 (G+ alone, or one of both)."""

    @property
    def one_way(self) -> bool:
        """Whether pulses only raise conductances, so that pairs have to be refreshed."""

    def minus_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of G-."""

    @property
    def signed(self) -> bool:
        """Whether there are two devices per weight; a single one has no G-, which stands as 0 S."""

    def bounds(self, device: DeviceModel) -> tuple[float, float]:
        """Return the smallest and the largest nominal difference [S]."""

    def place(self, d: Array, device: DeviceModel, plus: Cells, minus: Cells) -> tuple[Array, Array]:
        """Return the pair programmed to the difference `d` from nothing."""

    def shift(
        self, g_plus: Array, g_minus: Array, d: Array, device: DeviceModel, plus: Cells, minus: Cells
    ) -> tuple[Array, Array]:
        """Return the pair after an exact write that changes the difference by `d`."""

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the signed pulses of G+ and of G- that raise the weight by `counts` pulses; None for no pulses."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """Both devices move around mid-range in opposite directions, each by half."""

    devices_per_pulse: int = 2
    signed: bool = True
    one_way: bool = False

    def minus_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of G-: one per weight."""
        return shape

    def bounds(self, device: DeviceModel) -> tuple[float, float]:
        """Return plus and minus the full range of a device: each half of it."""
        return device.g_min - device.g_max, device.g_max - device.g_min

    def place(self, d: Array, device: DeviceModel, plus: Cells, minus: Cells) -> tuple[Array, Array]:
        """Return ``G+- = clip(g_mid +- d / 2)``."""
        xp = namespace(d)
        d *= 0.5
        g_plus = device.g_mid + d
        g_minus = xp.subtract(device.g_mid, d, out=d)
        return device.write(g_plus, plus, out=g_plus), device.write(g_minus, minus, out=g_minus)

    def shift(
        self, g_plus: Array, g_minus: Array, d: Array, device: DeviceModel, plus: Cells, minus: Cells
    ) -> tuple[Array, Array]:
        """Return ``clip(G+ + d / 2)``, ``clip(G- - d / 2)``: what one device cannot take is lost."""
        xp = namespace(d)
        d *= 0.5
        g_plus = g_plus + d
        g_minus = xp.subtract(g_minus, d, out=d)
        return device.write(g_plus, plus, out=g_plus), device.write(g_minus, minus, out=g_minus)

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the pulses of G+, and as many the other way for G-."""
        return counts, -counts


@dataclass(frozen=True, slots=True)
class Referenced:
    """G+ alone is programmed; G- stays at mid-range, one per weight or one per row (a reference column)."""

    shared: bool
    devices_per_pulse: int = 1
    signed: bool = True
    one_way: bool = False

    def minus_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of G-."""
        return (shape[0], 1) if self.shared else shape

    def bounds(self, device: DeviceModel) -> tuple[float, float]:
        """Return half the range of a device, each way: from mid-range to either bound."""
        half = 0.5 * (device.g_max - device.g_min)
        return -half, half

    def place(self, d: Array, device: DeviceModel, plus: Cells, minus: Cells) -> tuple[Array, Array]:
        """Return ``G+ = clip(g_mid + d)``, ``G- = clip(g_mid)``."""
        xp = namespace(d)
        middle = xp.full(self.minus_shape(d.shape), device.g_mid, dtype=d.dtype)
        d += device.g_mid
        return device.write(d, plus, out=d), device.write(middle, minus, out=middle)

    def shift(
        self, g_plus: Array, g_minus: Array, d: Array, device: DeviceModel, plus: Cells, minus: Cells
    ) -> tuple[Array, Array]:
        """Return ``clip(G+ + d)`` and G- as it is."""
        d += g_plus
        return device.write(d, plus, out=d), g_minus

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the pulses of G+; G- is never pulsed."""
        return counts, None


@dataclass(frozen=True, slots=True)
class Unsigned:
    """One device per weight and no G-: ``W = G / g_ref > 0``, what a passive network needs.

    G- stands as one 0 S per row in the state, so that weights and their noise are formed as everywhere.
    """

    devices_per_pulse: int = 1
    signed: bool = False
    one_way: bool = False

    def minus_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of the G- that is not there: one zero per row."""
        return shape[0], 1

    def bounds(self, device: DeviceModel) -> tuple[float, float]:
        """Return the range of a device."""
        return device.g_min, device.g_max

    def place(self, d: Array, device: DeviceModel, plus: Cells, minus: Cells) -> tuple[Array, Array]:
        """Return ``G = clip(d)`` and zeros."""
        zeros = namespace(d).zeros(self.minus_shape(d.shape), dtype=d.dtype)
        return device.write(d, plus, out=d), zeros

    def shift(
        self, g_plus: Array, g_minus: Array, d: Array, device: DeviceModel, plus: Cells, minus: Cells
    ) -> tuple[Array, Array]:
        """Return ``clip(G + d)`` and the zeros as they are."""
        d += g_plus
        return device.write(d, plus, out=d), g_minus

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the pulses of G+; G- is never pulsed."""
        return counts, None


MAPPINGS: dict[str, dict[str, Layout]] = {
    "one_sided": {"push_pull": OneSided(), "potentiate": Potentiate()},
    "balanced": {"push_pull": Balanced(), "single": Referenced(shared=False)},
    "reference": {"single": Referenced(shared=True)},
    "unsigned": {"single": Unsigned()},
}
"""Mapping name -> the schemes it can be programmed with -> layout."""

SCHEMES: tuple[str, ...] = ("push_pull", "single", "potentiate")
"""Update schemes: G+ up and G- down, each half; G+ only, in both directions; or either of them, up only."""
