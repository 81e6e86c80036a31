"""What time and use do to one side of an array: the age of every device, and its pulses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.pair import Past
from neurosim.devices import Ageing, Cells, Wear
from neurosim.rng import Streams


@dataclass(frozen=True, slots=True, eq=False)
class Lasting:
    """How the devices of one side of an array age and wear. Frozen; what evolves is their `Past`.

    Attributes
    ----------
    cells
        The devices.
    ageing, wear
        The laws, or None.
    gains
        Factor of the drift exponent of each device, float64.
    lives
        Pulses that each device takes, float64.
    """

    cells: Cells
    ageing: Ageing | None
    wear: Wear | None
    gains: Array
    lives: Array

    @classmethod
    def draw(
        cls, cells: Cells, shape: tuple[int, ...], ageing: Ageing | None, wear: Wear | None, streams: Streams, name: str
    ) -> Lasting:
        """Draw the devices from the streams ``<name>/drift`` and ``<name>/wear``."""
        gains = None if ageing is None else ageing.gains(shape, streams.generator(f"{name}/drift"))
        lives = None if wear is None else wear.lives(shape, streams.generator(f"{name}/wear"))
        return cls(cells, ageing, wear, gains, lives)

    def begin(self, g: Array, read: Array) -> Past:
        """Return the past of devices that were just made or written, never pulsed."""
        xp = namespace(g)
        if self.ageing is None:
            return Past(writes=xp.zeros(g.shape, dtype="float64"))
        walk = xp.zeros(g.shape, dtype="float64") if self.ageing.diffusion else None
        writes = None if self.wear is None else xp.zeros(g.shape, dtype="float64")
        return Past(g, read, xp.zeros(g.shape, dtype="float64"), walk, writes)

    def dead(self, past: Past) -> Array | None:
        """Return which devices have stopped, or None where none ever does."""
        return None if self.wear is None else past.writes >= self.lives

    def wait(self, g: Array, read: Array, past: Past, seconds: float, rng: Any) -> tuple[Array, Array, Past]:
        """Return the hidden and visible conductances and the past after `seconds` without programming.

        A device that has stopped does not age.
        """
        if self.ageing is None or seconds == 0:
            return g, read, past
        age, walk = past.age + seconds, past.walk
        if walk is not None:
            walk = self.ageing.walked(walk, seconds, rng)
        later = self._kept(g, self.ageing.aged(past.g, age, self.gains, walk, self.cells), past)
        seen = later
        if past.read is not past.g:
            seen = self._kept(read, self.ageing.aged(past.read, age, self.gains, walk, self.cells), past)
        return later, seen, replace(past, age=age, walk=walk)

    def _kept(self, now: Array, later: Array, past: Past) -> Array:
        dead = self.dead(past)
        return later if dead is None else namespace(now).where(dead, now, later)

    def limited(self, counts: Array, past: Past) -> Array:
        """Return the signed pulses that the devices still take."""
        if self.wear is None:
            return counts
        left = self.lives - past.writes
        return namespace(counts).clip(counts.astype("float64"), -left, left).astype(counts.dtype)

    def programmed(self, g: Array, read: Array, past: Past, pulses: Array) -> tuple[Array, Array, Past]:
        """Return conductances and past after `pulses` led to `g`, `read`: the clock of a pulsed device starts anew."""
        xp = namespace(g)
        touched, shared = pulses != 0, read is g
        if self.wear is not None:
            writes = past.writes + abs(pulses)
            died = touched & (writes >= self.lives)
            g = self.wear.stopped(g, self.cells, died)
            read = g if shared else self.wear.stopped(read, self.cells, died)
            past = replace(past, writes=writes)
        if self.ageing is not None:
            origin = xp.where(touched, g, past.g)
            seen = origin if past.read is past.g and shared else xp.where(touched, read, past.read)
            walk = None if past.walk is None else xp.where(touched, 0.0, past.walk)
            past = replace(past, g=origin, read=seen, age=xp.where(touched, 0.0, past.age), walk=walk)
        return g, read, past
