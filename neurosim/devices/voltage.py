"""What the state models share: devices whose state obeys a differential equation under the voltage of a pulse."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from neurosim.backend import Array
from neurosim.devices.cells import Cells
from neurosim.devices.drive import Drive
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import number
from neurosim.errors import RangeError
from neurosim.units import format_quantity

WIDEST = 0.9
"""Largest part of the half range that one pulse may move a device from mid-range."""


@dataclass(frozen=True, eq=False)
class StateDrive(Drive):
    """Pulses that let a state run for a while: leaf classes write `move`.

    Attributes
    ----------
    time
        How long the state runs during a pulse, in a unit of the model, one entry per device or 0-d.
    c2c
        Noise of a step relative to its mean.
    """

    time: Array
    c2c: float

    def std(self, g: Array, move: Array) -> Array | None:
        """Return ``c2c`` times the mean step here."""
        return self.c2c * move if self.c2c else None

    def tail(self, first: int) -> StateDrive:
        """Return the drive without its first devices."""
        time = self.time if self.time.ndim == 0 else self.time[first:]
        return type(self)(self.cells.tail(first), self.up, time, self.c2c)


@dataclass(frozen=True, kw_only=True)
class VoltageDevice(ImperfectDevice):
    """A device with an internal state x in [0, 1], ``dx/dt = +-rate(V) f(x)``, under pulses of a voltage and a width.

    A pulse solves the equation over its width. Voltages enter as amplitudes; which polarity raises the conductance
    is the model's. Either the widths are given, and `step` and `asymmetry` follow from them, or they are zero, and
    `widths` are those which give `step` and `asymmetry`. A device whose step differs from the nominal one
    (`step_d2d`, `asymmetry_d2d`) is one whose state runs faster or slower by as much as that takes at mid-range.
    """

    volts_up: float = number(0.3, "amplitude of the pulse up", unit="V", low=0.0, high=20.0, open="low")
    volts_down: float = number(0.3, "amplitude of the pulse down", unit="V", low=0.0, high=20.0, open="low")
    width_up: float = number(0.0, "width of the pulse up; 0: what gives `step`", unit="s", low=0.0)
    width_down: float = number(0.0, "width of the pulse down; 0: what gives `step`", unit="s", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for up, name in ((True, "volts_up"), (False, "volts_down")):
            if not self.rate(up) > 0:
                raise self._refused(name, f"below the threshold, nothing moves; allowed above {self.threshold(up):g} V")
        if (self.width_up > 0) != (self.width_down > 0):
            name = "width_down" if self.width_up else "width_up"
            raise self._refused(name, "give both widths, or neither and `step` instead")
        if self.width_up:
            self._take_steps_from_widths()

    def _refused(self, name: str, text: str) -> RangeError:
        return RangeError(f"{type(self).__name__}.{name} = {getattr(self, name)!r}: {text}")

    def _take_steps_from_widths(self) -> None:
        up, down = (
            self.change(self.rate(u) * width, u) for u, width in ((True, self.width_up), (False, self.width_down))
        )
        limit = WIDEST * 0.5 * (self.g_max - self.g_min)
        for name, change in (("width_up", up), ("width_down", down)):
            if not 0 < change < limit:
                moved = f"one pulse from mid-range moves {format_quantity(change, 'S')}"
                raise self._refused(name, f"{moved}; allowed up to {format_quantity(limit, 'S')}: make it shorter")
        object.__setattr__(self, "step", 0.5 * (up + down))
        object.__setattr__(self, "asymmetry", (up - down) / (up + down))

    @property
    def widths(self) -> tuple[float, float]:
        """Width [s] of the pulse up and down of the nominal device."""
        if self.width_up:
            return self.width_up, self.width_down
        cells = self.nominal(np, np.float64)
        up, down = (float(self.duration(cells, up)) / self.rate(up) for up in (True, False))
        return up, down

    @abstractmethod
    def threshold(self, up: bool) -> float:
        """Return the amplitude [V] from which a pulse moves the state."""

    @abstractmethod
    def rate(self, up: bool) -> float:
        """Return how fast a pulse moves the state where ``f = 1`` [ranges per second]."""

    @abstractmethod
    def duration(self, cells: Cells, up: bool) -> Array:
        """Return how long the state of each device runs, width times rate, so that it moves its step at mid-range."""

    @abstractmethod
    def change(self, duration: float, up: bool) -> float:
        """Return by how much [S] the nominal device moves from mid-range in a duration of width times rate."""

    @abstractmethod
    def drive(self, cells: Cells, up: bool) -> StateDrive:
        """Return what pulses of one direction do to `cells`."""

    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean step at `g`."""
        return self.drive(cells, up).move(g)

    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return ``c2c`` times the mean step here."""
        return self.c2c * move if self.c2c else None
