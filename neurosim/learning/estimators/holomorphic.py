"""N-point holomorphic EP: the Cauchy integral over a circle of complex betas."""

from __future__ import annotations

import cmath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.learning.estimators.base import Sample

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class HolomorphicEP:
    """``-dL/dW ~ Re (1/N) sum_k A(s(beta_k)) / beta_k``, ``beta_k = b exp(2 pi i k / N)``; bias of order b^N.

    `points` is N >= 2; two points are symmetric EP. A state at the conjugate beta is the conjugate state, so only
    the upper half of the circle is settled and counted twice.

    References
    ----------
    Laborieux and Zenke 2022, arXiv:2209.00530, eq. (9).
    """

    beta: float
    points: int
    name: str = "holomorphic"

    @property
    def order(self) -> int:
        """Order of the bias in beta."""
        return self.points

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return the settled points: the real ones, and the complex ones of the upper half circle."""
        found = []
        for k in range(self.points // 2 + 1):
            if k == 0 or 2 * k == self.points:
                beta: complex | float = self.beta if k == 0 else -self.beta
                found.append(Sample(beta, 1 / (self.points * beta)))
            else:
                beta = self.beta * cmath.exp(2j * cmath.pi * k / self.points)
                found.append(Sample(beta, 2 / (self.points * beta)))
        return tuple(found)
