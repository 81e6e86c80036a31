"""One-sided EP: free phase and one nudged phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.learning.estimators.base import Sample

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class OneSidedEP:
    """``-dL/dW ~ [A(s^b) - A(s^0)] / b``; bias of order b.

    References
    ----------
    Scellier and Bengio 2017, doi:10.3389/fncom.2017.00024, eq. (9).
    """

    beta: float
    name: str = "one_sided"
    order: int = 1

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return the free phase and the nudged phase."""
        return Sample(0.0, -1 / self.beta), Sample(self.beta, 1 / self.beta)
