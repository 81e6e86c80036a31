"""Random-sign EP: one-sided with the sign of beta drawn anew for every batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.learning.estimators.base import Sample

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class RandomSignEP:
    """``-dL/dW ~ [A(s^(+-b)) - A(s^0)] / (+-b)``, one sign for the whole batch; bias of order b, b^2 in the mean.

    References
    ----------
    Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, section 3.1.
    """

    beta: float
    name: str = "random_sign"
    order: int = 2

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return the free phase and the nudged phase with a random sign."""
        beta = self.beta if rng.random() < 0.5 else -self.beta
        return Sample(0.0, -1 / beta), Sample(beta, 1 / beta)
