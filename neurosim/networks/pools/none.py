"""No pool: the map itself."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array


@dataclass(frozen=True, slots=True)
class NoPooling:
    """``p = z``."""

    value: Array

    def gather(self, v: Array) -> Array:
        """Return `v`."""
        return v

    def spread(self, s: Array, shape: tuple[int, int]) -> Array:
        """Return `s`."""
        return s

    def curve(self, s: Array, v: Array) -> Array:
        """Return None: the identity has no curvature."""
        return None


@dataclass(frozen=True, slots=True)
class NoPool:
    """``p = z``: every position of the convolution is a neuron."""

    name: str = "none"
    size: int = 1
    holomorphic: bool = True
    needs_map: bool = False
    curved: bool = False

    def at(self, z: Array) -> NoPooling:
        """Return the pool at any map."""
        return NoPooling(z)
