"""Patches of maps as the rows of a kernel array see them, and the way back: im2col and its transpose.

Maps are turned to lie with the batch last, ``(channels, height, width, lines)``: a patch copy then moves runs of a
whole row of the map times the batch, and all samples share one matrix product. A complex activity is two lines per
sample, its real and its imaginary part (see `neurosim.networks.product`). The columns are formed some map rows at a
time, so that memory does not grow with the map and, on the host, a product finds them in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.networks.convolution import ConvSpec, Shape

HOST_COLUMNS, DEVICE_COLUMNS = 2**18, 2**26
"""Numbers in the work array: a host wants them in its cache, a device wants few large products."""


def to_maps(a: Array, shape: Shape) -> Array:
    """Return flat activities (batch, nodes) as maps with the batch last, (channels, height, width, batch): a view."""
    return a.reshape(a.shape[0], *shape).transpose(1, 2, 3, 0)


def to_flat(maps: Array) -> Array:
    """Return contiguous maps with the batch last as flat activities (batch, nodes): a view."""
    return maps.reshape(-1, maps.shape[-1]).T


def to_lines(maps: Array) -> Array:
    """Return real maps as they are, complex ones as real maps with the imaginary parts behind the real ones."""
    if maps.dtype.kind != "c":
        return maps
    return namespace(maps).concatenate((maps.real, maps.imag), axis=-1)


def from_lines(lines: Array, is_complex: bool) -> Array:
    """Return the maps of `to_lines`."""
    if not is_complex:
        return lines
    batch = lines.shape[-1] // 2
    xp = namespace(lines)
    maps = xp.empty((*lines.shape[:-1], batch), dtype=xp.result_type(lines.dtype, xp.complex64))
    maps.real[...] = lines[..., :batch]
    maps.imag[...] = lines[..., batch:]
    return maps


class Patches:
    """The patches of one layer of maps under one kernel, with work buffers for one settling.

    Parameters
    ----------
    spec
        The convolution.
    shape
        Of the maps that it reads.
    """

    def __init__(self, spec: ConvSpec, shape: Shape) -> None:
        self.spec, self.shape = spec, shape
        self.mapped = spec.mapped(shape)
        self.rows = spec.rows(shape)
        self._buffers: dict[str, Array] = {}

    def columns(self, maps: Array) -> Array:
        """Return all patches of real `maps` (channels, height, width, lines): (rows, height width lines of the map)."""
        views = self._views(self._padded(maps))
        return namespace(maps).ascontiguousarray(views).reshape(self.rows, -1)

    def correlate(self, maps: Array, weights: Array) -> Array:
        """Return ``W^T`` times the patches: real `maps` (.., lines), `weights` (rows, cols) -> (cols, .., lines)."""
        xp, lines = namespace(maps), maps.shape[-1]
        views = self._views(self._padded(maps))
        out = xp.empty((weights.shape[1], self.mapped[1] * self.mapped[2] * lines), dtype=maps.dtype)
        for y, stop in self._bands(maps):
            columns = self._work(maps, stop - y)
            columns[...] = views[:, :, :, y:stop]
            here = slice(y * self.mapped[2] * lines, stop * self.mapped[2] * lines)
            xp.matmul(weights.T, columns.reshape(self.rows, -1), out=out[:, here])
        return out.reshape(*self.mapped, lines)

    def scatter(self, values: Array, weights: Array) -> Array:
        """Return the transpose of `correlate`: a map (cols, .., lines) read back through `weights` onto the maps."""
        xp, spec, lines = namespace(values), self.spec, values.shape[-1]
        flat = values.reshape(values.shape[0], -1)
        channels, height, width = self.shape
        pad = 2 * spec.padding
        out = xp.zeros((channels, height + pad, width + pad, lines), dtype=values.dtype)
        span = spec.stride * (self.mapped[2] - 1) + 1
        for y, stop in self._bands(values):
            columns = self._work(values, stop - y)
            here = slice(y * self.mapped[2] * lines, stop * self.mapped[2] * lines)
            xp.matmul(weights, flat[:, here], out=columns.reshape(self.rows, -1))
            for i in range(spec.kernel):
                band = out[:, spec.stride * y + i : spec.stride * (stop - 1) + i + 1 : spec.stride]
                for j in range(spec.kernel):
                    band[:, :, j : j + span : spec.stride] += columns[:, i, j]
        return out[:, spec.padding : spec.padding + height, spec.padding : spec.padding + width]

    def _padded(self, maps: Array) -> Array:
        """Return the maps with zeros around them, in a buffer whose border stays zero."""
        p = self.spec.padding
        channels, height, width = self.shape
        shape = (channels, height + 2 * p, width + 2 * p, maps.shape[-1])
        buffer = self._buffers.get("padded")
        if buffer is None or buffer.shape != shape or buffer.dtype != maps.dtype:
            buffer = self._buffers["padded"] = namespace(maps).zeros(shape, dtype=maps.dtype)
        buffer[:, p : p + height, p : p + width] = maps
        return buffer

    def _views(self, padded: Array) -> Array:
        """Return the patches as a view (channels, kernel, kernel, height, width, lines)."""
        k, step = self.spec.kernel, self.spec.stride
        windows = namespace(padded).lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))
        return windows[:, ::step, ::step].transpose(0, 4, 5, 1, 2, 3)

    def _bands(self, maps: Array) -> Iterator[tuple[int, int]]:
        """Yield the first and last + 1 row of each part of the map."""
        limit = HOST_COLUMNS if namespace(maps) is np else DEVICE_COLUMNS
        size = max(1, limit // (self.rows * self.mapped[2] * maps.shape[-1]))
        for y in range(0, self.mapped[1], size):
            yield y, min(y + size, self.mapped[1])

    def _work(self, maps: Array, height: int) -> Array:
        """Return a contiguous work array for the columns of `height` rows of the map."""
        k = self.spec.kernel
        shape = (self.shape[0], k, k, height, self.mapped[2], maps.shape[-1])
        size = self.rows * height * self.mapped[2] * maps.shape[-1]
        buffer = self._buffers.get("columns")
        if buffer is None or buffer.size < size or buffer.dtype != maps.dtype:
            buffer = self._buffers["columns"] = namespace(maps).empty((size,), dtype=maps.dtype)
        return buffer[:size].reshape(shape)
