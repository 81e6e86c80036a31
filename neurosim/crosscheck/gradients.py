"""One gradient, five ways: EP from SPICE's states, EP from ours, small-signal response, central differences, RBP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.crosscheck.deviation import Comparison
from neurosim.crosscheck.states import Laboratory
from neurosim.crosscheck.subject import Subject
from neurosim.learning.contrast import Measured, contrast_of
from neurosim.learning.estimators import OneSidedEP, Sample, SymmetricEP
from neurosim.learning.reference import measure_rbp
from neurosim.spice.analyses import OperatingPoint
from neurosim.spice.engines import run_all
from neurosim.spice.teaching import BetaSource

EP_TOLERANCE = 1e-5
LIMIT_TOLERANCE = 1e-6
DIFFERENCE_TOLERANCE = 1e-5
SLOPE_TOLERANCE = 0.15
STEP = 1e-4
"""Change of a weight in a central difference; the error is of its square."""
TINY = 1e-30
"""Imaginary step that turns the contrast of two states into the exact derivative along their difference."""
METHODS: Mapping[str, tuple[type[OneSidedEP | SymmetricEP], int]] = {
    "one-sided": (OneSidedEP, 1),
    "symmetric": (SymmetricEP, 2),
}

Gradient = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class GradientRow:
    """One way to the gradient: where its states come from, and how far it is from the limit and from RBP.

    Attributes
    ----------
    method, source
        In words: ``"symmetric EP"``, ``"ours"`` or the name of the engine.
    beta
        Nudge; None where there is none.
    limit_error
        ``|g - g_ac| / |g_ac|``, g_ac being EP's limit for beta -> 0 by small-signal analysis.
    rbp_error, cosine
        Relative error and cosine against RBP, the exact gradient of the loss.
    gradient
        dL/dW of each array.
    """

    method: str
    source: str
    beta: float | None
    limit_error: float
    rbp_error: float
    cosine: float
    gradient: Gradient


def compare_gradients(
    lab: Laboratory, beta: float, betas: Sequence[float]
) -> tuple[list[Comparison], list[GradientRow]]:
    """Return the comparisons and the table of gradients of `lab`'s subject, mean over its samples.

    Parameters
    ----------
    beta
        Nudge at which EP from both sides' states is compared.
    betas
        Nudges over which the slopes of EP's error towards its limit are fitted; none are fitted if empty.
    """
    table = _Table(lab)
    found: list[Comparison] = []
    errors: dict[tuple[str, str], list[float]] = {}
    for b in sorted({beta, *betas}):
        for method, (estimator, _) in METHODS.items():
            ours, theirs = table.estimate(method, estimator(b), b)
            if b == beta:
                title = f"EP gradient, {method}, beta = {b:g}"
                found.append(_flat(title, ours.gradient, theirs.gradient, EP_TOLERANCE))
            if b in betas:
                for row in (ours, theirs):
                    errors.setdefault((method, row.source), []).append(row.limit_error)
    for (method, source), values in errors.items():
        slope = np.array([_slope(sorted(betas), values)])
        title = f"slope of {method} EP's error by {source} states: theory, measured"
        found.append(Comparison(title, np.array([float(METHODS[method][1])]), slope, "1", SLOPE_TOLERANCE))
    if lab.subject.reciprocal:
        found.append(_flat("EP's limit by .ac against RBP", table.rbp, table.limit, LIMIT_TOLERANCE))
    if lab.subject.wires is None:
        differences = central_differences(lab)
        table.add("central differences of .op", lab.engine.name, None, differences)
        known = {name: np.where(np.isnan(differences[name]), np.nan, g) for name, g in table.rbp.items()}
        found.append(_flat("central differences of .op against RBP", known, differences, DIFFERENCE_TOLERANCE))
    return found, table.rows


class _Table:
    """The gradients so far, with the two that the others are measured against."""

    def __init__(self, lab: Laboratory) -> None:
        self.lab, self.bench = lab, lab.subject.bench()
        self.free_ours = lab.subject.activity(lab.free)
        self.free_theirs, slopes = lab.response()
        step = 1j * TINY
        tangent = Measured(Sample(step, 1 / step), self.free_theirs + step * slopes)
        self.limit = contrast_of(self.bench, [tangent], self.free_theirs).gradient()
        self.rbp = measure_rbp(self.bench, start=lab.free).gradient()
        self.rows: list[GradientRow] = []
        self.add("RBP", "ours", None, self.rbp)
        self.add("response by .ac (limit of EP)", lab.engine.name, None, self.limit)

    def add(self, method: str, source: str, beta: float | None, gradient: Gradient) -> GradientRow:
        limit, _ = _against(gradient, self.limit)
        rbp, cosine = _against(gradient, self.rbp)
        row = GradientRow(method, source, beta, limit, rbp, cosine, gradient)
        self.rows.append(row)
        return row

    def estimate(
        self, method: str, estimator: OneSidedEP | SymmetricEP, beta: float
    ) -> tuple[GradientRow, GradientRow]:
        """Add the estimate from our states and from the engine's."""
        lab, subject = self.lab, self.lab.subject
        ours, theirs = [], []
        for sample in estimator.samples(np.random.default_rng(0)):
            b = float(sample.beta.real)
            u = subject.nudged(b, lab.free) if b else lab.free
            ours.append(Measured(sample, subject.activity(u)))
            theirs.append(Measured(sample, lab.activities(lab.settle(b, u))))
        name = f"{method} EP"
        return (
            self.add(name, "ours", beta, contrast_of(self.bench, ours, self.free_ours).gradient()),
            self.add(name, lab.engine.name, beta, contrast_of(self.bench, theirs, self.free_theirs).gradient()),
        )


