"""Draws of the individual devices of an array, from streams named after it."""

from __future__ import annotations

from typing import Any

from neurosim.backend import Array
from neurosim.crossbar.faults import Faults, Shorts
from neurosim.crossbar.lasting import Lasting
from neurosim.crossbar.mapping import Layout
from neurosim.devices import Ageing, Cells, DeviceModel, Wear
from neurosim.rng import Streams

Shape = tuple[int, int]


def _sides(layout: Layout, shape: Shape) -> tuple[tuple[str, Shape], tuple[str, Shape]]:
    return ("plus", shape), ("minus", layout.minus_shape(shape))


def drawn(
    device: DeviceModel, layout: Layout, name: str, shape: Shape, streams: Streams, dtype: Any
) -> tuple[Cells, Cells]:
    """Return the devices of G+ and of G-, from the streams ``devices/<name>/<side>``."""
    xp = streams.backend.xp
    plus, minus = (
        device.sample(size, streams.generator(f"devices/{name}/{side}"), xp, xp.dtype(dtype))
        for side, size in _sides(layout, shape)
    )
    return plus, minus if layout.signed else _none(xp, dtype)


def with_faults(
    faults: Faults, cells: tuple[Cells, Cells], layout: Layout, name: str, shape: Shape, streams: Streams
) -> tuple[Cells, Cells, Shorts, Shorts]:
    """Return the devices with their faults, and the shorted lines of G+ and of G-, from ``faults/<name>/...``."""
    sides = _sides(layout, shape)
    plus, minus = (faults.apply(c, size, name, side, streams) for c, (side, size) in zip(cells, sides, strict=True))
    if not layout.signed:
        minus = _none(streams.backend.xp, plus.g_low.dtype)
    one, other = (faults.shorts(size, name, side, streams) for side, size in sides)
    return plus, minus, one, other


def lasting_pair(
    cells: tuple[Cells, Cells],
    layout: Layout,
    name: str,
    shape: Shape,
    ageing: Ageing | None,
    wear: Wear | None,
    streams: Streams,
) -> tuple[Lasting, Lasting]:
    """Return how the devices of G+ and of G- age and wear, from streams below ``devices/<name>/<side>``."""
    one, other = (
        Lasting.draw(c, size, ageing, wear, streams, f"devices/{name}/{side}")
        for c, (side, size) in zip(cells, _sides(layout, shape), strict=True)
    )
    return one, other


def _none(xp: Any, dtype: Any) -> Cells:
    """Return no device: one that is stuck at 0 S."""
    zero: list[Array] = [xp.zeros((), dtype=dtype) for _ in range(4)]
    return Cells(*zero)
