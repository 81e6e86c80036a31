"""The exact gradient at the operating point by the implicit function theorem, and how gradients are compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.learning.contrast import Contrast, Group
from neurosim.learning.observables import observables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.learning.bench import Bench
    from neurosim.settle import Settled


def measure_rbp(
    bench: Bench, tolerance: float | None = None, *, start: Array | None = None, mask: bool = False
) -> Contrast:
    """Return the exact gradient on `bench` as a contrast with one finished group.

    `tolerance` defaults to 1e-12 in float64 and 1e-5 in float32; the free state is sought from `start`, or from rest.
    How the gradient is found is said in ``observables/``, for each kind of network. With `mask` the gradient is that of
    the samples that have a steady state; without, one that has none raises `ConvergenceError`.
    """
    xp = namespace(bench.x)
    if tolerance is None:
        tolerance = 1e-12 if bench.x.dtype == xp.float64 else 1e-5
    bench = bench.exact(tolerance)
    free = bench.operating_point(start)
    some, at_rest = settled_part(bench, free, "rbp, free state", tolerance, mask=mask)
    factors = observables(some).exact(at_rest)
    return Contrast((Group(0, factors),), some.x.shape[0], free.a, free.residual, free.settled, free.status)


def settled_part(bench: Bench, free: Settled, what: str, tolerance: float, *, mask: bool) -> tuple[Bench, Settled]:
    """Return bench and free state of the samples that have settled.

    Raises
    ------
    ConvergenceError
        Without `mask`, a sample has not settled; with it, none has. `what` says of which state, for the message.
    """
    if mask and bool(free.settled.any()):
        return (bench, free) if bool(free.settled.all()) else (bench.part(free.settled), free.part(free.settled))
    return bench, free.require(what, tolerance)


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
