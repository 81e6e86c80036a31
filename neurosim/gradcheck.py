"""Estimators against the exact gradient: error over beta, its slope, cosines per array.

With tied weights all estimators tend to the exact gradient. With untied ones they tend to the true response of the
vector field, which asymmetry keeps from the exact gradient: errors and slopes are then taken against this limit,
cosines against the exact gradient still (Laborieux and Zenke 2024, arXiv:2309.02214, fig. 2: both biases apart).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.backend import Array, get_backend
from neurosim.config import Experiment
from neurosim.errors import ConfigError, TraceError
from neurosim.experiment.batches import batch_arrays, load_data
from neurosim.experiment.build import build_controller
from neurosim.learning.bench import Bench
from neurosim.learning.contrast import measure_continuous, measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, OscillatingEP, SymmetricEP
from neurosim.learning.reference import alignment, measure_rbp, relative_error
from neurosim.learning.response import measure_response
from neurosim.rng import Streams

TOLERANCE = 1e-13
SLOPE_WINDOW = 0.15
FLOOR = 1e-11
QUASI_STATIC_POINTS = 24
DEFAULT_BETAS = (0.03, 0.05, 0.08, 0.12)

Gradient = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Row:
    """One estimator: relative error of its gradient against its limit, and cosines with the exact one, over beta.

    Attributes
    ----------
    order
        Order in beta that theory gives; None for a row that is shown but not judged.
    slope
        Fitted slope of log error against log beta, over the points whose error is above round-off; NaN with fewer
        than three of them.
    passed
        Whether the slope is within 0.15 of the order (None: not judged, or exact to round-off).
    """

    estimator: str
    betas: tuple[float, ...]
    errors: tuple[float, ...]
    cosines: tuple[Mapping[str, float], ...]
    order: int | None
    slope: float
    passed: bool | None


@dataclass(frozen=True, slots=True)
class GradientTable:
    """Result of a gradient check: one row per estimator."""

    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether no judged row failed."""
        return all(row.passed is not False for row in self.rows)


def fitted_slope(betas: Sequence[float], errors: Sequence[float]) -> float:
    """Return the slope of log error over log beta, above round-off; NaN with fewer than three such points."""
    points = [(math.log(b), math.log(e)) for b, e in zip(betas, errors, strict=True) if e > FLOOR]
    if len(points) < 3:
        return math.nan
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0])


def run(experiment: Experiment) -> GradientTable:
    """Compare the estimators with the exact gradient on one batch at the initial weights, in float64.

    The betas are the axis ``learning.beta`` of [sweep], the estimators its axis ``learning.estimator`` (all when
    absent); its axis ``learning.points`` gives holomorphic EP a row per number of points. Phased estimators and the
    cosine lock-in are taken at exact operating points (the quasi-static limit); a continuous-time row is shown beside
    them and differs by its lag.

    Raises
    ------
    ConfigError
        float32, fewer than three betas, or no estimator to check.
    """
    if experiment.settle.dtype != "float64":
        raise ConfigError("[settle] dtype = 'float32': gradcheck needs 'float64' to resolve the slopes")
    axes = dict(experiment.sweep.expanded()) if experiment.sweep else {}
    betas = tuple(float(b) for b in axes.get("learning.beta", DEFAULT_BETAS))
    if len(betas) < 3:
        raise ConfigError(f"[sweep] learning.beta = {list(betas)}: a slope needs at least three values")
    chosen = axes.get("learning.estimator")
    points = tuple(int(n) for n in axes.get("learning.points", (experiment.learning.points,)))
    checked = [row for row in _estimators(experiment, points) if chosen is None or row[1] in chosen]
    if not checked:
        raise ConfigError(f"[sweep] learning.estimator = {chosen}: none of them is an estimate to check")
    bench = initial_bench(experiment)
    exact = measure_rbp(bench, TOLERANCE).gradient()
    limit = exact if _tied(bench) else measure_response(bench, TOLERANCE).gradient()
    static = bench.exact(TOLERANCE)
    rows = [] if limit is exact else [_limit_row(limit, exact)]
    for label, _, order, gradient in checked:
        judged = order is not None
        found = [gradient(static if judged else bench, beta) for beta in betas]
        errors = tuple(relative_error(g, limit) for g in found)
        slope = fitted_slope(betas, errors)
        cosines = tuple(alignment(g, exact) for g in found)
        rows.append(Row(label, betas, errors, cosines, order, slope, _verdict(order, slope, errors)))
    return GradientTable(tuple(rows))


def _tied(bench: Bench) -> bool:
    top = bench.network.topology
    return all(synapse.reciprocal or top.by_name[synapse.pre].clamped for synapse in top.synapses)


def _limit_row(limit: Gradient, exact: Gradient) -> Row:
    """Return the row of an infinitesimal nudge; its error is that of the asymmetry, against the exact gradient."""
    error, cosines = relative_error(limit, exact), alignment(limit, exact)
    return Row("limit (against RBP)", (0.0,), (error,), (cosines,), None, math.nan, None)


