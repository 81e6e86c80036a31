"""Pulse trains of rows and columns as bits, and the coincidences that they make at each device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices import kernels
from neurosim.devices.events import Events
from neurosim.learning import train_kernels

WORD = 32
"""Slots in a word."""
PIECE = 65536
"""Lines and slots drawn at once: what is drawn stays small and in the processor's cache."""
DEEPER = 4
"""Lines and slots of one product, in units of `PIECE`: deeper products are faster."""
BLOCK = 8192
"""Devices whose coincidences are listed together: what their events touch stays in the processor's cache."""
DEARER = 4
"""Devices and presentations whose coincidences cost numpy as much as one pulse."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Trains of the rows or of the columns.

    Attributes
    ----------
    words
        Bit t of word w: a pulse in slot 32 w + t; uint32 (words, presentations, lines).
    negative
        Whether a line's pulses count as negative, (presentations, lines).
    """

    words: Array
    negative: Array

    @classmethod
    def draw(cls, values: Array, gain: float, length: int, rng: Any) -> Lines:
        """Return trains of `length` slots that pulse with probability ``gain |values|``, slot by slot."""
        xp = namespace(values)
        words = xp.zeros((-(-length // WORD), *values.shape), dtype=xp.uint32)
        chance = xp.abs(values) * gain
        loop = _fold_of(values, length)
        for w, word in enumerate(words):
            for part in _pieces(0, min(WORD, length - w * WORD), PIECE // max(values.size, 1)):
                draws = rng.random((len(part), *values.shape), dtype=values.dtype)
                if loop is not None:
                    loop(draws.reshape(len(part), -1), chance.ravel(), part.start, word.ravel())
                    continue
                fired = (draws < chance).astype(xp.uint32)
                fired <<= xp.arange(part.start, part.stop, dtype=xp.uint32)[:, None, None]
                word |= fired.sum(axis=0, dtype=xp.uint32)
        return cls(words, values < 0)

    def signed(self, first: int, last: int, dtype: Any) -> Array:
        """Return the signed pulses of some slots, (slots, presentations, lines)."""
        xp = namespace(self.words)
        slots = xp.arange(first, last, dtype=xp.uint32)
        found = self.words[slots // WORD] >> (slots % WORD)[:, None, None]
        found &= 1
        found = found.astype(dtype)
        found *= 1 - 2 * self.negative.astype(dtype)
        return found


def _fold_of(values: Array, length: int) -> kernels.Loop | None:
    """Return the compiled loop that makes words of draws, or None while numpy is the better choice."""
    if not isinstance(values, np.ndarray) or not kernels.worth(values.size * length // DEARER, 0):
        return None
    return train_kernels.compiled_fold(values.dtype)


def _pieces(first: int, last: int, some: int) -> Iterator[range]:
    """Yield the slots from `first` to `last`, `some` at a time (at least one)."""
    some = max(some, 1)
    for begin in range(first, last, some):
        yield range(begin, min(begin + some, last))


@dataclass(frozen=True, slots=True, eq=False)
class Trains:
    """Trains of a whole batch.

    Attributes
    ----------
    rows, cols
        The lines; a device gets a pulse in every slot in which both of its lines do, up where their signs agree.
    length
        Slots of a presentation.
    dtype
        Floating type of the counts.
    """

    rows: Lines
    cols: Lines
    length: int
    dtype: Any

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows.words.shape[2], self.cols.words.shape[2]

    @property
    def presentations(self) -> int:
        """Presentations of the batch."""
        return int(self.rows.words.shape[1])

    def net(self) -> Array:
        """Return the signed sum of the coincidences of all presentations, whole numbers in `dtype`, (rows, cols)."""
        counted = self._counted()
        if counted is not None:
            return (counted[0] - counted[1]).astype(self.dtype)
        return self._product(absolute=False)

    def directions(self) -> tuple[Array, Array]:
        """Return the coincidences up and down of all presentations, int32 (rows, cols)."""
        counted = self._counted()
        if counted is not None:
            return counted
        net, both = self._product(absolute=False), self._product(absolute=True)
        xp = namespace(net)
        ups, downs = ((0.5 * part).astype(xp.int32) for part in (both + net, both - net))
        return ups, downs

    def events(self) -> Iterator[Events]:
        """Yield the coincidences presentation after presentation, of one block of rows after the other."""
        rows, cols = self.shape
        some, packed = max(1, BLOCK // cols), self._packed()
        for first in range(0, rows, some):
            last = min(first + some, rows)
            yield self._events_in_numpy(first, last) if packed is None else self._listed(first, last, *packed)

    def _product(self, *, absolute: bool) -> Array:
        """Return the sum of all slots' products: whole numbers, so exact in any order."""
        xp = namespace(self.rows.words)
        total = xp.zeros(self.shape, dtype=self.dtype)
        widest = max(self.rows.negative.size, self.cols.negative.size, 1)
        for slots in _pieces(0, self.length, DEEPER * PIECE // widest):
            p, q = (
                line.signed(slots.start, slots.stop, self.dtype).reshape(-1, line.words.shape[2])
                for line in (self.rows, self.cols)
            )
            total += xp.matmul(abs(p).T, abs(q)) if absolute else xp.matmul(p.T, q)
        return total

    def _counted(self) -> tuple[Array, Array] | None:
        """Return `directions` by the compiled loop, or None while numpy is the better choice."""
        if not self._worth():
            return None
        loop = train_kernels.compiled_count()
        if loop is None:
            return None
        ups, downs = (np.zeros(self.shape, np.int32) for _ in range(2))
        loop(self.rows.words, self.rows.negative, *self._split(), ups, downs)
        return ups, downs

    def _split(self) -> tuple[Array, Array]:
        """Return the words of the positive and of the negative columns."""
        positive = self.cols.words * ~self.cols.negative
        return positive, self.cols.words - positive

    def _worth(self) -> bool:
        rows, cols = self.shape
        on_host = isinstance(self.rows.words, np.ndarray)
        return on_host and kernels.worth(rows * cols * self.presentations // DEARER, 0)

    def _packed(self) -> tuple[Array, Array, Array] | None:
        """Return the columns' words as the compiled list reads them, or None while numpy is the better choice."""
        loop = train_kernels.compiled_pack() if self._worth() else None
        if loop is None:
            return None
        place, sizes = np.empty(self.cols.negative.shape, np.int32), np.empty(self.presentations, np.int32)
        packed = np.empty_like(self.cols.words)
        loop(self.cols.words, packed, place, sizes)
        return packed, place, sizes

    def _listed(self, first: int, last: int, packed: Array, place: Array, sizes: Array) -> Events:
        """Return the coincidences of rows `first` to `last` by the compiled loop."""
        loop, devices = train_kernels.compiled_list(), (last - first) * self.shape[1]
        assert loop is not None  # as what packed the columns
        index, counts = (np.empty(devices * self.presentations, np.int32) for _ in range(2))
        ends = np.empty(self.presentations, np.int32)
        rows, cols = self.rows, self.cols
        loop(rows.words, rows.negative, packed, cols.negative, place, sizes, first, last, index, counts, ends)
        return Events(self._devices(first, last), index[: ends[-1]], counts[: ends[-1]], tuple(ends.tolist()))

    def _devices(self, first: int, last: int) -> slice:
        return slice(first * self.shape[1], last * self.shape[1])

    def _events_in_numpy(self, first: int, last: int) -> Events:
        xp = namespace(self.rows.words)
        index, counts, ends, found = [], [], [], 0
        for k in range(self.presentations):
            p, q = (
                Lines(line.words[:, k : k + 1, part], line.negative[k : k + 1, part]).signed(0, self.length, self.dtype)
                for line, part in ((self.rows, slice(first, last)), (self.cols, slice(None)))
            )
            net = xp.matmul(p[:, 0].T, q[:, 0]).ravel()
            hit = xp.flatnonzero(net != 0)
            index.append(hit.astype(xp.int32))
            counts.append(net[hit].astype(xp.int32))
            found += int(hit.size)
            ends.append(found)
        return Events(self._devices(first, last), xp.concatenate(index), xp.concatenate(counts), tuple(ends))
