"""The exact gradient at the operating point by the implicit function theorem (recurrent backpropagation, RBP).

With ``a* = sigma(u*)``, ``D = diag sigma'(u*)``, coupling ``M`` (drive = a M + ...) and ``g = dL/da``,
``mu = g + (mu D) M^T`` is solved by the same sweeps as the network itself and ``dL/dW_ij = a_i lambda_j`` with
``lambda = mu D``; a reciprocal array adds its backward read, ``lambda_i a_j``.

Almeida 1987; Pineda 1987, doi:10.1103/PhysRevLett.59.2229.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import ConvergenceError
from neurosim.learning.contrast import Contrast, Factors, Group
from neurosim.networks.rate import CoupledField, Term
from neurosim.networks.topology import BIAS, INPUT
from neurosim.numerics.fixed_point import solve
from neurosim.numerics.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.learning.bench import Bench


def adjoint(bench: Bench, u: Array, a: Array) -> Array:
    """Return lambda = dL/d(drive) of each sample, shape (batch, nodes), for the free state u, a."""
    xp, top = namespace(u), bench.network.topology
    slope = bench.network.activation.slope(u)
    source = xp.zeros_like(u)
    source[:, top.slices[top.output]] = bench.cost().force(bench.output(a), bench.y)

    def scale(y: Array, part: slice, a: Array) -> None:
        xp.multiply(y[:, part], slope[:, part], out=a[:, part])

    terms = [Term(t.post, t.pre, t.weights.T) for t in bench.network.terms(bench.weights(0))]
    field = CoupledField(top, terms, source, scale)
    size = float(xp.abs(source).max()) or 1.0
    tolerance = bench.options.tolerance * size
    found = solve(field, source, tolerance=tolerance, max_sweeps=bench.options.max_sweeps)
    if found.status is not Status.SETTLED:
        raise ConvergenceError(
            f"rbp: the adjoint did not settle (residual {float(found.residual.max()):.3g}, allowed "
            f"{tolerance:.3g}): the free state is close to a fold or the weights are too large"
        )
    return field.activity(found.y).copy()


def measure_rbp(bench: Bench, tolerance: float | None = None) -> Contrast:
    """Return the exact gradient on `bench` as a contrast with one finished group.

    `tolerance` defaults to 1e-12 in float64 and 1e-5 in float32.
    """
    xp, top = namespace(bench.x), bench.network.topology
    if tolerance is None:
        tolerance = 1e-12 if bench.x.dtype == xp.float64 else 1e-5
    bench = bench.exact(tolerance)
    free = bench.operating_point().require("rbp, free state", tolerance)
    lam = adjoint(bench, free.u, free.a)
    ones = xp.ones((bench.x.shape[0], 1), dtype=bench.x.dtype)
    clamped = {INPUT: bench.x, BIAS: ones}
    factors: dict[str, Factors] = {}
    for synapse in top.synapses:
        post = top.slices[synapse.post]
        if synapse.pre in clamped:
            factors[synapse.name] = clamped[synapse.pre], -lam[:, post]
            continue
        pre = top.slices[synapse.pre]
        p, q = free.a[:, pre], -lam[:, post]
        if synapse.reciprocal:
            p = xp.concatenate((p, lam[:, pre]))
            q = xp.concatenate((q, -free.a[:, post]))
        factors[synapse.name] = p, q
    for synapse in top.readout:
        error = bench.cost().readout_factors(bench.output(free.a), bench.y)
        p = ones if synapse.pre == BIAS else bench.output(free.a)
        factors[synapse.name] = p, -1 * error
    return Contrast((Group(0, factors),), bench.x.shape[0], free.a, free.residual, free.settled, free.status)


def alignment(estimate: Mapping[str, Array], reference: Mapping[str, Array]) -> dict[str, float]:
    """Return the cosine between two gradients, per array and over all (key ``total``); 0 where one vanishes."""
    dots: dict[str, tuple[float, float, float]] = {}
    for name, g in estimate.items():
        r = reference[name]
        dots[name] = float((g * r).sum()), float((g * g).sum()), float((r * r).sum())
    sums = [sum(d[i] for d in dots.values()) for i in range(3)]
    dots["total"] = (sums[0], sums[1], sums[2])
    return {name: 0.0 if gg * rr == 0 else d / (gg * rr) ** 0.5 for name, (d, gg, rr) in dots.items()}


def relative_error(estimate: Mapping[str, Array], exact: Mapping[str, Array]) -> float:
    """Return ``|g - g_exact| / |g_exact|`` over all arrays together."""
    difference = sum(float(((estimate[name] - exact[name]) ** 2).sum()) for name in exact)
    size = sum(float((exact[name] ** 2).sum()) for name in exact)
    return math.sqrt(difference / size)
