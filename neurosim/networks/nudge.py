"""The teaching force on the output layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.backend import Array

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurosim.networks.cost import Cost


@dataclass(frozen=True, slots=True)
class Nudge:
    """The teaching force ``-beta dL/da`` on the output layer.

    Attributes
    ----------
    cost
        L.
    target
        y, shape (batch, n_classes).
    beta
        A number, an array (batch, 1), or a function of time (in units of tau) that returns a number.
    """

    cost: Cost
    target: Array
    beta: complex | Array | Callable[[float], complex]

    def at(self, t: float) -> complex | Array:
        """Return beta at time `t`."""
        return self.beta(t) if callable(self.beta) else self.beta

    def force(self, t: float, a: Array) -> Array:
        """Return ``-beta(t) dL/da`` at output activity `a`, shape of `a`."""
        force = self.cost.force(a, self.target)
        force *= -self.at(t)
        return force

    def curvature(self, t: float, a: Array) -> Array:
        """Return ``beta(t) d2L/da2`` at output activity `a`: (n_out, n_out), or (batch, n_out, n_out)."""
        beta = self.at(t)
        constant = self.cost.curvature(a)  # type: ignore[attr-defined]  # the costs of resistive networks have it
        return beta * constant if isinstance(beta, float | int | complex) else beta[:, :, None] * constant
