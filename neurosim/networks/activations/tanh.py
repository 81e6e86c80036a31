"""The hyperbolic tangent: activity between -1 and 1, slope 1 at the origin."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace


@dataclass(frozen=True, slots=True)
class Tanh:
    """``sigma(z) = tanh(z)``, range (-1, 1), holomorphic. Poles at ``z = i pi (2k + 1)/2``."""

    name: str = "tanh"
    low: float = -1.0
    high: float = 1.0
    holomorphic: bool = True

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return tanh(z)."""
        return namespace(z).tanh(z, out=out)

    def slope(self, z: Array) -> Array:
        """Return ``1 - tanh(z)^2``."""
        t = namespace(z).tanh(z)
        return (1.0 - t) * (1.0 + t)

    def formula(self, z: str) -> str:
        """Return tanh(z) as text."""
        return f"tanh({z})"
