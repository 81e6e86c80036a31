"""The activation of a linear neuron, whose activity is its state: no choice for a whole network, which it lets grow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace


@dataclass(frozen=True, slots=True)
class Identity:
    """``sigma(z) = z``, unbounded, holomorphic."""

    name: str = "identity"
    low: float = -math.inf
    high: float = math.inf
    holomorphic: bool = True

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return z."""
        if out is None:
            return z.copy()
        out[...] = z
        return out

    def slope(self, z: Array) -> Array:
        """Return 1."""
        return namespace(z).ones_like(z)

    def formula(self, z: str) -> str:
        """Return z as text."""
        return z
