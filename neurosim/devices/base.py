"""The interface of a memory element: what programming does to a conductance and what reading returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices.cells import Cells
from neurosim.devices.drive import BLOCK, AnyDrive, Drive
from neurosim.devices.parameter import check_parameters, number
from neurosim.errors import RangeError, ShapeError
from neurosim.units import format_quantity

LONGEST_TRAIN = 1_000_000
"""Most pulses on one device in one call: far beyond any device's range, and a diverged update ends here."""


@dataclass(frozen=True, kw_only=True)
class DeviceModel(ABC):
    """A kind of memory element. Frozen parameters; the conductances are passed in and out.

    A leaf class defines `sample`, `visible`, and either `increment` and `jitter` or, with `StraightStep`, `drive`.

    Raises
    ------
    RangeError
        A parameter outside its declared range, ``g_min >= g_max``, or a step larger than the range.
    """

    g_min: float = number(1e-6, "smallest conductance", unit="S", low=0.0)
    g_max: float = number(51e-6, "largest conductance", unit="S", low=0.0, open="low")
    step: float = number(0.02e-6, "mean change of conductance by one pulse at mid-range", unit="S", low=0.0, open="low")

    def __post_init__(self) -> None:
        check_parameters(self)
        name = type(self).__name__
        if self.g_min >= self.g_max:
            raise RangeError(
                f"{name}.g_min = {format_quantity(self.g_min, 'S')}: must be below "
                f"g_max = {format_quantity(self.g_max, 'S')}"
            )
        if self.step > self.g_max - self.g_min:
            raise RangeError(
                f"{name}.step = {format_quantity(self.step, 'S')}: must not exceed the range "
                f"g_max - g_min = {format_quantity(self.g_max - self.g_min, 'S')}"
            )

    @property
    def g_mid(self) -> float:
        """Middle of the nominal range [S]."""
        return 0.5 * (self.g_min + self.g_max)

    @property
    def states(self) -> float:
        """Nominal number of states: the range divided by the mid-range step."""
        return (self.g_max - self.g_min) / self.step

    @property
    def exact_read(self) -> bool:
        """Whether `visible` returns the hidden conductance itself."""
        return True

    def nominal(self, xp: Any, dtype: Any) -> Cells:
        """Return the device without spread as 0-d cells."""
        values = (self.g_min, self.g_max, *self.steps)
        return Cells(*(xp.asarray(value, dtype=dtype) for value in values))

    @property
    def steps(self) -> tuple[float, float]:
        """Nominal mid-range step up and down [S]."""
        return self.step, self.step

    @abstractmethod
    def sample(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Cells:
        """Draw the individual devices of an array.

        Parameters
        ----------
        shape
            Shape of the array.
        rng
            Generator of the array's own stream: the draw is made once per run.
        xp, dtype
            Array namespace and real dtype of the cells.
        """

    @abstractmethod
    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean size [S] of the change by one pulse at `g`: not negative, shape of `g` or 0-d."""

    @abstractmethod
    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return the std [S] of one pulse's change from `g`, whose mean is `move`; None when there is none."""

    def drive(self, cells: Cells, up: bool) -> Drive:
        """Return what pulses of one direction do to `cells`; `StraightStep` models have a faster one."""
        return AnyDrive(cells, up, self)

    @abstractmethod
    def visible(self, g: Array, cells: Cells, rng: Any) -> Array:
        """Return the conductance that a read sees after programming to the hidden `g` [S]."""

    def write(self, g: Array, cells: Cells, out: Array | None = None) -> Array:
        """Return the conductances after an exact closed-loop write of `g` [S]: within each device's range."""
        return cells.clip(g, out=out)

    def reset(self, cells: Cells, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Return the conductances [S] of devices of `shape` after an abrupt reset: their own lower bounds."""
        return xp.broadcast_to(cells.g_low, shape).astype(dtype)

    def pulse(self, g: Array, counts: Array, cells: Cells, rng: Any) -> Array:
        """Return the hidden conductances after a train of pulses.

        One pulse: ``g <- clip(g +- (increment + jitter xi), g_low, g_high)`` with a fresh standard normal xi.
        The noise may exceed the mean: such a pulse moves the device the wrong way. All pulses of one call on
        one device have one direction. Only the devices that get a pulse are computed.

        Parameters
        ----------
        g
            Hidden conductances [S], any shape. Not changed.
        counts
            Number of pulses of each device, shape of `g`: positive raises the conductance. Signed integers,
            or whole numbers in a floating type.
        cells
            The devices, as drawn by `sample`.
        rng
            Generator of the cycle-to-cycle noise.

        Raises
        ------
        ShapeError
            `counts` has another shape than `g`, or a type other than signed integer or floating.
        RangeError
            A count that is not whole, or beyond `LONGEST_TRAIN`.
        """
        if counts.shape != g.shape or counts.dtype.kind not in "if":
            raise ShapeError(f"pulse: counts {counts.shape} {counts.dtype}: expected signed numbers of shape {g.shape}")
        xp = namespace(g)
        result = g.copy()
        flat, trains = result.ravel(), counts.ravel()  # a view: `result` is contiguous
        active = xp.flatnonzero(trains != 0)
        if active.size == 0:
            return result
        trains = trains[active]
        longest = check_trains(trains)
        short = next(kind for kind in (xp.int8, xp.int16, xp.int32) if longest < xp.iinfo(kind).max)
        trains = trains.astype(short)  # numpy sorts short integers by radix
        block = BLOCK if xp is np else active.size
        for start in range(0, active.size, block):
            part = slice(start, start + block)
            self._train(flat, active[part], trains[part], cells, rng)
        return result

    def _train(self, flat: Array, index: Array, trains: Array, cells: Cells, rng: Any) -> None:
        """Apply ``abs(trains[k]) > 0`` pulses to device ``index[k]`` of `flat`."""
        xp = namespace(flat)
        # Sorted by length, the devices that still get pulses are a slice at every turn: nothing is picked again.
        order = xp.argsort(trains, kind="stable")
        index, trains = index[order], trains[order]
        downs = int((trains < 0).sum())
        for up, mine, lengths in (
            (True, index[downs:], trains[downs:]),
            (False, index[:downs][::-1], -trains[:downs][::-1]),
        ):
            if mine.size:
                ended = xp.searchsorted(lengths, xp.arange(1, int(lengths[-1]) + 1, dtype=lengths.dtype))
                g = flat[mine]
                self.drive(cells.take(mine, up), up).run(g, ended, rng)
                flat[mine] = g


def check_trains(trains: Array) -> float:
    """Return the largest pulse count of either sign; raise `RangeError` for one that is not whole or too large."""
    xp = namespace(trains)
    whole = trains.dtype.kind == "i" or bool((xp.floor(trains) == trains).all())
    longest = max(float(trains.max()), -float(trains.min()))
    if not whole or not longest <= LONGEST_TRAIN:
        raise RangeError(
            f"pulse: {'counts' if whole else 'counts that are not whole numbers,'} up to "
            f"{longest:g}; allowed: whole numbers up to {LONGEST_TRAIN}. The usual cause "
            "is an update that was not rounded, or that diverged"
        )
    return longest
