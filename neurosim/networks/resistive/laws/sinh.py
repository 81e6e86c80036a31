"""The hyperbolic-sine element: field-enhanced conduction of filamentary and hopping memristors."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.networks.resistive.laws.base import Parts


@dataclass(frozen=True, slots=True)
class Sinh:
    """``h(v) = v0 sinh(v/v0)``, ``H(v) = v0^2 (cosh(v/v0) - 1)``.

    By the addition theorem ``cosh(a - b) = cosh a cosh b - sinh a sinh b`` contents factorise, and those of a pair
    have the one factor ``v0^2 sinh(v_i/v0) sinh(v_j/v0)``. Ohmic as v0 grows.

    Attributes
    ----------
    v0
        Voltage above which conduction is enhanced, in units of v_ref; > 0.

    References
    ----------
    Mott and Gurney 1940, hopping in a field; the form common to compact memristor models, for example Yang et al. 2008,
    doi:10.1038/nnano.2008.160.
    """

    v0: float = 0.25
    name: str = "sinh"
    linear: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.v0) and self.v0 > 0):
            raise RangeError(f"law sinh: v0 = {self.v0!r}: allowed (0, inf), in units of v_ref")

    def current(self, v: Array) -> Array:
        """Return ``v0 sinh(v/v0)``."""
        return self.v0 * namespace(v).sinh(v / self.v0)

    def slope(self, v: Array) -> Array:
        """Return ``cosh(v/v0)``."""
        return namespace(v).cosh(v / self.v0)

    def content(self, v: Array) -> Array:
        """Return ``v0^2 (cosh(v/v0) - 1)``, as ``2 v0^2 sinh(v/2v0)^2`` without cancellation."""
        half = namespace(v).sinh(v / (2 * self.v0))
        return 2 * self.v0**2 * half * half

    def formula(self, v: str) -> str:
        """Return ``v0 sinh(v/v0)`` as text."""
        return f"({self.v0:.17g}*sinh(({v})/{self.v0:.17g}))"

    def factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return ``v0^2 (cosh a_i, -sinh a_i, -1)`` and ``(cosh b_j, sinh b_j, 1)``, with ``a = v/v0``."""
        xp, square = namespace(v_row), self.v0**2
        a, b = v_row / self.v0, v_col / self.v0
        return (
            (square * xp.cosh(a), -square * xp.sinh(a), xp.full_like(a, -square)),
            (xp.cosh(b), xp.sinh(b), xp.ones_like(b)),
        )

    def pair_factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return ``(v0 sinh a_i)`` and ``(v0 sinh b_j)``."""
        return (self.current(v_row),), (self.current(v_col),)
