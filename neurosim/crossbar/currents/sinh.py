"""The hyperbolic-sine device: conduction by hopping, enhanced by the field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurosim.errors import RangeError


@dataclass(frozen=True, slots=True)
class Sinh:
    """``h(v) = v0 sinh(v / v0)``; ohmic as v0 grows.

    Attributes
    ----------
    v0
        Voltage above which conduction is enhanced [V], > 0.

    References
    ----------
    Yang et al. 2008, doi:10.1038/nnano.2008.160.
    """

    v0: float = 0.25
    name: str = "sinh"
    ohmic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.v0) and self.v0 > 0):
            raise RangeError(f"current sinh: v0 = {self.v0!r}: allowed (0, inf) V")

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return ``v0 sinh(v / v0)``."""
        return self.v0 * np.sinh(v / self.v0)

    def slope(self, v: np.ndarray) -> np.ndarray:
        """Return ``cosh(v / v0)``."""
        return np.cosh(v / self.v0)

    def formula(self, v: str) -> str:
        """Return ``v0 sinh(v / v0)`` as text."""
        return f"({self.v0:.17g}*sinh(({v})/{self.v0:.17g}))"
