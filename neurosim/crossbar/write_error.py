"""Programming errors: how far from the target a published closed-loop write ends.

The reached conductance is ``G + sigma(G) xi`` with a standard normal xi; sigma is a polynomial of G fitted to chips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.units import format_quantity

if TYPE_CHECKING:
    from neurosim.devices import Cells, DeviceModel

MICRO = 1e-6
SLACK = 1e-9
"""Relative; bounds of a range are compared up to rounding."""


@dataclass(frozen=True, slots=True)
class WriteError:
    """Standard deviation of a write, ``sigma = (g_max / g_unit) uS sum_k c_k x^k``.

    A relative set has ``x = G / g_max`` and scales with the range of the device: at ``g_max = g_unit`` it is the fit
    itself. An absolute one has ``x = G / 1 uS`` and no factor. Below 0 sigma counts as 0.

    Attributes
    ----------
    name
        Its word in an experiment file.
    coefficients
        c_0, c_1, ... [uS].
    low, high
        Range of G of the source [S]. A relative set was fitted to devices of ``g_max = high``.
    relative
        Whether it scales with the device.
    source
        Where it was published.
    """

    name: str
    coefficients: tuple[float, ...]
    low: float
    high: float
    relative: bool
    source: str

    def check(self, g_min: float, g_max: float) -> None:
        """Raise `RangeError` for a device whose range is not covered by an absolute set."""
        if not self.relative and not (self.low * (1 - SLACK) <= g_min and g_max <= self.high * (1 + SLACK)):
            ours = f"{format_quantity(g_min, 'S')} to {format_quantity(g_max, 'S')}"
            theirs = f"{format_quantity(self.low, 'S')} to {format_quantity(self.high, 'S')}"
            raise RangeError(
                f"write error {self.name!r}: measured from {theirs}, but the device has {ours}; use such a device, "
                f"or a set that scales with it: {', '.join(n for n, s in WRITE_ERRORS.items() if s.relative)}"
            )

    def deviation(self, g: Array, g_max: float) -> Array:
        """Return sigma [S] of a write of `g` [S], shape of `g`, for a device of nominal `g_max` [S]."""
        xp = namespace(g)
        unit, factor = (g_max, g_max / self.high) if self.relative else (MICRO, 1.0)
        x = xp.clip(g / unit, 0.0, 1.0) if self.relative else g / unit
        sigma = xp.zeros_like(g)
        for c in reversed(self.coefficients):
            sigma *= x
            sigma += c
        return xp.maximum(sigma, 0.0) * (factor * MICRO)

    def reached(self, g: Array, held: Array | None, cells: Cells, device: DeviceModel, rng: Any) -> Array:
        """Return where a write of the targets `g` [S] ends, within the devices' ranges.

        `held` is the conductance before: devices that are to keep it are not written. None writes all.
        """
        xp = namespace(g)
        found = g + self.deviation(g, device.g_max) * rng.standard_normal(g.shape, dtype=g.dtype)
        found = device.write(found, cells, out=found)
        return found if held is None else xp.where(g == held, held, found)


WRITE_ERRORS: Mapping[str, WriteError] = {
    error.name: error
    for error in (
        WriteError(
            "pcm_like",
            (0.26348, 1.9650, -1.1731),
            0.0,
            25e-6,
            True,
            "Nandakumar et al. 2019, ICECS, doi:10.1109/ICECS46596.2019.8964852",
        ),
        WriteError(
            "hermes",
            (0.15781817, 2.32443916, -2.16310839, 0.68841818),
            0.0,
            10.35e-6,
            True,
            "Le Gallo et al. 2023, doi:10.1038/s41928-023-01010-1, one PCM device per polarity",
        ),
        WriteError(
            "rram_wan",
            (0.348, 16.030, -43.853, 45.393, -16.815),
            0.0,
            40e-6,
            True,
            "Wan et al. 2022, doi:10.1038/s41586-022-04992-8, one second after the write",
        ),
        WriteError(
            "rram_milo",
            (4.782321, -0.009107),
            50e-6,
            225e-6,
            False,
            "Milo et al. 2021, IRPS, doi:10.1109/IRPS46558.2021.9405119",
        ),
    )
}
"""Name -> programming error. Coefficients as aihwkit and CrossSim give them, each with the range it was fitted in."""
