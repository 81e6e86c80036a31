"""The mean of a window: linear, symmetric, and needing no information from the forward read in the backward one."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.networks.pools.base import cells, check_size, clear_rest


@dataclass(frozen=True, slots=True)
class AveragePooling:
    """``p = (1/n) sum_i z_i`` over the ``n = size^2`` members of a window."""

    size: int
    z: Array

    @property
    def value(self) -> Array:
        """Return p."""
        return self.gather(self.z)

    def gather(self, v: Array) -> Array:
        """Return the mean of each window of `v`."""
        first, *others = cells(v, self.size)
        total = first.copy()
        for cell in others:
            total += cell
        total *= 1 / self.size**2
        return total

    def spread(self, s: Array, shape: tuple[int, int]) -> Array:
        """Return ``s / n`` in each member of its window."""
        out = namespace(s).empty((s.shape[0], *shape, s.shape[3]), dtype=s.dtype)
        clear_rest(out, self.size)
        part = s * (1 / self.size**2)
        for cell in cells(out, self.size):
            cell[...] = part
        return out

    def curve(self, s: Array, v: Array) -> Array:
        """Return None: a mean has no curvature."""
        return None


@dataclass(frozen=True, slots=True)
class AveragePool:
    """Mean over ``size x size`` windows, ``G_i = 1 / size^2``."""

    size: int = 2
    name: str = "average"
    holomorphic: bool = True
    needs_map: bool = False
    curved: bool = False

    def __post_init__(self) -> None:
        check_size(self.name, self.size)

    def at(self, z: Array) -> AveragePooling:
        """Return the pool at any map."""
        return AveragePooling(self.size, z)
