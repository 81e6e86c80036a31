"""What an estimator is: a list of betas with one coefficient each.

With the local observable ``A = dF/dW`` (``F = Phi - beta L``; pre x post activity for a reciprocal array) every
estimator here is the real part of a linear combination of the observables of its phases,

``-dL/dW  ~  Re sum_k c_k A(s(beta_k))``,

so one routine forms the update of all of them, digitally differenced or programmed phase by phase in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from neurosim.learning.teaching import TeachingSignal


@dataclass(frozen=True, slots=True)
class Sample:
    """One phase: settle under `beta`, then take its observable with `coefficient` (1/beta units)."""

    beta: complex | float
    coefficient: complex | float

    @property
    def potentiates(self) -> bool:
        """Whether in situ programming uses this phase to potentiate (else to depress)."""
        c = complex(self.coefficient)
        return c.real >= -1e-9 * abs(c)  # in quadrature the real part is 0, and its sign is that of a rounding


class PhasedEstimator(Protocol):
    """Settled phases: free, then one restarted from the free state for each nonzero beta."""

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    @property
    def order(self) -> int:
        """Order of its bias in beta."""
        ...

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return the phases of one update; `rng` draws what the estimator leaves to chance."""
        ...


class ContinuousEstimator(Protocol):
    """An always-on teaching signal: the network is never reset, observables are taken while it runs."""

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    @property
    def order(self) -> int:
        """Order of its bias in beta for an infinitely slow signal."""
        ...

    def signal(self, dt: float) -> TeachingSignal:
        """Return beta(t) for integrator steps of `dt` (in units of tau)."""
        ...

    def schedule(self) -> tuple[tuple[int, Sample], ...]:
        """Return (step, sample): after how many steps which observable is taken."""
        ...

    def free_coefficients(self) -> np.ndarray:
        """Return the real weights by which the scheduled states average to the free state."""
        ...
