"""The pulses of `LineDrive` compiled by numba (extra ``fast``): the same numbers as its numpy loops, to the bit.

A model with another drive has no kernel. `ExpStep` gets none: the exponentials of numba and numpy round differently.
They round where numpy rounds: no fast-math flags, and no constants, which would be of double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

WORTH = 150_000_000
"""Pulses after which a process imports numba: they cost numpy about as much more time as import and compiler take."""
TURN = 1_000
"""Pulses that cost as much as what numpy spends on a turn besides."""
TABLE = 8
"""Rows of `StraightStep.table`: the bounds, then level, slope and absolute noise up, and the same down."""
CHUNK = 512
"""Devices whose moments are advanced together."""

Loop = Callable[..., None]


class _Work:
    """Pulses that this process has applied. How fast it goes on depends on them, but no number does."""

    pulses = 0


def worth(pulses: int, turns: int) -> bool:
    """Count another `pulses` pulses in `turns` turns, and say whether numba pays: numpy is the better choice before."""
    _Work.pulses += pulses + TURN * turns
    return _Work.pulses >= WORTH


def loop_for(dtype: np.dtype[Any], pulses: int, turns: int) -> Loop | None:
    """Return the loop for another `pulses` pulses in `turns` turns: None while numpy's is the better choice."""
    return compiled(dtype) if worth(pulses, turns) else None


@cache
def compiled(dtype: np.dtype[Any]) -> Loop | None:
    """Return `apply_turns` compiled for `dtype`, or None where numba is missing or switched off."""
    none = np.empty(0, dtype)
    return built(apply_turns, none, np.empty(0, np.intp), none, none, none, none, none, none, dtype.type(0), True)


@cache
def compiled_moments(dtype: np.dtype[Any]) -> Loop | None:
    """Return `advance_moments` compiled for `dtype`, or None."""
    none, table = np.empty(0, dtype), np.empty((TABLE, 0), dtype)
    return built(advance_moments, none, none, np.empty(0, np.int32), table, dtype.type(0), True)


@cache
def compiled_events(dtype: np.dtype[Any]) -> Loop | None:
    """Return `apply_events` compiled for `dtype`, or None."""
    none, table, whole = np.empty(0, dtype), np.empty((TABLE, 0), dtype), np.empty(0, np.int32)
    return built(apply_events, none, whole, whole, none, table, dtype.type(0))


def built(function: Loop, *nothing: Any) -> Loop | None:
    """Return `function` compiled by a call on empty arguments, or None where numba is missing or switched off."""
    try:
        import numba
    except ImportError:
        return None
    if getattr(numba.config, "DISABLE_JIT", 0):  # numba would run the loop as plain Python
        return None
    loop: Any
    try:
        loop = numba.njit(cache=True)(function)
        loop(*nothing)  # compiles, or reads from numba's cache on disk
    except Exception:  # no folder to write to, a full disk, a damaged file: the cache only saves time
        loop = numba.njit(function)
        loop(*nothing)
    return loop  # type: ignore[no-any-return]


def apply_turns(
    g: Any,
    ended: Any,
    noise: Any,
    low: Any,
    high: Any,
    level: Any,
    slope: Any,
    absolute: Any,
    relative: Any,
    up: bool,
) -> None:
    """Change `g` by all pulses of some turns: `LineDrive` operation by operation, on contiguous arrays.

    `noise` holds one number per pulse, or none at all.
    """
    drawn = 0
    for first in ended:
        left, bottom, top = g[first:], low[first:], high[first:]
        base, rate, extra = level[first:], slope[first:], absolute[first:]
        xi = noise[drawn:]
        for k in range(left.size):
            before = left[k]
            move = (top[k] - before if up else before - bottom[k]) * rate[k] + base[k]
            if noise.size > 0:
                move = xi[k] * (relative * move + extra[k]) + move
            after = before + move if up else before - move
            after = bottom[k] if after < bottom[k] else after
            left[k] = top[k] if after > top[k] else after
        drawn += left.size


def advance_moments(mean: Any, variance: Any, counts: Any, table: Any, relative: Any, up: bool) -> None:
    """Change `mean` and `variance` by `counts` pulses of one direction each: `LineDrive.advance`, turn by turn.

    What a turn touches is gathered in one buffer, of which the compiler sees that nothing overlaps.
    """
    first = 2 if up else 5
    rows = np.zeros((9, CHUNK), mean.dtype)
    one = np.ones(1, mean.dtype)[0]
    for start in range(0, mean.size, CHUNK):
        stop = min(start + CHUNK, mean.size)
        size = stop - start
        rows[0, :size], rows[1, :size], rows[2, :size] = mean[start:stop], variance[start:stop], counts[start:stop]
        rows[3, :size], rows[4, :size] = table[0, start:stop], table[1, start:stop]
        for k in range(3):
            rows[5 + k, :size] = table[first + k, start:stop]
        most = 0
        for k in range(start, stop):
            most = max(most, counts[k])
        for k in range(CHUNK):
            part = min(rows[6, k], one)
            rows[8, k] = (one - part) * (one - part) + (relative * part) * (relative * part)
        for turn in range(most):
            for k in range(CHUNK):
                now = rows[0, k]
                move = (rows[4, k] - now if up else now - rows[3, k]) * rows[6, k] + rows[5, k]
                std = relative * move + rows[7, k]
                then = now + move if up else now - move
                then = rows[3, k] if then < rows[3, k] else then
                then = rows[4, k] if then > rows[4, k] else then
                more = rows[1, k] * rows[8, k] + std * std
                rows[0, k] = then if rows[2, k] > turn else now
                rows[1, k] = more if rows[2, k] > turn else rows[1, k]
        mean[start:stop], variance[start:stop] = rows[0, :size], rows[1, :size]


def apply_events(g: Any, index: Any, counts: Any, noise: Any, table: Any, relative: Any) -> None:
    """Change device ``index[k]`` of `g` by ``counts[k]`` pulses, positive ones up, one after another.

    `noise` holds one number per pulse in this order, or none at all; `table` is `StraightStep.table`.
    """
    drawn = 0
    for k in range(index.size):
        i, pulses = index[k], counts[k]
        up = pulses > 0
        first = 2 if up else 5
        low, high, level, slope, absolute = (
            table[0, i],
            table[1, i],
            table[first, i],
            table[first + 1, i],
            table[first + 2, i],
        )
        now = g[i]
        for _ in range(abs(pulses)):
            move = (high - now if up else now - low) * slope + level
            if noise.size > 0:
                move = noise[drawn] * (relative * move + absolute) + move
                drawn += 1
            now = now + move if up else now - move
            now = low if now < low else now
            now = high if now > high else now
        g[i] = now
