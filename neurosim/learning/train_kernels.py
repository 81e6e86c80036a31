"""Coincidences of trains of bits, compiled by numba (extra ``fast``): whole numbers, the same as numpy's products."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np

from neurosim.devices.kernels import Loop, built

PAIRS, FOURS, BYTES, SUM = (np.uint32(mask) for mask in (0x55555555, 0x33333333, 0x0F0F0F0F, 0x01010101))
ONE64, BYTES64, TOP64 = (np.uint64(n) for n in (1, 0x0101010101010101, 56))
ONE, TWO, FOUR, TOP = (np.uint32(shift) for shift in (1, 2, 4, 24))


@cache
def compiled_count() -> Loop | None:
    """Return `count_coincidences` compiled, or None where numba is missing or switched off."""
    words, signs, none = np.empty((1, 0, 0), np.uint32), np.empty((0, 0), bool), np.empty((0, 0), np.int32)
    return built(count_coincidences, words, signs, words, words, none, none)


@cache
def compiled_list() -> Loop | None:
    """Return `list_coincidences` compiled, or None."""
    places, sizes = np.empty((0, 0), np.int32), np.empty(0, np.int32)
    words, signs, none = np.empty((1, 0, 0), np.uint32), np.empty((0, 0), bool), np.empty(0, np.int32)
    return built(list_coincidences, words, signs, words, signs, places, sizes, 0, 0, none, none, none)


@cache
def compiled_pack() -> Loop | None:
    """Return `pack_lines` compiled, or None; also where the first of eight bytes is not the lowest of their word."""
    if sys.byteorder != "little":
        return None
    words = np.empty((1, 0, 0), np.uint32)
    return built(pack_lines, words, words, np.empty((0, 0), np.int32), np.empty(0, np.int32))


@cache
def compiled_fold(dtype: np.dtype[Any]) -> Loop | None:
    """Return `fold_draws` compiled for draws of `dtype`, or None."""
    return built(fold_draws, np.empty((0, 0), dtype), np.empty(0, dtype), 0, np.empty(0, np.uint32))


def fold_draws(draws: Any, chance: Any, first: int, word: Any) -> None:
    """Set bit ``first + t`` of each line's `word` where its draw of slot t, (slots, lines), lies below its `chance`."""
    for t in range(draws.shape[0]):
        bit = np.uint32(ONE << np.uint32(first + t))
        for k in range(word.size):
            word[k] |= bit if draws[t, k] < chance[k] else np.uint32(0)


def count_coincidences(rows: Any, negative: Any, cols_positive: Any, cols_negative: Any, ups: Any, downs: Any) -> None:
    """Add the coincidences of all presentations to `ups` and `downs`.

    The bits of a word are counted in parallel: in pairs, fours and bytes, which the compiler knows and replaces by
    the processor's own instruction.
    """
    for i in range(rows.shape[2]):
        for w in range(rows.shape[0]):
            for b in range(rows.shape[1]):
                mine = rows[w, b, i]
                if mine == 0:
                    continue
                for agree in range(2):
                    up = agree == 1
                    other = cols_positive[w, b] if up != negative[b, i] else cols_negative[w, b]
                    out = ups[i] if up else downs[i]
                    for j in range(other.size):
                        x = np.uint32(mine & other[j])
                        x = np.uint32(x - np.uint32((x >> ONE) & PAIRS))
                        x = np.uint32(np.uint32(x & FOURS) + np.uint32((x >> TWO) & FOURS))
                        x = np.uint32(np.uint32(x + (x >> FOUR)) & BYTES)
                        out[j] += np.int32(np.uint32(x * SUM) >> TOP)


def pack_lines(words: Any, packed: Any, place: Any, sizes: Any) -> None:
    """Write the words of the lines that pulse in each presentation side by side, where they stood, and how many."""
    for b in range(words.shape[1]):
        found = 0
        for j in range(words.shape[2]):
            busy = np.uint32(0)
            for w in range(words.shape[0]):
                busy |= words[w, b, j]
                packed[w, b, found] = words[w, b, j]
            place[b, found] = j
            found += busy != 0
        sizes[b] = found


def list_coincidences(
    rows: Any,
    negative: Any,
    cols: Any,
    cols_negative: Any,
    place: Any,
    sizes: Any,
    first: int,
    last: int,
    index: Any,
    counts: Any,
    ends: Any,
) -> None:
    """Write the events of rows `first` to `last`, presentation after presentation (`Events`).

    `cols`, `place` and `sizes` are those of `pack_lines`. A pass over a row marks where there is an event, without a
    branch; then the marks are taken from words of eight, the lowest first.
    """
    lines = cols.shape[2]
    hit = np.zeros((lines + 7) // 8 * 8, np.uint8)
    eights, found = hit.view(np.uint64), 0
    for b in range(rows.shape[1]):
        size = sizes[b]
        for i in range(first, last):
            busy = np.uint32(0)
            for w in range(rows.shape[0]):
                busy |= rows[w, b, i]
            if busy == 0:
                continue
            hit[:] = 0
            for w in range(rows.shape[0]):
                mine, other = rows[w, b, i], cols[w, b]
                for j in range(size):
                    hit[j] |= np.uint8((mine & other[j]) != 0)
            for eight in range((size + 7) // 8):
                marked = eights[eight]
                while marked != 0:  # a hit is the lowest bit of its byte
                    below = np.uint64(np.uint64(marked & np.uint64(~marked + ONE64)) - ONE64)
                    marked = np.uint64(marked & np.uint64(marked - ONE64))
                    below = np.uint64(below & BYTES64)
                    k = 8 * eight + np.int64(np.uint64(below * BYTES64) >> TOP64)
                    n = np.int32(0)
                    for w in range(rows.shape[0]):
                        x = np.uint32(rows[w, b, i] & cols[w, b, k])
                        x = np.uint32(x - np.uint32((x >> ONE) & PAIRS))
                        x = np.uint32(np.uint32(x & FOURS) + np.uint32((x >> TWO) & FOURS))
                        x = np.uint32(np.uint32(x + (x >> FOUR)) & BYTES)
                        n += np.int32(np.uint32(x * SUM) >> TOP)
                    index[found] = (i - first) * lines + place[b, k]
                    counts[found] = n if negative[b, i] == cols_negative[b, place[b, k]] else -n
                    found += 1
        ends[b] = found
