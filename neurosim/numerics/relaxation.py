"""The one form of all dynamics here: every node relaxes toward a target at its own rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from neurosim.backend import Array
from neurosim.numerics.status import Status

Observer: TypeAlias = Callable[[int, float, Array], None]
"""``observe(step, t, y)``: called with the state after a step. `y` is a buffer: copy what is to be kept."""


class Relaxation(Protocol):
    """The field ``y' = rate (target(t, y) - y)``, with `y` of shape (batch, nodes), real or complex.

    Time is in units of the nominal time constant tau. Any ``y' = f(t, y)`` has this form with
    ``target = y + f/rate``.
    """

    @property
    def rate(self) -> float | Array:
        """1/tau of the nodes, > 0: a number, or an array of shape (nodes,)."""
        ...

    def target(self, t: float, y: Array, out: Array) -> Array:
        """Write what each node relaxes to at time `t` and state `y` into `out`, and return `out`.

        `out` has the shape and dtype of `y` and never shares memory with it. `y` must not be changed.
        """
        ...


@runtime_checkable
class SmoothRelaxation(Relaxation, Protocol):
    """A relaxation whose derivatives are known: what Newton steps and implicit integrators need."""

    def current(self, t: float, y: Array) -> Array:
        """Return ``y - target(t, y)``, whose root is the operating point, (batch, nodes)."""
        ...

    def conductance(self, t: float, y: Array) -> Array:
        """Return d(current)/dy, (batch, nodes, nodes); row i belongs to the current of node i."""
        ...

    def jacobian(self, t: float, y: Array) -> Array:
        """Return d(dy/dt)/dy, that is ``-rate`` times `conductance`, (batch, nodes, nodes)."""
        ...


@dataclass(frozen=True, slots=True)
class Integration:
    """Result of `integrate` and `integrate_adaptive`.

    Attributes
    ----------
    y
        Final state, shape (batch, nodes).
    t
        Time of `y`, in units of tau. Less than asked for after DIVERGED and STEP_LIMIT.
    residual
        ``max_nodes |target(t, y) - y|`` of each sample, shape (batch,).
    steps
        Steps made (the accepted ones).
    evaluations
        Calls of ``target``, the one for the residual included; of an implicit method, stages solved.
    status
        How it ended.
    rejected
        Steps that the step size control repeated with a smaller dt.
    """

    y: Array
    t: float
    residual: Array
    steps: int
    evaluations: int
    status: Status
    rejected: int = 0
