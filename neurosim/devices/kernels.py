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
NUMBERS = 6
"""Numbers of `LineDrive.numbers`."""

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
def compiled_moments(dtype: np.dtype[Any]) -> tuple[Loop, Loop, Loop] | None:
    """Return `advance_moments`, `advance_few` and `scatter_moments` compiled for `dtype`, or None."""
    none, numbers = np.empty(0, dtype), np.zeros(NUMBERS, dtype)
    stage = (none, none, np.empty(0, np.int32), none, none, none, none, numbers, True)
    many, few = built(advance_moments, *stage), built(advance_few, *stage)
    scatter = built(scatter_moments, *[none] * 5)
    return None if many is None or few is None or scatter is None else (many, few, scatter)


@cache
def compiled_line(dtype: np.dtype[Any]) -> Loop | None:
    """Return `fill_line` compiled for `dtype`, or None."""
    return built(fill_line, np.empty((3, 0), dtype), *[np.empty(0, dtype)] * 4, np.zeros(NUMBERS, dtype))


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


def advance_moments(
    mean: Any, variance: Any, counts: Any, low: Any, high: Any, step: Any, absolute: Any, numbers: Any, up: bool
) -> None:
    """Change `mean` and `variance` by `counts` pulses of one direction each: `LineDrive.advance`, turn by turn.

    `numbers` are those of `LineDrive.numbers`, and `absolute` is empty without such noise. What a turn touches is
    gathered in one buffer, of which the compiler sees that nothing overlaps.
    """
    keep, taper, relative, half, least, one = numbers
    rows = np.zeros((9, CHUNK), mean.dtype)
    for start in range(0, mean.size, CHUNK):
        stop = min(start + CHUNK, mean.size)
        size = stop - start
        rows[0, :size], rows[1, :size], rows[2, :size] = mean[start:stop], variance[start:stop], counts[start:stop]
        rows[3, :size], rows[4, :size], rows[5, :size] = low[start:stop], high[start:stop], step[start:stop]
        if absolute.size > 0:
            rows[7, :size] = absolute[start:stop]
        most = 0
        for k in range(start, stop):
            most = max(most, counts[k])
        for k in range(CHUNK):
            rows[6, k] = taper * rows[5, k] / max(half * (rows[4, k] - rows[3, k]), least)
            rows[5, k] = keep * rows[5, k]
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


def advance_few(
    mean: Any, variance: Any, counts: Any, low: Any, high: Any, step: Any, absolute: Any, numbers: Any, up: bool
) -> None:
    """Do the same device by device: faster while most have no pulse or one, which is what the turns would wait for.

    They are listed first, without a branch that the processor would have to guess.
    """
    keep, taper, relative, half, least, one = numbers
    listed, found = np.empty(mean.size + 1, np.int32), 0
    for k in range(mean.size):
        listed[found] = k
        found += counts[k] != 0
    for k in listed[:found]:
        bottom, top, now, spread = low[k], high[k], mean[k], variance[k]
        level, slope = keep * step[k], taper * step[k] / max(half * (top - bottom), least)
        part = min(slope, one)
        contraction = (one - part) * (one - part) + (relative * part) * (relative * part)
        for _ in range(counts[k]):
            move = (top - now if up else now - bottom) * slope + level
            std = relative * move
            if absolute.size > 0:
                std = std + absolute[k]
            now = now + move if up else now - move
            now = bottom if now < bottom else now
            now = top if now > top else now
            spread = spread * contraction + std * std
        mean[k], variance[k] = now, spread


def scatter_moments(mean: Any, variance: Any, noise: Any, low: Any, high: Any) -> None:
    """Add ``sqrt(variance) noise`` to `mean`, within bounds.

    `noise` holds one number per variance that is not 0, and one more: what is read for the others counts nothing.
    """
    drawn = 0
    for k in range(mean.size):
        now = mean[k] + np.sqrt(variance[k]) * noise[drawn]
        drawn += variance[k] != 0
        now = low[k] if now < low[k] else now
        mean[k] = high[k] if now > high[k] else now


def fill_line(rows: Any, low: Any, high: Any, step: Any, absolute: Any, numbers: Any) -> None:
    """Write level, slope and absolute noise (3, devices) as `LineDrive` forms them, in one pass."""
    keep, taper, _, half, least, _ = numbers
    for k in range(step.size):
        rows[0, k] = keep * step[k]
        rows[1, k] = taper * step[k] / max(half * (high[k] - low[k]), least)
    if absolute.size > 0:
        rows[2] = absolute
    else:
        rows[2] = 0


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
