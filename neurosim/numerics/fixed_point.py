"""Fixed points of a relaxation field: y = target(y), by sweeps over blocks or by Anderson acceleration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import choose
from neurosim.numerics.status import Status

DAMPING = 0.1
"""Step of damped sweeps; a mode ``exp(-t + i w t)`` of the dynamics dies out while ``DAMPING < 2 / (1 + w^2)``."""


class BlockField(Protocol):
    """A field whose nodes fall into blocks without coupling inside a block."""

    blocks: int
    evaluations: float

    def target(self, t: float, y: Array, out: Array) -> Array:
        """Write what every node relaxes to at state `y` into `out`."""
        ...

    def activity(self, y: Array) -> Array:
        """Return the activity of state `y`."""
        ...

    def relax(self, block: int, t: float, y: Array, a: Array) -> Array:
        """Set one block of `y` and `a` to its target; return the largest change per sample."""
        ...


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Result of `solve`.

    Attributes
    ----------
    y
        State, shape (batch, nodes).
    residual
        ``max_nodes |target(y) - y|`` of each sample, recomputed at the end.
    status
        SETTLED when every sample's residual is within the tolerance.
    sweeps
        Sweeps over the whole network that were made.
    evaluations
        Evaluations of the whole drive, the closing residual included.
    """

    y: Array
    residual: Array
    status: Status
    sweeps: int
    evaluations: float


def _synchronous(field: BlockField, y: Array, tolerance: float, max_sweeps: int) -> tuple[Array, int]:
    xp = namespace(y)
    out = xp.empty_like(y)
    for sweep in range(1, max_sweeps + 1):
        field.target(0.0, y, out)
        done = float(xp.abs(out - y).max()) <= tolerance
        y, out = out, y
        if done:
            return y, sweep
    return y, max_sweeps


def _alternating(field: BlockField, y: Array, tolerance: float, max_sweeps: int) -> tuple[Array, int]:
    """Relax block after block. With reciprocal weights and beta = 0 no step raises the energy.

    The nudge couples an output node to itself, so under a nudge a block is set to the target that its old state
    gives: a contraction while ``|beta| sigma' < 1``.
    """
    a = field.activity(y)
    for sweep in range(1, max_sweeps + 1):
        change = 0.0
        for block in range(field.blocks):
            change = max(change, float(field.relax(block, 0.0, y, a).max()))
        if not change > tolerance:  # a NaN also ends the sweeps; the residual then says so
            return y, sweep
    return y, max_sweeps


def _anderson(field: BlockField, y: Array, tolerance: float, max_sweeps: int, depth: int = 5) -> tuple[Array, int]:
    """Anderson acceleration of depth 5, every sample on its own (Walker and Ni 2011, doi:10.1137/10078356X)."""
    xp = namespace(y)
    ridge = max(1e-10, 16 * float(xp.finfo(y.dtype).eps))  # above rounding, or equal differences are singular
    states: list[Array] = []
    residuals: list[Array] = []
    for sweep in range(1, max_sweeps + 1):
        mapped = field.target(0.0, y, xp.empty_like(y))
        residual = mapped - y
        if not float(xp.abs(residual).max()) > tolerance:
            return mapped, sweep
        states, residuals = [*states[-depth:], mapped], [*residuals[-depth:], residual]
        if len(states) == 1:
            y = mapped
            continue
        d_res = xp.stack([r - residual for r in residuals[:-1]], axis=1)
        d_map = xp.stack([m - mapped for m in states[:-1]], axis=1)
        gram = xp.matmul(d_res.conj(), d_res.transpose(0, 2, 1))
        size = xp.abs(xp.einsum("bii->b", gram))[:, None, None]
        gram = gram + (ridge * size + 1e-30) * xp.eye(gram.shape[1], dtype=gram.dtype)
        rhs = xp.matmul(d_res.conj(), residual[:, :, None])
        mix = xp.linalg.solve(gram, rhs)
        y = mapped - (mix * d_map).sum(axis=1)
    return y, max_sweeps


def _damped(field: BlockField, y: Array, tolerance: float, max_sweeps: int) -> tuple[Array, int]:
    """Move all nodes by a tenth of the way to their target: modes that ring at w < 4.3 times their decay die out."""
    xp = namespace(y)
    for sweep in range(1, max_sweeps + 1):
        move = field.target(0.0, y, xp.empty_like(y))
        move -= y
        if not float(xp.abs(move).max()) > tolerance:
            return y, sweep
        y += DAMPING * move
    return y, max_sweeps


Solver = Callable[[BlockField, Array, float, int], tuple[Array, int]]
SOLVERS: dict[str, Solver] = {
    "alternating": _alternating,
    "synchronous": _synchronous,
    "anderson": _anderson,
    "damped": _damped,
}


def solve(
    field: BlockField,
    y0: Array,
    *,
    tolerance: float,
    max_sweeps: int,
    method: str = "alternating",
) -> FixedPoint:
    """Return the fixed point of `field` that the chosen iteration reaches from `y0`.

    Parameters
    ----------
    field
        Autonomous field (evaluated at t = 0).
    y0
        Start, shape (batch, nodes), real or complex. Not changed.
    tolerance
        Largest residual of a node that counts as settled.
    max_sweeps
        Limit; reaching it is the status UNSETTLED (or DIVERGED when not finite), not an exception.
    method
        ``"alternating"`` (block after block), ``"synchronous"`` (all nodes at once: the iteration of the
        literature), ``"anderson"``, or ``"damped"`` (a tenth of each synchronous step: for networks that ring).
    """
    iterate = choose(SOLVERS, method, "settle.solver")
    xp = namespace(y0)
    before = field.evaluations
    with np.errstate(over="ignore", invalid="ignore"):  # the status says it
        # half the tolerance, since the last blocks still move the first ones a little
        y, sweeps = iterate(field, y0.copy(), tolerance / 2, max_sweeps)
        residual = xp.abs(field.target(0.0, y, xp.empty_like(y)) - y).max(axis=1)
    status = Status.of_residual(float(residual.max()), tolerance)
    return FixedPoint(y, residual, status, sweeps, field.evaluations - before)
