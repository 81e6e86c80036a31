"""The turns of `LineDrive` compiled by numba (extra ``fast``): the same numbers as its numpy loop, to the bit.

A model with another drive has no kernel. `ExpStep` gets none: the exponentials of numba and numpy round differently.
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

Loop = Callable[..., None]


class _Work:
    """Pulses that this process has applied. How fast it goes on depends on them, but no number does."""

    pulses = 0


def loop_for(dtype: np.dtype[Any], pulses: int, turns: int) -> Loop | None:
    """Return the loop for another `pulses` pulses in `turns` turns: None while numpy's is the better choice."""
    _Work.pulses += pulses + TURN * turns
    return compiled(dtype) if _Work.pulses >= WORTH else None


@cache
def compiled(dtype: np.dtype[Any]) -> Loop | None:
    """Return `apply_turns` compiled for `dtype`, or None where numba is missing or switched off."""
    try:
        import numba
    except ImportError:
        return None
    if getattr(numba.config, "DISABLE_JIT", 0):  # numba would run the loop as plain Python
        return None
    try:
        return _ready(numba.njit(cache=True)(apply_turns), dtype)
    except Exception:  # no folder to write to, a full disk, a damaged file: the cache only saves time
        return _ready(numba.njit(apply_turns), dtype)


def _ready(loop: Loop, dtype: np.dtype[Any]) -> Loop:
    """Return `loop` after a call on no devices, which compiles it or reads it from numba's cache on disk."""
    none = np.empty(0, dtype)
    loop(none, np.empty(0, np.intp), none, none, none, none, none, none, dtype.type(0), True)
    return loop


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

    It rounds where numpy rounds: no fast-math flags, and no constants, which would be of double precision. `noise`
    holds one number per pulse, or none at all.
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
