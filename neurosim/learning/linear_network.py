"""Linear networks of the form of the network itself: adjoint and response at an operating point.

``y = source + (y s) T`` of each sample, with slopes s of the neurons and the linear terms T between layers. Sweeps
solve it where they converge; samples of a dense network on which they do not are solved directly, in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import ConvergenceError
from neurosim.networks.rate import CoupledField
from neurosim.numerics.fixed_point import solve
from neurosim.numerics.status import Status

if TYPE_CHECKING:
    from neurosim.networks.terms import Contribution
    from neurosim.networks.topology import Topology
    from neurosim.settle import SettleOptions

LARGEST = 4096
"""Nodes up to which a direct solution is tried: a matrix of them squared for every sample, one after the other."""


def linear_activity(
    top: Topology, terms: Sequence[Contribution], slope: Array, source: Array, options: SettleOptions, what: str
) -> Array:
    """Return ``y s`` of each sample, (batch, nodes).

    Parameters
    ----------
    top, terms
        Layers, and the linear contributions between them.
    slope, source
        s and the source, (batch, nodes).
    options
        Tolerance of the residual, relative to the largest entry of the source, limit of the sweeps, and solver; that
        of the topology in place of alternating sweeps.
    what
        For messages.

    Raises
    ------
    ConvergenceError
        Neither sweeps nor a direct solution reach the tolerance.
    """
    xp = namespace(source)

    def scale(y: Array, part: slice, a: Array) -> None:
        xp.multiply(y[:, part], slope[:, part], out=a[:, part])

    field = CoupledField(top, terms, source, scale)
    tolerance = options.tolerance * (float(xp.abs(source).max()) or 1.0)
    # What finds the free state converges here, too: the modes are those of the dynamics around it.
    method = top.solver if options.solver == "alternating" else options.solver
    found = solve(field, source, tolerance=tolerance, max_sweeps=options.max_sweeps, method=method)
    y, residual = found.y, float(found.residual.max())
    if found.status is not Status.SETTLED and top.nodes <= LARGEST and all(term.held is None for term in terms):
        missed = ~(found.residual <= tolerance)  # where it is not a number, too
        y[missed], residual = _direct(terms, slope[missed], source[missed])
    if residual <= tolerance:
        activity: Array = y * slope
        return activity
    raise ConvergenceError(
        f"{what} did not settle (residual {residual:.3g}, allowed {tolerance:.3g}): the free state is close to a fold "
        "or the weights are too large"
    )


def _direct(terms: Sequence[Contribution], slope: Array, source: Array) -> tuple[Array, float]:
    """Return y in double precision, sample by sample, and its largest residual."""
    xp, nodes = namespace(source), int(source.shape[1])
    unit = xp.eye(nodes, dtype=source.dtype)
    coupling = xp.zeros_like(unit)
    for term in terms:
        term.add(unit, coupling)
    coupling, slope, source = (part.astype(xp.float64) for part in (coupling, slope, source))
    one = xp.eye(nodes)
    rows = []
    for s, b in zip(slope, source, strict=True):
        try:
            rows.append(xp.linalg.solve((one - s[:, None] * coupling).T, b))
        except np.linalg.LinAlgError:  # a fold: no sample of it has an answer
            return source, math.inf
    y = xp.stack(rows)
    away = source + (y * slope) @ coupling - y
    return y, float(xp.abs(away).max())
