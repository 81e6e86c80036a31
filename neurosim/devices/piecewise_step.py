"""Steps read from a measured table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import table
from neurosim.errors import RangeError

ENTRIES = (2, 64)


@dataclass(frozen=True, kw_only=True)
class PiecewiseStep(ImperfectDevice):
    """Step size by linear interpolation in a table over the normalised conductance.

        up:    dG =  step_up   T_up(p)   / T_up(1/2)        p = (g - g_low) / (g_high - g_low)
        down:  dG = -step_down T_down(p) / T_down(1/2)

        g <- clip(g + dG (1 + c2c xi), g_low, g_high)

    g [S] conductance; p in [0, 1] its position in the device's own range; T the straight lines through the
    entries of `table_up`, `table_down`, which stand at p = 0, 1/(n-1), ..., 1; step_up, step_down, g_low, g_high
    [S] of each device (`Cells`); xi fresh standard normal at each pulse. Only ratios within a table count:
    measured steps can be given in any unit. Two equal entries are `ConstantStep`, (2, 0) and (0, 2) `SoftBounds`.

    Valid range: conductances in [g_low, g_high]; 2 to 64 entries, not negative, and T(1/2) > 0 (the device
    must move at mid-range), `RangeError` otherwise.

    References
    ----------
    Form (``PiecewiseStep``) of Rasch et al., AICAS 2021, arXiv:2104.02184.
    """

    table_up: tuple[float, ...] = table(
        (1.5, 1.0, 0.5), "relative steps up from g_min to g_max", low=0.0, entries=ENTRIES
    )
    table_down: tuple[float, ...] = table(
        (0.5, 1.0, 1.5), "relative steps down from g_min to g_max", low=0.0, entries=ENTRIES
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("table_up", "table_down"):
            if _middle(getattr(self, name)) <= 0:
                raise RangeError(
                    f"PiecewiseStep.{name} = {getattr(self, name)!r}: the step at mid-range would be zero; "
                    "allowed are tables with a positive entry in the middle"
                )

    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean step at `g`."""
        entries = self.table_up if up else self.table_down
        return cells.step(up) * (_line(entries, 0.5 * (1 + cells.position(g))) / _middle(entries))

    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return ``c2c`` times the mean step here."""
        return self.c2c * move if self.c2c else None


def _middle(entries: tuple[float, ...]) -> float:
    """Return the table at mid-range."""
    n = len(entries)
    return 0.5 * (entries[(n - 1) // 2] + entries[n // 2])


def _line(entries: tuple[float, ...], p: Array) -> Any:
    """Return the table at positions `p` in [0, 1], in their precision (``numpy.interp`` knows only double)."""
    xp = namespace(p)
    values = xp.asarray(entries, dtype=p.dtype)
    x = p * (len(entries) - 1)
    left = xp.minimum(xp.floor(x), len(entries) - 2)
    k = left.astype(xp.int32)
    part = x - left
    return values[k] * (1 - part) + values[k + 1] * part
