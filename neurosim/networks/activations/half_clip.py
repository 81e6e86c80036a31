"""The hard clip with slope 1/2, the non-holomorphic control of the literature's convolutional networks."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.networks.activations.base import refuse_complex


@dataclass(frozen=True, slots=True)
class HalfClip:
    """``sigma(z) = clip(z/2, 0, 1)``, range [0, 1], not holomorphic; slope 1/2 on the closed interval [0, 2].

    Source: Laborieux et al. 2021, doi:10.3389/fnins.2021.633674.
    """

    name: str = "half_clip"
    low: float = 0.0
    high: float = 1.0
    holomorphic: bool = False

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return clip(z/2, 0, 1); NaN stays NaN."""
        refuse_complex(z, self.name)
        out = namespace(z).clip(z, 0.0, 2.0, out=out)
        out *= 0.5
        return out

    def slope(self, z: Array) -> Array:
        """Return 1/2 where 0 <= z <= 2, else 0."""
        refuse_complex(z, self.name)
        inside = ((z >= 0.0) & (z <= 2.0)).astype(z.dtype)
        inside *= 0.5
        return inside

    def formula(self, z: str) -> str:
        """Return clip(z/2, 0, 1) as text."""
        return f"min(max(0.5*({z}),0),1)"
