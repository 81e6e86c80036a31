"""The hard clip to [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.networks.activations.base import refuse_complex


@dataclass(frozen=True, slots=True)
class UnitClip:
    """``sigma(z) = clip(z, 0, 1)``, range [0, 1], not holomorphic; slope 1 on the closed interval [0, 1].

    Source: Scellier and Bengio 2017, doi:10.3389/fncom.2017.00024.
    """

    name: str = "unit_clip"
    low: float = 0.0
    high: float = 1.0
    holomorphic: bool = False

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return clip(z, 0, 1); NaN stays NaN."""
        refuse_complex(z, self.name)
        return namespace(z).clip(z, 0.0, 1.0, out=out)

    def slope(self, z: Array) -> Array:
        """Return 1 where 0 <= z <= 1, else 0."""
        refuse_complex(z, self.name)
        return ((z >= 0.0) & (z <= 1.0)).astype(z.dtype)

    def formula(self, z: str) -> str:
        """Return clip(z, 0, 1) as text."""
        return f"min(max({z},0),1)"
