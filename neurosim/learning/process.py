"""EP as a process in nudge time, against back-propagation through time: the GDU ("gradient descent updates") check.

For an infinitesimal nudge and tied weights, the estimate t steps after the nudge was switched on is the gradient of
the loss truncated to the last t steps of the free phase (Ernoult et al. 2019, arXiv:1905.13633; Laborieux et al. 2021,
doi:10.3389/fnins.2021.633674, section 2.2.2). At a finite nudge the symmetric estimate follows it more closely than the
one-sided one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.learning.contrast import Measured, contrast_of
from neurosim.networks.nudge import Nudge
from neurosim.settle import transient

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.learning.estimators import PhasedEstimator

SMALLEST = 1e-30
"""Below it a weight has no gradient at any time, and its error counts as zero."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an estimate follows the reference over nudge time, for one array.

    Attributes
    ----------
    rmse
        ``rms_t(g_ep - g_bptt) / max(rms_t g_ep, rms_t g_bptt)`` of each weight, mean over the weights; 0 to 2.
    wrong_signs
        Fraction of weights and times at which the two have opposite signs.
    """

    rmse: float
    wrong_signs: float


def estimates_over_time(bench: Bench, estimator: PhasedEstimator, steps: int) -> list[dict[str, Array]]:
    """Return what `estimator` gives for dL/dW after t = 1 .. `steps` nudged steps, (rows, cols) per array.

    The free phase is settled as the bench says; the nudged phases start from it and are integrated in time, without
    noise.
    """
    bench = bench.undisturbed(bench.options)
    free = bench.free()
    samples = estimator.samples(np.random.default_rng(0))
    paths = [_path(bench, sample.beta, free.u, steps) for sample in samples]
    found = []
    for t in range(steps):
        measured = [Measured(s, path[t]) for s, path in zip(samples, paths, strict=True)]
        found.append(contrast_of(bench, measured, free.a).gradient())
    return found


def _path(bench: Bench, beta: complex | float, start: Array, steps: int) -> list[Array]:
    """Return the activity after each of `steps` steps under `beta` from the free state `start`."""
    found: list[Array] = []
    is_complex = isinstance(beta, complex)
    xp = namespace(start)
    u = start.astype(xp.result_type(start.dtype, xp.complex64)) if is_complex else start

    def keep(step: int, t: float, u: Array) -> None:
        found.append(bench.network.activity(u))

    field = bench.field(Nudge(bench.cost(), bench.y, beta))
    transient(field, u, steps, replace(bench.options, method="transient"), observe=keep)
    return found


def agreement(
    estimate: Sequence[Mapping[str, Array]], reference: Sequence[Mapping[str, Array]]
) -> dict[str, Agreement]:
    """Return how `estimate` follows `reference` over time, per array: the two numbers of the GDU check of L21."""
    found = {}
    for name in reference[0]:
        xp = namespace(reference[0][name])
        ours, theirs = (xp.stack([g[name] for g in series]) for series in (estimate, reference))
        size = xp.maximum(_rms(ours), _rms(theirs))
        error = _rms(ours - theirs) / xp.maximum(size, SMALLEST)
        found[name] = Agreement(float(error.mean()), float((ours * theirs < 0).mean()))
    return found


def _rms(series: Array) -> Array:
    """Return the root mean square over time of each weight, (rows, cols)."""
    return (series**2).mean(axis=0) ** 0.5
