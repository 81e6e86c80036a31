"""The smooth half clip of Laborieux and Zenke's convolutional networks."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace

UNDERSHOOT = 0.08669632994251036
"""``-min sigma``, at z = -1.668918; the overshoot above 1 is the same, as sigma(2 - z) = 1 - sigma(z)."""


@dataclass(frozen=True, slots=True)
class Dsilu:
    """``sigma(z) = (z/2) s(z) + (1 - z/2) s(z - 2)`` with ``s(z) = 1/(1 + exp(-z))``; holomorphic.

    A smooth ``clip(z/2, 0, 1)``: 0 far left, 1 far right, slope 0.428 in the middle (z = 1), with an under-
    and overshoot of 0.0867: range [-0.0867, 1.0867]. Poles at ``z = i pi (2k + 1)`` and 2 to their right.

    With ``t1 = tanh(z/2)`` and ``t2 = tanh(z/2 - 1)`` this is ``(1 + t2)/2 + (z/4)(t1 - t2)``, which cannot
    overflow: far out ``t1 - t2`` vanishes exactly.

    Source: Laborieux and Zenke 2022, "Holomorphic equilibrium propagation", doi:10.48550/arXiv.2209.00530.
    """

    name: str = "dsilu"
    low: float = -UNDERSHOOT
    high: float = 1.0 + UNDERSHOOT
    holomorphic: bool = True

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return sigma(z)."""
        xp = namespace(z)
        t1 = 0.5 * z
        t2 = xp.tanh(t1 - 1.0)
        xp.tanh(t1, out=t1)
        t1 -= t2
        t1 *= 0.5
        t1 *= z
        t1 += t2
        t1 += 1.0
        return xp.multiply(t1, 0.5, out=out)

    def slope(self, z: Array) -> Array:
        """Return ``(1/4) [1 - t2^2 + (t1 - t2)(1 - (z/2)(t1 + t2))]``."""
        xp = namespace(z)
        t1, t2 = xp.tanh(0.5 * z), xp.tanh(0.5 * z - 1.0)
        return 0.25 * ((1.0 - t2) * (1.0 + t2) + (t1 - t2) * (1.0 - 0.5 * z * (t1 + t2)))

    def formula(self, z: str) -> str:
        """Return ``(1 + t2)/2 + (z/4)(t1 - t2)`` as text."""
        t1, t2 = f"tanh(0.5*({z}))", f"tanh(0.5*({z})-1)"
        return f"(0.5*(1+{t2})+0.25*({z})*({t1}-{t2}))"
