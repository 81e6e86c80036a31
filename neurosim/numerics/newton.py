"""Damped Newton iteration on a batch of small systems, every sample on its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.numerics.status import Status

HALVINGS = 40
"""Most halvings of one step: a junction overshot by a volt needs about five."""

DECREASE = 1e-4
"""A step of length s must lower the norm of the residual to ``1 - DECREASE s`` times its value (Armijo)."""


@dataclass(frozen=True, slots=True)
class Root:
    """Result of `newton`.

    Attributes
    ----------
    y
        The states, shape (batch, nodes).
    residual
        ``max_nodes |F(y)|`` of each sample, shape (batch,).
    solved
        Which samples are roots by one of the two criteria, shape (batch,), bool.
    status
        SETTLED when every sample is.
    steps
        Newton steps made (linear solves of the whole batch).
    """

    y: Array
    residual: Array
    solved: Array
    status: Status
    steps: int


def newton(
    function: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    y0: Array,
    *,
    tolerance: float,
    step: float = 0.0,
    max_steps: int = 200,
) -> Root:
    """Return a root of `function` near `y0`, real or (for a holomorphic function) complex.

    ``y <- y + s d``, ``J d = -F``, with s halved from 1 until ``|F|_2`` falls: d is a direction of descent of
    ``|F|^2``, so exponential junctions are approached without overflow deciding anything. A sample that is solved
    stands still. One that no step improves ends where it is: a fold, a singular J, or rounding.

    Parameters
    ----------
    function
        F: states (batch, nodes) -> residuals of the same shape.
    jacobian
        dF/dy: states -> (batch, nodes, nodes).
    y0
        Start, with finite F. Not changed.
    tolerance
        Largest ``|F|`` of a node that counts as a root.
    step
        Largest full step ``|d|`` of a node, relative to the largest state of the sample (at least 1), that counts as
        the last one: the error after it is of its square. 0: the residual alone decides.
    max_steps
        Limit; reaching it is the status UNSETTLED, not an exception.

    References
    ----------
    Nocedal and Wright 2006, Numerical Optimization, doi:10.1007/978-0-387-40065-5, section 11.2 (line search).
    """
    xp, y, made = namespace(y0), y0.copy(), 0
    with np.errstate(over="ignore", invalid="ignore"):  # the status says it
        value = function(y)
        solved = _size(value) <= tolerance
        while made < max_steps:
            active = ~solved & xp.isfinite(_size(value))
            if not bool(active.any()):
                break
            direction = _direction(jacobian(y), value)
            last = active & (_size(direction) <= step * xp.maximum(_size(y), 1.0))
            made += 1
            y, value, better = _search(function, y, value, direction, active, last)
            solved = solved | last | (_size(value) <= tolerance)
            if not bool((better | last).any()):
                break
        residual = _size(value)
    unsolved = Status.UNSETTLED if math.isfinite(float(residual.max())) else Status.DIVERGED
    return Root(y, residual, solved, Status.SETTLED if bool(solved.all()) else unsolved, made)


def _direction(matrix: Array, value: Array) -> Array:
    """Return d of ``matrix d = -value`` of each sample; not finite where a matrix is singular."""
    xp = namespace(value)
    try:
        return -xp.linalg.solve(matrix, value[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # numpy refuses the batch for one singular sample
        found = xp.full_like(value, float("nan"))
        for k in range(value.shape[0] if value.shape[0] > 1 else 0):
            found[k : k + 1] = _direction(matrix[k : k + 1], value[k : k + 1])
        return found


def _search(
    function: Callable[[Array], Array], y: Array, value: Array, direction: Array, active: Array, last: Array
) -> tuple[Array, Array, Array]:
    """Return states and residuals after one damped step of the `active` samples, and which of them moved.

    A `last` step is not damped: where rounding lets it improve nothing, the sample stays.
    """
    xp = namespace(y)
    size = _norm(value)
    length = active.astype(y.real.dtype)[:, None]
    seeking, moved = active, ~active & active
    for _ in range(HALVINGS):
        trial = xp.where(seeking[:, None], y + length * direction, y)
        found = function(trial)
        # written so that a NaN is no decrease
        better = seeking & (_norm(found) <= (1 - DECREASE * length[:, 0]) * size)
        y, value = xp.where(better[:, None], trial, y), xp.where(better[:, None], found, value)
        moved = moved | better
        seeking = seeking & ~better & ~last
        if not bool(seeking.any()):
            break
        length = xp.where(seeking[:, None], 0.5 * length, length)
    return y, value, moved


def _size(value: Array) -> Array:
    """Return the largest magnitude of each sample."""
    return namespace(value).abs(value).max(axis=1)


def _norm(value: Array) -> Array:
    """Return the Euclidean norm of each sample, without overflow of the squares."""
    xp = namespace(value)
    size = xp.abs(value)
    largest = size.max(axis=1)
    relative = size / xp.where(largest > 0, largest, 1.0)[:, None]
    return largest * xp.sqrt((relative * relative).sum(axis=1))
