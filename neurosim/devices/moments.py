"""All pulses of a batch at once: the mean and the variance of their sum, and one normal number per device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices import kernels
from neurosim.devices.base import DeviceModel, check_trains
from neurosim.devices.cells import Cells
from neurosim.devices.straight import StraightStep
from neurosim.errors import ConfigError, ShapeError

Stage: TypeAlias = tuple[bool, Array]
"""Direction (True: up) and the pulses of each device in it, flat int32."""
BLOCK = 32768
"""Devices whose moments are formed together in host memory: what a turn touches stays in the processor's cache."""
FEW = 1.5
"""Mean number of pulses of a direction up to which the compiled loop goes device by device."""


def pulse_at_once(model: DeviceModel, g: Array, trains: Sequence[Array], cells: Cells, rng: Any) -> Array:
    """Return the hidden conductances after whole trains, each direction in one step.

    A pulse changes g by ``move + std xi`` with a move that is a straight line in g of slope -s, so the mean and the
    variance after n pulses follow from those before by n turns of

        E g <- E g +- move(E g)        Var g <- ((1 - s)^2 + (c2c s)^2) Var g + std(E g)^2

    (for soft bounds ``E x_n = x_0 (1 - s)^n``, x the distance to the bound ahead), and with one standard normal xi
    per device that was pulsed ``g <- clip(E g + sqrt(Var g) xi, g_low, g_high)``. Equal in mean and variance to pulse
    by pulse (`DeviceModel.pulse`) as long as no pulse meets a bound; the sum is taken as normal.

    Parameters
    ----------
    model
        A model whose step is a straight line in the conductance.
    g
        Hidden conductances [S], any shape. Not changed.
    trains
        Signed pulses of each device as `DeviceModel.pulse` takes them, shape of `g`: one train after the other.
    cells
        The devices.
    rng
        Generator of the cycle-to-cycle noise.

    Raises
    ------
    ConfigError
        A model whose step is no straight line: the moments have no closed recurrence.
    ShapeError, RangeError
        Counts of another shape, or such as `DeviceModel.pulse` refuses.
    """
    straight = checked(model)
    stages: list[Stage] = []
    for counts in trains:
        if counts.shape != g.shape:
            raise ShapeError(f"pulse_at_once: counts {counts.shape}: expected whole numbers of shape {g.shape}")
        check_trains(counts)
        stages += _stages(counts.ravel())
    xp, result = namespace(g), g.copy()
    flat = result.ravel()  # a view: `result` is contiguous
    block = BLOCK if xp is np else flat.size
    loops = _loops(flat, stages)
    for start in range(0, flat.size if stages else 0, block):
        part = slice(start, start + block)
        mine = [(up, counts[part]) for up, counts in stages]
        if loops is None:
            _pulse(straight, flat[part], mine, cells.take(part), rng)
        else:
            _pulse_compiled(loops, straight, flat[part], mine, cells.take(part), rng)
    return result


def checked(model: DeviceModel) -> StraightStep:
    """Return `model`, or raise where its step is no straight line."""
    if not isinstance(model, StraightStep):
        raise ConfigError(
            f"learning.pulse_order = 'aggregated': the step of {type(model).__name__} is no straight line in the "
            "conductance, so the sum of many pulses has no closed form; use 'samples' or 'net', or another device.model"
        )
    return model


def _stages(counts: Array) -> Iterator[Stage]:
    """Yield the directions that occur (True: up) with the pulses of each device, int32."""
    xp = namespace(counts)
    counts = counts.astype(xp.int32, copy=False)
    rising, falling = int(counts.max()) > 0, int(counts.min()) < 0
    if rising:
        yield True, xp.maximum(counts, 0) if falling else counts
    if falling:
        yield False, xp.maximum(-counts, 0) if rising else -counts


def _loops(flat: Array, stages: list[Stage]) -> tuple[kernels.Loop, ...] | None:
    """Return the compiled loops where they pay."""
    if not isinstance(flat, np.ndarray) or not stages:
        return None
    turns = sum(int(counts.max()) for _, counts in stages)
    return kernels.compiled_moments(flat.dtype) if kernels.worth(flat.size * len(stages), turns) else None


def _pulse_compiled(
    loops: tuple[kernels.Loop, ...], model: StraightStep, g: np.ndarray, stages: list[Stage], cells: Cells, rng: Any
) -> None:
    """Change `g` of flat devices by whole trains, as `_pulse` does, to the bit."""
    many, few, scatter = loops
    variance = np.zeros_like(g)

    low, high = (np.full(g.shape, part, g.dtype) if part.ndim == 0 else part for part in (cells.g_low, cells.g_high))
    for up, counts in stages:
        line = model.drive(cells, up)
        loop = few if int(counts.sum()) < FEW * counts.size else many
        step, absolute = line.full(g)
        loop(g, variance, counts, low, high, step, absolute, line.numbers(g.dtype), up)
    noise = np.zeros(np.count_nonzero(variance) + 1, g.dtype)
    rng.standard_normal(dtype=g.dtype, out=noise[:-1])
    scatter(g, variance, noise, low, high)


def _pulse(model: StraightStep, g: Array, stages: list[Stage], cells: Cells, rng: Any) -> None:
    """Change `g` of flat devices by whole trains."""
    xp = namespace(g)
    variance = xp.zeros_like(g)
    for up, counts in stages:
        _advance(model, g, variance, counts, cells, up)
    index = xp.flatnonzero(variance)
    if index.size:
        std = xp.sqrt(variance[index])
        std *= rng.standard_normal(index.shape, dtype=g.dtype)
        g[index] = cells.take(index, True).clip(g[index] + std)


def _advance(model: StraightStep, mean: Array, variance: Array, counts: Array, cells: Cells, up: bool) -> None:
    """Change `mean` and `variance` by `counts` pulses of one direction."""
    xp = namespace(mean)
    index = xp.flatnonzero(counts != 0)
    if not index.size:
        return
    trains = counts[index]
    order = xp.argsort(trains, kind="stable")
    index, trains = index[order], trains[order]
    line = model.drive(cells.take(index, up), up)
    ended = xp.searchsorted(trains, xp.arange(1, int(trains[-1]) + 1, dtype=trains.dtype))
    m, v = mean[index], variance[index]
    for first in ended.tolist():
        line.tail(first).advance(m[first:], v[first:])
    mean[index], variance[index] = m, v
