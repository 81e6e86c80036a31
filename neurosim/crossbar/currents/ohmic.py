"""The ohmic device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Ohmic:
    """``h(v) = v``."""

    name: str = "ohmic"
    ohmic: bool = True

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return v."""
        return v

    def slope(self, v: np.ndarray) -> np.ndarray:
        """Return 1."""
        return np.ones_like(v)

    def formula(self, v: str) -> str:
        """Return v as text."""
        return f"({v})"