def central_differences(lab: Laboratory) -> dict[str, np.ndarray]:
    """Return dL/dW of every weight by central differences of operating points; NaN for an open device."""
    subject = lab.subject
    moves = [
        (name, index, sign)
        for name, (plus, _) in subject.arrays.items()
        for index in np.ndindex(plus.shape)
        if plus[index] > STEP * subject.scale.g_ref
        for sign in (1, -1)
    ]
    texts = [text for move in moves for text in _operating_points(lab, subject.moved(move[0], move[1], move[2] * STEP))]
    plots = [plots[-1] for plots in run_all(lab.engine, texts, vectors=lab.vectors)]
    found = {name: np.full(plus.shape, np.nan) for name, (plus, _) in subject.arrays.items()}
    n = subject.samples
    for k in range(0, len(moves), 2):
        name, index, _ = moves[k]
        up, down = (subject.loss(lab.activities(plots[m * n : (m + 1) * n])).mean() for m in (k, k + 1))
        found[name][index] = (up - down) / (2 * STEP)
    return found


def _operating_points(lab: Laboratory, subject: Subject) -> list[str]:
    """Return the free operating points of a changed `subject` as texts, sought near the unchanged ones."""
    return [
        subject.circuit(k, BetaSource()).text(OperatingPoint(lab.guess(lab.free[k])), lab.vectors)
        for k in range(subject.samples)
    ]


def _flat(title: str, ours: Gradient, theirs: Gradient, tolerance: float) -> Comparison:
    """Compare two gradients as one vector, over the entries that are known."""
    labels = [f"{name}[{','.join(map(str, index))}]" for name, g in ours.items() for index in np.ndindex(g.shape)]
    first, second = (np.concatenate([g[name].ravel() for name in ours]) for g in (ours, theirs))
    known = np.flatnonzero(~np.isnan(first))
    return Comparison(title, first[known], second[known], "1", tolerance, True, [labels[k] for k in known])


def _against(gradient: Gradient, reference: Gradient) -> tuple[float, float]:
    """Return the relative error and the cosine over the entries that are known."""
    g, r = (np.concatenate([part[name].ravel() for name in reference]) for part in (gradient, reference))
    g, r = g[~np.isnan(g)], r[~np.isnan(g)]
    size = float(np.linalg.norm(r))
    if size == 0 or not np.any(g):
        return math.nan, math.nan
    return float(np.linalg.norm(g - r)) / size, float(g @ r) / (size * float(np.linalg.norm(g)))


def _slope(betas: Sequence[float], errors: Sequence[float]) -> float:
    return float(np.polyfit(np.log(betas), np.log(errors), 1)[0])
