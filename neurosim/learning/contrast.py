"""From settled phases to the wanted change of every array: the differential, local observables.

Each array's update is ``-dL/dW ~ (1/batch) P^T Q``, kept as its factors: every row of P and Q is one presentation
of one phase (pre-synaptic drive, and post-synaptic signal times the phase's coefficient). Factors are what pulse
trains need, and their product is the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import ConvergenceError
from neurosim.learning.bench import Bench, sample_groups
from neurosim.learning.estimators.base import ContinuousEstimator, PhasedEstimator
from neurosim.learning.observables import Factors, Measured, observables
from neurosim.numerics.integrators import IMPLICIT
from neurosim.numerics.status import Status

__all__ = ["Contrast", "Factors", "Group", "Measured", "contrast_of", "measure", "measure_continuous", "measure_phases"]

_SEVERITY = (Status.SETTLED, Status.UNSETTLED, Status.STEP_LIMIT, Status.DIVERGED)


@dataclass(frozen=True, slots=True)
class Group:
    """Phases that are programmed together. ``sign`` +1 potentiates, -1 depresses, 0 is a finished gradient."""

    sign: int
    factors: Mapping[str, Factors]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one batch asks of the arrays.

    Attributes
    ----------
    groups
        Potentiating and depressing phases, in the order in which they are programmed.
    batch
        Number of samples that count (settled ones under the policy ``mask``).
    free_activity
        Activity of the free state, or its estimate from the running average, shape (batch, nodes).
    residual, settled
        Worst residual of each sample over all phases, and whether it is within the tolerance, shape (batch,).
    status
        Of the worst phase.
    products
        Multiply-adds spent per sample on settling all phases.
    """

    groups: tuple[Group, ...]
    batch: int
    free_activity: Array
    residual: Array
    settled: Array
    status: Status
    products: float = 0.0

    def factors(self, name: str) -> Factors:
        """Return P, Q of array `name` over all phases (what digital differencing sees)."""
        pairs = [group.factors[name] for group in self.groups]
        if len(pairs) == 1:
            return pairs[0]
        (p, q), (p2, q2) = pairs
        if p is p2:
            return p, q + q2
        xp = namespace(p)
        return xp.concatenate((p, p2)), xp.concatenate((q, q2))

    def gradient(self) -> dict[str, Array]:
        """Return dL/dW of every array, shape (rows, cols), mean over the batch."""
        xp = namespace(self.free_activity)
        found = {}
        for name in self.groups[0].factors:
            p, q = self.factors(name)
            found[name] = xp.matmul(p.T, q) * (-1.0 / self.batch)
        return found


def _contrast(
    bench: Bench,
    measured: Sequence[Measured],
    free: Array,
    residual: Array,
    settled: Array,
    status: Status,
    mask: bool,
    products: float,
) -> Contrast:
    keep, batch = None, bench.x.shape[0]
    if mask and not bool(settled.all()):
        keep = settled.astype(bench.x.dtype)[:, None]
        batch = max(int(settled.sum()), 1)
    build, groups = observables(bench), []
    for sign in (1, -1):
        chosen = [m for m in measured if m.sample.potentiates == (sign > 0)]
        if chosen:
            groups.append(Group(sign, build.factors(chosen, free, keep)))
    return Contrast(tuple(groups), batch, free, residual, settled, status, products)


def contrast_of(bench: Bench, measured: Sequence[Measured], free: Array, settled: Array | None = None) -> Contrast:
    """Return the contrast of phases settled elsewhere (a circuit simulator, a chip), all taken as settled.

    Parameters
    ----------
    bench
        Network, readings, inputs and targets; it is not settled.
    measured
        Phases with their samples.
    free
        Activity of the free state, shape (batch, nodes).
    settled
        Which samples count, shape (batch,), bool; all when None.
    """
    xp, batch = namespace(bench.x), bench.x.shape[0]
    residual, mask = xp.zeros((batch,), dtype=bench.x.dtype), settled is not None
    settled = settled if mask else xp.ones((batch,), dtype=bool)
    return _contrast(bench, measured, free, residual, settled, Status.SETTLED, mask, 0.0)


def measure_phases(
    bench: Bench, estimator: PhasedEstimator, rng: np.random.Generator, *, mask: bool = False
) -> Contrast:
    """Settle the phases of `estimator` on `bench` and return their contrast.

    The nudged phases start from the saved free state, never from each other. `mask` drops samples that did not
    settle in some phase.
    """
    samples = estimator.samples(rng)
    free = bench.free()
    at_rest = bench.reading(free.a)
    measured = [Measured(s, at_rest) for s in samples if s.beta == 0]
    residual, settled, status, products = free.residual, free.settled, free.status, free.products
    xp, batch = namespace(bench.x), bench.x.shape[0]
    for phase, group in enumerate(sample_groups(samples, bench.one_reading), start=1):
        result = bench.nudged([s.beta for s in group], free.u, phase)
        status = max(status, result.status, key=_SEVERITY.index)  # not by residual: that of a divergence is NaN
        products += result.products * len(group)
        for i, sample in enumerate(group):
            rows = slice(i * batch, (i + 1) * batch)
            measured.append(Measured(sample, bench.reading(result.a[rows]), phase))
            residual = xp.maximum(residual, result.residual[rows])
            settled = settled & result.settled[rows]
    return _contrast(bench, measured, at_rest, residual, settled, status, mask, products)


def measure_continuous(bench: Bench, estimator: ContinuousEstimator) -> Contrast:
    """Run `bench` under the estimator's oscillating beta and return the lock-in contrast.

    There is no settled state to test: all samples count as settled, and the residual at the end is what tells
    whether the signal was slow enough.

    Raises
    ------
    ConvergenceError
        A state became inf or NaN: the points after it were never reached.
    """
    xp = namespace(bench.x)
    schedule = dict(estimator.schedule())
    signal = estimator.signal(bench.options.dt)
    measured: list[Measured] = []

    def observe(step: int, a: Array) -> None:
        if step in schedule:
            measured.append(Measured(schedule[step], bench.reading(a)))

    steps = max(schedule)
    every = min(schedule) if len(schedule) == 1 else sorted(schedule)[1] - sorted(schedule)[0]
    # all stages of an implicit step lie after its start, and the last at its end, where a stepped signal jumps
    nudge = signal.before if bench.options.integrator in IMPLICIT else signal
    result = bench.run(nudge, steps, every, observe)
    if result.status is Status.DIVERGED:
        raise ConvergenceError(f"estimator {estimator.name!r}, running network: {result.status.value}")
    free = None
    for weight, m in zip(estimator.free_coefficients(), measured, strict=True):
        part = m.a.real * float(weight)
        free = part if free is None else free + part
    every_sample = xp.isfinite(result.residual)
    return _contrast(bench, measured, free, result.residual, every_sample, result.status, False, result.products)


def measure(bench: Bench, estimator: Any, rng: np.random.Generator, *, mask: bool = False) -> Contrast:
    """Return the contrast of any estimator, or computed reference, on `bench`."""
    if hasattr(estimator, "contrast"):
        found: Contrast = estimator.contrast(bench, mask=mask)
        return found
    if hasattr(estimator, "schedule"):
        return measure_continuous(bench, estimator)
    return measure_phases(bench, estimator, rng, mask=mask)
