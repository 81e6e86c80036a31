"""Draws of the individual devices of an array, from streams named after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurosim.backend import Array
from neurosim.crossbar.faults import Faults
from neurosim.crossbar.lasting import Lasting
from neurosim.crossbar.mapping import Layout
from neurosim.crossbar.plane import Plane
from neurosim.crossbar.write_error import WriteError
from neurosim.devices import Ageing, Cells, DeviceModel, Wear
from neurosim.rng import Streams

Shape = tuple[int, int]


def _sides(layout: Layout, shape: Shape) -> tuple[tuple[str, Shape], tuple[str, Shape]]:
    return ("plus", shape), ("minus", layout.minus_shape(shape))


def drawn(
    device: DeviceModel,
    layout: Layout,
    name: str,
    shape: Shape,
    streams: Streams,
    dtype: Any,
    *,
    ageing: Ageing | None,
    wear: Wear | None,
    faults: Faults | None,
    write_error: WriteError | None,
) -> tuple[Plane, Plane]:
    """Return the planes of G+ and of G-.

    Devices come from the streams ``devices/<name>/<side>``, what time and use do to them from streams below these, and
    their faults from ``faults/<name>/...``.
    """
    plus, minus = (
        _plane(device, name, side, size, streams, dtype, faults, write_error) for side, size in _sides(layout, shape)
    )
    if not layout.signed:
        minus = replace(minus, cells=_none(streams.backend.xp, dtype))
    if ageing is None and wear is None:
        return plus, minus
    plus, minus = (
        replace(plane, lasting=Lasting.draw(plane.cells, size, ageing, wear, streams, f"devices/{name}/{side}"))
        for plane, (side, size) in zip((plus, minus), _sides(layout, shape), strict=True)
    )
    return plus, minus


def _plane(
    device: DeviceModel,
    name: str,
    side: str,
    size: Shape,
    streams: Streams,
    dtype: Any,
    faults: Faults | None,
    write_error: WriteError | None,
) -> Plane:
    xp = streams.backend.xp
    cells = device.sample(size, streams.generator(f"devices/{name}/{side}"), xp, xp.dtype(dtype))
    if faults is None:
        return Plane(device, cells, write_error=write_error)
    shorts = faults.shorts(size, name, side, streams)
    return Plane(device, faults.apply(cells, size, name, side, streams), shorts=shorts, write_error=write_error)


def _none(xp: Any, dtype: Any) -> Cells:
    """Return no device: one that is stuck at 0 S."""
    zero: list[Array] = [xp.zeros((), dtype=dtype) for _ in range(4)]
    return Cells(*zero)
