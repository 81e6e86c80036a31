"""The individual devices of an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace

NEGLIGIBLE = 1e-30
"""Smallest conductance range [S] divided by; only a stuck device, whose range is zero, lies below it."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Frozen properties of the individual devices of an array, all in siemens.

    Each is an array of the devices' shape, or 0-d when all devices are equal. A stuck device has
    ``g_low == g_high``, the value it is stuck at.

    Attributes
    ----------
    g_low, g_high
        Smallest and largest conductance of each device. Either both 0-d or both full arrays.
    step_up, step_down
        Mean change of conductance by one pulse at mid-range, in each direction; not negative.
    g_reset
        Mean conductance after a reset; None where it is ``g_low``. Pulses do not need it: parts of an array lack it.
    """

    g_low: Array
    g_high: Array
    step_up: Array
    step_down: Array
    g_reset: Any = None

    def take(self, index: Array | slice, up: bool | None = None) -> Cells:
        """Return the devices at flat positions `index`; with `up` given, that direction's step stands for both."""

        def pick(part: Array) -> Array:
            return part if part.ndim == 0 else part.ravel()[index]

        step = None if up is None else pick(self.step(up))  # for pulses: a step not needed is not gathered
        steps = (pick(self.step_up), pick(self.step_down)) if step is None else (step, step)
        return Cells(pick(self.g_low), pick(self.g_high), *steps)

    def tail(self, first: int) -> Cells:
        """Return the devices of flat cells without the first ones (views)."""
        parts = (self.g_low, self.g_high, self.step_up, self.step_down)
        return Cells(*(part if part.ndim == 0 else part[first:] for part in parts))

    def step(self, up: bool) -> Array:
        """Return the mid-range step of one direction [S]."""
        return self.step_up if up else self.step_down

    def position(self, g: Array) -> Array:
        """Return where `g` lies in each device's range: -1 at ``g_low``, 0 at mid-range, 1 at ``g_high``."""
        xp = namespace(g)
        mid = 0.5 * (self.g_low + self.g_high)
        half = xp.maximum(0.5 * (self.g_high - self.g_low), NEGLIGIBLE)
        return xp.clip((g - mid) / half, -1.0, 1.0)

    def clip(self, g: Array, out: Array | None = None) -> Array:
        """Return `g` limited to each device's range."""
        xp = namespace(g)
        if self.g_low.ndim == 0:
            return xp.clip(g, self.g_low, self.g_high, out=out)
        # Two passes of the binary kernels are faster than the three-operand clip on full arrays.
        out = xp.maximum(g, self.g_low, out=out)
        return xp.minimum(out, self.g_high, out=out)
