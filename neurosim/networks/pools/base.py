"""What a pool is: how the map of a convolution is brought down to one value per window, and its derivatives.

Maps lie in memory with the batch last, ``(channels, height, width, batch)``: then all positions of a window are
plain strided views.
"""

from __future__ import annotations

from typing import Protocol

from neurosim.backend import Array
from neurosim.errors import ConfigError


class Pooling(Protocol):
    """A pool at one map z: ``p = P(z)``, with ``G_i = dp/dz_i`` and ``H_ij = d2p/dz_i dz_j`` inside each window.

    Shapes: a map is (channels, height, width, batch), a pooled map (channels, rows, cols, batch).
    """

    @property
    def value(self) -> Array:
        """Return p, a pooled map."""
        ...

    def gather(self, v: Array) -> Array:
        """Return ``sum_i G_i v_i`` of the map `v`, a pooled map: the derivative along `v`."""
        ...

    def spread(self, s: Array, shape: tuple[int, int]) -> Array:
        """Return ``G_i s`` of the pooled map `s` ("unpool"), a map of height and width `shape`: the transpose."""
        ...

    def curve(self, s: Array, v: Array) -> Array:
        """Return ``s sum_j H_ij v_j``, a map; None for a pool that is not `curved`."""
        ...


class Pool(Protocol):
    """A kind of pool. A new one is one file with a frozen dataclass of these members, and one line in ``POOLS``.

    Every pool is equivariant under a shift of the whole window, ``P(z + b) = P(z) + b``, hence ``sum_i G_i = 1``: a
    bias of a channel may be added before or after it, and its observable is the sum of the pooled activities.
    """

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    @property
    def size(self) -> int:
        """Side of a window, which is also its stride; rows and columns that fill no window are left out."""
        ...

    @property
    def holomorphic(self) -> bool:
        """True when P continues analytically to complex maps; others refuse them."""
        ...

    @property
    def needs_map(self) -> bool:
        """Whether G depends on z: then the backward read needs the map of the forward one."""
        ...

    @property
    def curved(self) -> bool:
        """Whether P has second derivatives."""
        ...

    def at(self, z: Array) -> Pooling:
        """Return the pool at the map `z`; without `needs_map`, `z` may be None and `value` is then not to be read."""
        ...


def cells(full: Array, size: int) -> list[Array]:
    """Return the ``size^2`` members of all windows of a map, row by row: views (channels, rows, cols, batch)."""
    height, width = full.shape[1] // size * size, full.shape[2] // size * size
    return [full[:, i:height:size, j:width:size] for i in range(size) for j in range(size)]


def clear_rest(full: Array, size: int) -> None:
    """Set the rows and columns of a map that fill no window to zero."""
    full[:, full.shape[1] // size * size :] = 0
    full[:, :, full.shape[2] // size * size :] = 0


def check_size(name: str, size: int) -> None:
    """Raise for a window that pools nothing."""
    if size < 2:
        raise ConfigError(f"pool {name!r}: pool_size = {size}: expected an integer >= 2, or pool = 'none'")
