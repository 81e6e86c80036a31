"""The device with a current of odd powers of its voltage."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurosim.errors import RangeError


@dataclass(frozen=True, slots=True)
class Polynomial:
    """``h(v) = v (1 + a_1 v^2 + a_2 v^4 + ...)``.

    Attributes
    ----------
    coefficients
        ``(a_1, a_2, ...)`` [1/V^2, 1/V^4, ...], each >= 0, so that the current increases everywhere.
    """

    coefficients: tuple[float, ...] = (1.0,)
    name: str = "polynomial"
    ohmic: bool = False

    def __post_init__(self) -> None:
        for k, a in enumerate(self.coefficients, start=1):
            if not (math.isfinite(a) and a >= 0):
                raise RangeError(f"current polynomial: a_{k} = {a!r}: allowed [0, inf) 1/V^{2 * k}")

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return ``v (1 + a_1 v^2 + ...)``."""
        return np.asarray(v * np.polynomial.polynomial.polyval(v * v, (1.0, *self.coefficients)))

    def slope(self, v: np.ndarray) -> np.ndarray:
        """Return ``1 + 3 a_1 v^2 + 5 a_2 v^4 + ...``."""
        slopes = (1.0, *((2 * k + 1) * a for k, a in enumerate(self.coefficients, start=1)))
        return np.asarray(np.polynomial.polynomial.polyval(v * v, slopes))

    def formula(self, v: str) -> str:
        """Return ``v (1 + a_1 v^2 + ...)`` as text, powers written as products."""
        terms, square = ["1"], f"({v})*({v})"
        power = square
        for a in self.coefficients:
            terms.append(f"{a:.17g}*{power}")
            power = f"{power}*{square}"
        return f"(({v})*({'+'.join(terms)}))"
