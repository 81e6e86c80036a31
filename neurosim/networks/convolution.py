"""What a convolution is: kernel, stride, padding and pool, and the shapes that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from neurosim.errors import ConfigError, ShapeError, choose
from neurosim.networks.pools import POOLS, Pool

Shape: TypeAlias = tuple[int, int, int]
"""(channels, height, width) of a layer of maps. Node (c, y, x) is number ``(c height + y) width + x`` of its layer."""


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """``P(conv(s) + b)``: one kernel matrix moved over the maps of a layer, then a pool.

    ``z[o, y, x] = sum_{c, i, j} W[(c k + i) k + j, o] s[c, stride y + i - padding, stride x + j - padding]``: a
    correlation, as in the literature, with zeros around the maps. The array has ``channels_in k k`` rows and
    `channels` columns.

    Attributes
    ----------
    channels
        Maps that it makes.
    kernel
        Side k of the kernel.
    padding
        Zeros on each side, less than `kernel`.
    stride
        Step of the kernel.
    pool
        Name in `POOLS`.
    pool_size
        Side of the windows, which is also their stride; not used by pool ``"none"``.
    temperature
        Of pool ``"softmax"``.

    Raises
    ------
    ConfigError
        A size out of range, or an unknown pool.
    """

    channels: int
    kernel: int
    padding: int = 0
    stride: int = 1
    pool: str = "none"
    pool_size: int = 2
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for key, least in (("channels", 1), ("kernel", 1), ("padding", 0), ("stride", 1)):
            if getattr(self, key) < least:
                raise ConfigError(f"convolution: {key} = {getattr(self, key)}: expected an integer >= {least}")
        if self.padding >= self.kernel:
            raise ConfigError(f"convolution: padding = {self.padding}: expected less than kernel = {self.kernel}")
        choose(POOLS, self.pool, "convolution: pool")
        self.pooling()

    def pooling(self) -> Pool:
        """Return the pool."""
        pool: Pool = POOLS[self.pool](size=self.pool_size, temperature=self.temperature)
        return pool

    def rows(self, shape: Shape) -> int:
        """Return the rows of the array on maps of `shape`."""
        return shape[0] * self.kernel**2

    def mapped(self, shape: Shape) -> Shape:
        """Return the shape of the convolution of maps of `shape`, before the pool.

        Raises
        ------
        ShapeError
            The kernel is larger than the padded maps.
        """
        height, width = ((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in shape[1:])
        if min(height, width) < 1:
            raise ShapeError(
                f"kernel = {self.kernel} on maps of {shape[1]} x {shape[2]} with padding = {self.padding}: expected a "
                "kernel that fits, a larger padding, or fewer pools before it"
            )
        return self.channels, height, width

    def pooled(self, shape: Shape) -> Shape:
        """Return the shape of the layer that it drives, given maps of `shape`.

        Raises
        ------
        ShapeError
            The kernel is larger than the padded maps, or a pool larger than the map of the convolution.
        """
        channels, height, width = self.mapped(shape)
        size = self.pooling().size
        if min(height, width) < size:
            raise ShapeError(
                f"pool_size = {size} on a map of {height} x {width}: expected a window that fits, or pool = 'none'"
            )
        return channels, height // size, width // size
