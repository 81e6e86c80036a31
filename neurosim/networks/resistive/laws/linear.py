"""The ohmic element."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.networks.resistive.laws.base import Parts


@dataclass(frozen=True, slots=True)
class Linear:
    """``h(v) = v``, ``H(v) = v^2/2``.

    Contents factorise as ``v_i^2/2 - v_i v_j + v_j^2/2``; what remains of a pair is ``v_i v_j``.
    """

    name: str = "linear"
    linear: bool = True

    def current(self, v: Array) -> Array:
        """Return v."""
        return v

    def slope(self, v: Array) -> Array:
        """Return 1."""
        return namespace(v).ones_like(v)

    def content(self, v: Array) -> Array:
        """Return ``v^2 / 2``."""
        return 0.5 * v * v

    def formula(self, v: str) -> str:
        """Return v as text."""
        return f"({v})"

    def factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return ``(v_i^2/2, v_i, 1)`` and ``(1, -v_j, v_j^2/2)``."""
        xp = namespace(v_row)
        return (
            (self.content(v_row), v_row, xp.ones_like(v_row)),
            (xp.ones_like(v_col), -v_col, self.content(v_col)),
        )

    def pair_factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return ``(v_i)`` and ``(v_j)``."""
        return (v_row,), (v_col,)
