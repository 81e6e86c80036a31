"""Faults of an array: devices and lines that are stuck, open or shorted, drawn once.

With ideal lines each fault is a pattern of conductances, the same for a read from the rows and from the columns:

    stuck device    its bounds coincide: at its g_min, its g_max, at random between them, or open at 0 S
    stuck line      all its devices are stuck at one value
    open line       the terminal is cut off. Read from the other side, whose ends stay at 0 V, the line carries nothing;
                    read from its own side, nothing arrives: all its devices count as 0 S both ways
    shorted lines   neighbours share one potential. Driven, they take the mean of their two sources; sensed, each sense
                    amplifier gets half of their current. Both ways every device of the pair counts as the mean of the
                    two at its place: ``G <- P G`` (rows) or ``G P`` (columns), P the projection on equal voltages
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices import Cells
from neurosim.errors import RangeError, choose
from neurosim.rng import Streams

LEVELS = ("g_min", "g_max", "open")
"""Where the devices of a stuck line sit."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each fault occurs. All 0 is a faultless array.

    Rows are shared by G+ and G-; each of the two has columns of its own.

    Attributes
    ----------
    stuck_g_min, stuck_g_max, stuck_random, open_devices
        Fractions of the devices; together at most 1.
    stuck_rows, stuck_cols
        Probability that all devices of a line are stuck at `stuck_lines_at`.
    stuck_lines_at
        ``"g_min"``, ``"g_max"`` or ``"open"``.
    open_rows, open_cols
        Probability that a line is cut off its terminal.
    shorted_rows, shorted_cols
        Probability that a line is shorted to its next neighbour.

    Raises
    ------
    RangeError, ConfigError
        A fraction outside [0, 1], fractions of devices above 1 together, or an unknown level.
    """

    stuck_g_min: float = 0.0
    stuck_g_max: float = 0.0
    stuck_random: float = 0.0
    open_devices: float = 0.0
    stuck_rows: float = 0.0
    stuck_cols: float = 0.0
    stuck_lines_at: str = "g_min"
    open_rows: float = 0.0
    open_cols: float = 0.0
    shorted_rows: float = 0.0
    shorted_cols: float = 0.0

    def __post_init__(self) -> None:
        choose(dict.fromkeys(LEVELS), self.stuck_lines_at, "Faults.stuck_lines_at")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, str) and not 0 <= value <= 1:
                raise RangeError(f"Faults.{entry.name} = {value!r}: allowed [0, 1]")
        if self.devices > 1:
            raise RangeError(f"Faults: faulty devices of all kinds make {self.devices:g} of all; allowed [0, 1]")

    @property
    def devices(self) -> float:
        """Fraction of single devices with a fault."""
        return self.open_devices + self.stuck_g_min + self.stuck_g_max + self.stuck_random

    def apply(self, cells: Cells, shape: tuple[int, int], name: str, side: str, streams: Streams) -> Cells:
        """Return the devices of one side of array `name` with its stuck and open ones.

        The draws come from streams ``faults/<name>/...`` alone: the other properties of the devices stay, and a
        device that is faulty at one fraction is so at every larger one of the same kind.
        """
        xp, dtype = streams.backend.xp, cells.g_low.dtype
        low, high = (xp.broadcast_to(part, shape).copy() for part in (cells.g_low, cells.g_high))
        floor, ceiling = low.copy(), high.copy()
        rng = streams.generator(f"faults/{name}/{side}")
        chance, place = (rng.random(shape, dtype=dtype) for _ in range(2))
        values = {"open": xp.zeros_like(low), "g_min": floor, "g_max": ceiling}
        start = 0.0
        for fraction, value in (
            (self.open_devices, values["open"]),
            (self.stuck_g_min, floor),
            (self.stuck_g_max, ceiling),
            (self.stuck_random, floor + place * (ceiling - floor)),
        ):
            _pin(low, high, (chance >= start) & (chance < start + fraction), value)
            start += fraction
        stuck, opened = self._lines(shape, name, side, streams)
        _pin(low, high, stuck, values[self.stuck_lines_at])
        _pin(low, high, opened, values["open"])
        return Cells(low, high, cells.step_up, cells.step_down)

    def _lines(self, shape: tuple[int, int], name: str, side: str, streams: Streams) -> tuple[Array, Array]:
        """Return which devices lie on stuck and on open lines, (rows, cols)."""
        found = []
        for kind, rows, cols in (
            ("stuck", self.stuck_rows, self.stuck_cols),
            ("open", self.open_rows, self.open_cols),
        ):
            row = streams.generator(f"faults/{name}/{kind}-rows").random((shape[0], 1)) < rows
            col = streams.generator(f"faults/{name}/{side}/{kind}-cols").random((1, shape[1])) < cols
            found.append(row | col)
        return found[0], found[1]

    def shorts(self, shape: tuple[int, int], name: str, side: str, streams: Streams) -> Shorts:
        """Return the lines of one side of array `name` that are joined."""
        rows = streams.host(f"faults/{name}/shorted-rows").random(shape[0] - 1) < self.shorted_rows
        cols = streams.host(f"faults/{name}/{side}/shorted-cols").random(shape[1] - 1) < self.shorted_cols
        return Shorts(_groups(rows), _groups(cols))


@dataclass(frozen=True, slots=True)
class Shorts:
    """Groups of neighbouring rows and columns that share one potential, as slices of two or more lines."""

    rows: tuple[slice, ...] = ()
    cols: tuple[slice, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.cols)

    def seen(self, g: Array) -> Array:
        """Return what reads see of conductances `g` (rows, cols): the mean over each group."""
        g = g.copy()
        for group in self.rows:
            g[group] = g[group].mean(axis=0, keepdims=True)
        for group in self.cols:
            g[:, group] = g[:, group].mean(axis=1, keepdims=True)
        return g


NO_SHORTS = Shorts()


def _pin(low: Array, high: Array, where: Array, value: Array) -> None:
    """Give the devices at `where` coinciding bounds, in place."""
    xp = namespace(low)
    for bound in (low, high):
        xp.copyto(bound, value, where=where)


def _groups(joined: np.ndarray) -> tuple[slice, ...]:
    """Return the runs of lines of which each is joined to the next."""
    edges = np.diff(np.concatenate(([0], joined.astype(int), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(starts, ends, strict=True))
