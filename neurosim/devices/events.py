"""Pulses in a given order: event by event, so that a device's later pulses start where its earlier ones ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices import kernels
from neurosim.devices.base import DeviceModel
from neurosim.devices.cells import Cells
from neurosim.devices.straight import StraightStep

DRAWS = 32768
"""Events whose random numbers are drawn together for the compiled loop."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Pulses of a block of devices by some presentations, in order.

    Attributes
    ----------
    devices
        Flat positions of the block.
    index
        Position within the block of the device of each event, int32; in a presentation each device at most once.
    counts
        Pulses of each event, int32; positive raises the conductance.
    ends
        Number of events up to and with each presentation.
    """

    devices: slice
    index: Array
    counts: Array
    ends: tuple[int, ...]


class Series:
    """An array of devices that is pulsed event by event.

    One standard normal per pulse is drawn in the order of the events, the pulses of an event one after the other.
    The compiled loop (`StraightStep` models) and the loop over presentations give the same numbers to the bit.

    Parameters
    ----------
    model, cells
        The devices.
    g
        Their hidden conductances [S], any shape. Not changed: `g` of the series is a copy.
    rng
        Generator of the cycle-to-cycle noise.
    """

    def __init__(self, model: DeviceModel, g: Array, cells: Cells, rng: Any) -> None:
        self.model, self.cells, self.rng, self.g = model, cells, rng, g.copy()

    def apply(self, events: Events) -> None:
        """Change `g` by the pulses of `events`."""
        model, pulses = self.model, abs(events.counts)
        g, cells = self.g.ravel()[events.devices], self.cells.take(events.devices)  # g is a view
        if isinstance(g, np.ndarray) and isinstance(model, StraightStep):
            loop = kernels.compiled_events(g.dtype) if kernels.worth(int(pulses.sum()), len(events.ends)) else None
            if loop is not None:
                self._apply_compiled(loop, model, g, cells, events, pulses)
                return
        for first, last in zip((0, *events.ends), events.ends, strict=False):
            if last > first:
                self._present(g, cells, events.index[first:last], events.counts[first:last])

    def _apply_compiled(
        self, loop: kernels.Loop, model: StraightStep, g: np.ndarray, cells: Cells, events: Events, pulses: np.ndarray
    ) -> None:
        line, table = model.drive(cells, True), model.table(cells, g.size)
        for start in range(0, pulses.size, DRAWS):
            some = slice(start, start + DRAWS)
            noise = self.rng.standard_normal(int(pulses[some].sum()) if line.noisy else 0, dtype=g.dtype)
            loop(g, events.index[some], events.counts[some], noise, table, g.dtype.type(line.relative))

    def _present(self, flat: Array, cells: Cells, index: Array, counts: Array) -> None:
        """Apply one presentation: rising devices, then falling ones; the draws lie in the order of the events."""
        xp, lengths = namespace(counts), abs(counts)
        begin = xp.cumsum(lengths) - lengths
        normals = Normals(self.rng, int(lengths.sum()), flat.dtype)
        for up in (True, False):
            mine = xp.flatnonzero(counts > 0 if up else counts < 0)
            if not mine.size:
                continue
            mine = mine[xp.argsort(lengths[mine], kind="stable")]
            own, drawn, devices = lengths[mine], begin[mine], index[mine]
            ended = xp.searchsorted(own, xp.arange(1, int(own[-1]) + 1, dtype=own.dtype))
            g = flat[devices]
            drive = self.model.drive(cells.take(devices, up), up)
            for turn, (first, left) in enumerate(drive.turns(ended)):
                left.pulse(g[first:], partial(normals.at, drawn[first:] + turn))
            flat[devices] = g


@dataclass(slots=True, eq=False)
class Normals:
    """Standard normals of one presentation, drawn once a device asks for one."""

    rng: Any
    size: int
    dtype: Any
    values: Array | None = None

    def at(self, index: Array) -> Array:
        """Return a copy of those at `index`."""
        if self.values is None:
            self.values = self.rng.standard_normal(self.size, dtype=self.dtype)
        return self.values[index]
