"""Trains of pulses: what one device model does to a block of devices, turn by turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array
from neurosim.devices.cells import Cells

if TYPE_CHECKING:
    from neurosim.devices.base import DeviceModel

BLOCK = 65536
"""Devices pulsed together in host memory: what a turn touches stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Drive(ABC):
    """Devices under pulses of one direction.

        g <- clip(g +- (move + std xi), g_low, g_high)

    Attributes
    ----------
    cells
        The devices.
    up
        Whether the pulses raise the conductance.
    """

    cells: Cells
    up: bool

    @abstractmethod
    def move(self, g: Array) -> Array:
        """Return the mean size [S] of the next change, from `g`: `DeviceModel.increment`."""

    @abstractmethod
    def std(self, g: Array, move: Array) -> Array | None:
        """Return the std [S] of the next change, whose mean is `move`: `DeviceModel.jitter`."""

    @abstractmethod
    def tail(self, first: int) -> Drive:
        """Return the drive without its first devices."""

    def run(self, g: Array, ended: Array, rng: Any) -> None:
        """Change `g` (devices,) by whole trains; at turn t the trains of the first ``ended[t]`` devices are over."""
        for first, drive in self.turns(ended):
            left = g[first:]
            drive.pulse(left, partial(rng.standard_normal, left.shape, dtype=left.dtype))

    def turns(self, ended: Array) -> Iterator[tuple[int, Drive]]:
        """Yield for every turn the first device whose train is not over, and the drive from there on."""
        now, drive = 0, self
        for first in ended.tolist():
            if first != now:
                now, drive = first, self.tail(first)
            yield first, drive

    def pulse(self, g: Array, normals: Callable[[], Array]) -> None:
        """Change `g` by one pulse; `normals` gives fresh standard normals of its shape where there is noise."""
        change = self.move(g)
        std = self.std(g, change)
        if std is not None:
            noise = normals()
            noise *= std
            noise += change
            change = noise
        if self.up:
            g += change
        else:
            g -= change
        self.cells.clip(g, out=g)


@dataclass(frozen=True, eq=False)
class AnyDrive(Drive):
    """Asks the model at every pulse: right for every model."""

    model: DeviceModel

    def move(self, g: Array) -> Array:
        """Return what the model says."""
        return self.model.increment(g, self.cells, self.up)

    def std(self, g: Array, move: Array) -> Array | None:
        """Return what the model says."""
        return self.model.jitter(g, move, self.cells, self.up)

    def tail(self, first: int) -> AnyDrive:
        """Return the drive without its first devices."""
        return AnyDrive(self.cells.tail(first), self.up, self.model)
