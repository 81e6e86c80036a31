"""Symmetric (three-phase, centred) EP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.learning.estimators.base import Sample

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class SymmetricEP:
    """``-dL/dW ~ [A(s^b) - A(s^-b)] / (2 b)``, both phases restarted from the free state; bias of order b^2.

    References
    ----------
    Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, eq. (9).
    """

    beta: float
    name: str = "symmetric"
    order: int = 2

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return the two nudged phases."""
        return Sample(self.beta, 0.5 / self.beta), Sample(-self.beta, -0.5 / self.beta)