def _verdict(order: int | None, slope: float, errors: Sequence[float]) -> bool | None:
    if order is None:
        return None
    if math.isnan(slope) and all(error <= FLOOR for error in errors):
        return None  # exact to round-off: no slope to judge
    return abs(slope - order) <= SLOPE_WINDOW


def initial_bench(experiment: Experiment) -> Bench:
    """Return the bench of the untrained network of `experiment` on its first training samples."""
    streams = Streams(experiment.train.seed, get_backend(experiment.settle.backend))
    controller, state = build_controller(experiment, streams)
    data = load_data(experiment)
    rows = slice(0, experiment.train.probe_batch)
    x, y = batch_arrays(experiment, data.x_train[rows], data.y_train[rows], data.classes, streams.backend)
    weights = controller.weights(state)
    quiet = replace(controller.options, noise=0.0, temperature=0.0)
    return Bench(controller.loaded(state), lambda _: weights, x, y, quiet)


def _phased(estimator: Any, bench: Bench) -> Gradient:
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


def _both_signs(bench: Bench, beta: float) -> Gradient:
    plus, minus = _phased(OneSidedEP(beta), bench), _phased(OneSidedEP(-beta), bench)
    return {name: (plus[name] + minus[name]) / 2 for name in plus}


def _estimators(experiment: Experiment, points: Sequence[int]) -> list[tuple[str, str, int | None, Any]]:
    """Return (label, family, order, function of bench and beta) of every row."""
    learning = experiment.learning
    rows: list[tuple[str, str, int | None, Any]] = [
        ("one-sided", "one_sided", 1, lambda bench, b: _phased(OneSidedEP(b), bench)),
        ("random sign, mean of both", "random_sign", 2, _both_signs),
        ("symmetric", "symmetric", 2, lambda bench, b: _phased(SymmetricEP(b), bench)),
    ]
    for n in points:

        def circle(bench: Bench, b: float, n: int = n) -> Gradient:
            return _phased(HolomorphicEP(b, n), bench)

        rows.append((f"holomorphic N={n}", "holomorphic", n, circle))
    for h in (1, 3, 5):
        name = "cosine lock-in" + "".join(f" + {k}." for k in (3, 5) if k <= h)

        def quasi_static(bench: Bench, b: float, h: int = h) -> Gradient:
            return _phased(OscillatingEP(b, "cosine", QUASI_STATIC_POINTS, harmonics=h), bench)

        rows.append((name, "oscillating", h + 1, quasi_static))
    if experiment.settle.method == "transient":

        def running(bench: Bench, b: float) -> Gradient:
            estimator = OscillatingEP(
                b,
                learning.waveform,
                learning.points,
                learning.dwell,
                learning.periods,
                learning.discard_periods,
                learning.harmonics,
            )
            return measure_continuous(bench, estimator).gradient()

        rows.append((f"{learning.waveform}, continuous time", "oscillating", None, running))
    return rows


def write(table: GradientTable, out: Path) -> None:
    """Write ``gradcheck.csv`` (one line per estimator and beta) and ``gradcheck.png`` into folder `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "gradcheck.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            names = list(table.rows[0].cosines[0])
            writer.writerow(["estimator", "beta", "relative_error", *(f"cosine_{n}" for n in names), "slope", "order"])
            for row in table.rows:
                for beta, error, cosines in zip(row.betas, row.errors, row.cosines, strict=True):
                    values = [cosines[name] for name in names]
                    writer.writerow([row.estimator, beta, error, *values, row.slope, row.order or ""])
        _draw(table).savefig(out / "gradcheck.png", dpi=150)
    except OSError as error:
        raise TraceError(f"{out}: the gradient check could not be written: {error.strerror}") from error


def _draw(table: GradientTable) -> Any:
    """Return the figure: relative error over beta, slopes in the legend, and the cosine of the first layer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.6, 4.4), layout="constrained")
    error, cosine = figure.subplots(1, 2, sharex=True)
    first = next(iter(table.rows[0].cosines[0]))
    colours = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#CC79A7", "#999999")
    markers = "os^Dv<>xP"  # one more than colours, so that a pair of both comes back only after 72 rows
    for row, colour, marker in zip(table.rows, cycle(colours), cycle(markers), strict=False):
        aligned = [c[first] for c in row.cosines]
        if row.betas == (0.0,):
            cosine.axhline(aligned[0], color=colour, linestyle="--", label="limit of an infinitesimal nudge")
            continue
        order = "" if row.order is None else f"  (slope {row.slope:.2f}, theory {row.order})"
        error.loglog(row.betas, row.errors, marker=marker, color=colour, label=row.estimator + order)
        cosine.plot(row.betas, aligned, marker=marker, color=colour)
    error.set_ylabel("relative error of the gradient")
    cosine.set_ylabel(f"cosine with the exact gradient, {first}")
    for axes in (error, cosine):
        axes.set_xlabel("nudge amplitude beta")
        axes.grid(visible=True, which="both", alpha=0.25)
    figure.legend(fontsize=8.5, loc="outside right center", frameon=False)
    return figure
