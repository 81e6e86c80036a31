"""The exact response of the free state to the nudge, and the limit that every estimator tends to as beta -> 0.

The free state moves with beta as ``u' = a' M - dL/da|_output``, ``a' = sigma'(u*) u'`` (row vectors; M the derivative
of the drive at the free state, the change of pools included): one linear system of the network's own form, solved by
the same sweeps. What the observables make of a' is what N-point holomorphic EP estimates, without any error of beta:
with tied weights the exact gradient, with untied ones (vector-field form, ``(dF/dW)^T a'``) the gradient with the bias
of the asymmetry alone.

Laborieux and Zenke 2024, arXiv:2309.02214, section 3 and fig. 2 ("true" derivative by beta).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.learning.contrast import Contrast, Measured, contrast_of
from neurosim.learning.estimators.base import Sample
from neurosim.learning.linear_network import linear_activity
from neurosim.learning.reference import settled_part
from neurosim.networks.rate import RateNetwork

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.settle import Settled

IMAGINARY = 2.0**-40
"""Imaginary step that turns an observable of two states into its derivative; what it leaves is of its square."""


def measure_response(bench: Bench, tolerance: float | None = None, *, mask: bool = False) -> Contrast:
    """Return the contrast of an infinitesimal nudge, computed at the operating point and without noise.

    Parameters
    ----------
    bench
        A rate network.
    tolerance
        Residual of the free state, and relative to its source that of the response; 1e-12 in float64 and 1e-5 in
        float32 when None.
    mask
        Leave out samples that have no steady state.

    Raises
    ------
    ConfigError
        A passive network.
    ConvergenceError
        The free state, with `mask` that of every sample, or the response did not settle.
    """
    xp = namespace(bench.x)
    if tolerance is None:
        tolerance = 1e-12 if bench.x.dtype == xp.float64 else 1e-5
    bench = bench.exact(tolerance)
    free = bench.operating_point()
    some, at_rest = settled_part(bench, free, "response, free state", tolerance, mask=mask)
    step = 1j * IMAGINARY
    tangent = Measured(Sample(step, 1 / step), at_rest.a + step * response(some, at_rest))
    found = contrast_of(some, [tangent], at_rest.a)
    return replace(found, free_activity=free.a, residual=free.residual, settled=free.settled, status=free.status)


def response(bench: Bench, free: Settled) -> Array:
    """Return ``da*/dbeta`` at beta = 0 of each sample, (batch, nodes); errors as `measure_response`."""
    network, xp = bench.network, namespace(free.u)
    if not isinstance(network, RateNetwork):
        kind = type(network).__name__
        raise ConfigError(f"response: solved for rate networks, got a {kind}; use 'holomorphic' with many points")
    top, slope = network.topology, network.slope(free.u)
    source = xp.zeros_like(free.u)
    source[:, top.slices[top.output]] = -1 * bench.cost().force(bench.output(free.a), bench.y)

    terms = [tangent for term in network.terms(bench.weights(0)) for tangent in term.tangent(free.a)]
    return linear_activity(top, terms, slope, source, bench.options, "response:")
