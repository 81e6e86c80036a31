"""Coincidences of trains of bits, compiled by numba (extra ``fast``): whole numbers, the same as numpy's products."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from neurosim.devices.kernels import Loop, built

PAIRS, FOURS, BYTES, SUM = (np.uint32(mask) for mask in (0x55555555, 0x33333333, 0x0F0F0F0F, 0x01010101))
ONE, TWO, FOUR, TOP = (np.uint32(shift) for shift in (1, 2, 4, 24))


@cache
def compiled_count() -> Loop | None:
    """Return `count_coincidences` compiled, or None where numba is missing or switched off."""
    words, signs, none = np.empty((1, 0, 0), np.uint32), np.empty((0, 0), bool), np.empty((0, 0), np.int32)
    return built(count_coincidences, words, signs, words, words, none, none)


@cache
def compiled_list() -> Loop | None:
    """Return `list_coincidences` compiled, or None."""
    words, signs, none = np.empty((1, 0, 0), np.uint32), np.empty((0, 0), bool), np.empty(0, np.int32)
    return built(list_coincidences, words, signs, words, signs, 0, 0, none, none, none)


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


def list_coincidences(
    rows: Any,
    negative: Any,
    cols: Any,
    cols_negative: Any,
    first: int,
    last: int,
    index: Any,
    counts: Any,
    ends: Any,
) -> None:
    """Write the events of rows `first` to `last`, presentation after presentation (`Events`).

    A pass over a row marks where there is one; most eighths of a row have none and are passed over at once.
    """
    size = cols.shape[2]
    hit = np.zeros((size + 7) // 8 * 8, np.uint8)
    eights, found = hit.view(np.uint64), 0
    for b in range(rows.shape[1]):
        for i in range(first, last):
            hit[:] = 0
            for w in range(rows.shape[0]):
                mine, other = rows[w, b, i], cols[w, b]
                if mine != 0:
                    for j in range(size):
                        hit[j] |= np.uint8((mine & other[j]) != 0)
            for eight in range(eights.size):
                if eights[eight] != 0:
                    for j in range(8 * eight, min(8 * eight + 8, size)):
                        if hit[j]:
                            n = np.int32(0)
                            for w in range(rows.shape[0]):
                                x = np.uint32(rows[w, b, i] & cols[w, b, j])
                                x = np.uint32(x - np.uint32((x >> ONE) & PAIRS))
                                x = np.uint32(np.uint32(x & FOURS) + np.uint32((x >> TWO) & FOURS))
                                x = np.uint32(np.uint32(x + (x >> FOUR)) & BYTES)
                                n += np.int32(np.uint32(x * SUM) >> TOP)
                            index[found] = (i - first) * size + j
                            counts[found] = n if negative[b, i] == cols_negative[b, j] else -n
                            found += 1
        ends[b] = found
