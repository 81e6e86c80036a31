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


def pulse_at_once(model: DeviceModel, g: Array, trains: Sequence[Array], cells: Cells, rng: Any) -> Array:
    """Return the hidden conductances after whole trains, each direction in one step.

    A pulse changes g by ``move + std xi`` with a move that is a straight line in g of slope -s, so the mean and the
    variance after n pulses follow from those before by n turns of

        E g <- E g +- move(E g)        Var g <- ((1 - s)^2 + (c2c s)^2) Var g + std(E g)^2

    (for soft bounds ``E x_n = x_0 (1 - s)^n``, x the distance to the bound ahead), and with one standard normal xi
    per device ``g <- clip(E g + sqrt(Var g) xi, g_low, g_high)``. Equal in mean and variance to pulse by pulse
    (`DeviceModel.pulse`) as long as no pulse meets a bound; the sum is taken as normal.

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
    xp, noisy = namespace(g), straight.drive(cells, True).noisy
    result = g.copy()
    flat = result.ravel()  # a view: `result` is contiguous
    block = BLOCK if xp is np else flat.size
    loop = _loop(flat, stages)
    for start in range(0, flat.size if stages else 0, block):
        part = slice(start, start + block)
        mean, devices = flat[part], cells.take(part)
        variance = xp.zeros_like(mean)
        _advance(straight, mean, variance, [(up, counts[part]) for up, counts in stages], devices, loop)
        if noisy:
            xp.sqrt(variance, out=variance)
            variance *= rng.standard_normal(mean.shape, dtype=mean.dtype)
            mean += variance
            devices.clip(mean, out=mean)
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


def _loop(flat: Array, stages: list[Stage]) -> kernels.Loop | None:
    """Return the compiled loop where it pays."""
    if not isinstance(flat, np.ndarray) or not stages:
        return None
    turns = sum(int(counts.max()) for _, counts in stages)
    return kernels.compiled_moments(flat.dtype) if kernels.worth(flat.size * len(stages), turns) else None


def _advance(
    model: StraightStep, mean: Array, variance: Array, stages: list[Stage], cells: Cells, loop: kernels.Loop | None
) -> None:
    """Change `mean` and `variance` of flat devices by whole trains."""
    if loop is None:
        for up, counts in stages:
            _advance_in_numpy(model, mean, variance, counts, cells, up)
        return
    table, relative = model.table(cells, mean.size), mean.dtype.type(model.drive(cells, True).relative)
    for up, counts in stages:
        loop(mean, variance, counts, table, relative, up)


def _advance_in_numpy(model: StraightStep, mean: Array, variance: Array, counts: Array, cells: Cells, up: bool) -> None:
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
