"""The logistic of Laborieux and Zenke's multi-layer networks: slope 1 at 1/2, activity between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace


@dataclass(frozen=True, slots=True)
class SteepLogistic:
    """``sigma(z) = 1 / (1 + exp(2 - 4 z))``, range (0, 1), holomorphic.

    Poles at ``z = 1/2 + i pi (2k + 1)/4``; the slope is largest, 1, at ``z = 1/2``.

    Computed as ``(1 + tanh(2z - 1))/2``, which cannot overflow; where sigma is far below 1 it is accurate to
    the rounding of 1, not of sigma.

    Source: Laborieux and Zenke 2022, "Holomorphic equilibrium propagation", doi:10.48550/arXiv.2209.00530.
    """

    name: str = "steep_logistic"
    low: float = 0.0
    high: float = 1.0
    holomorphic: bool = True

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return sigma(z)."""
        xp = namespace(z)
        out = xp.multiply(z, 2.0, out=out)
        out -= 1.0
        xp.tanh(out, out=out)
        out += 1.0
        out *= 0.5
        return out

    def slope(self, z: Array) -> Array:
        """Return ``4 sigma (1 - sigma) = 1 - tanh(2z - 1)^2``."""
        t = namespace(z).tanh(2.0 * z - 1.0)
        return (1.0 - t) * (1.0 + t)

    def formula(self, z: str) -> str:
        """Return ``(1 + tanh(2z - 1))/2`` as text."""
        return f"(0.5*(1+tanh(2*({z})-1)))"
