"""Estimators over nudge time against truncated back-propagation through time: the check of Ernoult et al. 2019."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.backend import Array
from neurosim.config import Experiment
from neurosim.errors import ConfigError, TraceError
from neurosim.gradcheck import initial_bench
from neurosim.learning.bptt import gradients_over_time
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.process import Agreement, agreement, estimates_over_time

DEFAULT_BETAS = (0.01, 0.1)
Series = Sequence[Mapping[str, Array]]


@dataclass(frozen=True, slots=True)
class Row:
    """One estimator at one beta: its gradient at t = 1 .. K and how it follows the reference, per array."""

    estimator: str
    beta: float
    series: Series
    agreements: Mapping[str, Agreement]

    @property
    def rmse(self) -> float:
        """Relative RMS error over time, mean over the arrays."""
        return float(np.mean([a.rmse for a in self.agreements.values()]))

    @property
    def wrong_signs(self) -> float:
        """Fraction of wrong signs, mean over the arrays."""
        return float(np.mean([a.wrong_signs for a in self.agreements.values()]))


@dataclass(frozen=True, slots=True)
class TimeTable:
    """Result of `run`: the gradient of the reference at t = 1 .. K, and one row per beta and estimator."""

    reference: Series
    rows: tuple[Row, ...]

    @property
    def verdicts(self) -> dict[float, bool]:
        """Whether at each beta the symmetric estimate follows the reference more closely than the one-sided one."""
        error = {(row.estimator, row.beta): row.rmse for row in self.rows}
        betas = dict.fromkeys(row.beta for row in self.rows)
        judged = [b for b in betas if ("one-sided", b) in error and ("symmetric", b) in error]
        return {b: error["symmetric", b] < error["one-sided", b] for b in judged}

    @property
    def passed(self) -> bool:
        """Whether no judged beta failed."""
        return all(self.verdicts.values())


def run(experiment: Experiment) -> TimeTable:
    """Follow the estimators over the nudged steps of one batch at the initial weights.

    T is ``settle.free_steps`` and K ``settle.nudged_steps``; betas and estimators are the axes of [sweep], as in
    `neurosim.gradcheck`.

    Raises
    ------
    ConfigError
        float32, no estimator of settled phases, or an integrator other than Euler.
    """
    if experiment.settle.dtype != "float64":
        raise ConfigError("[settle] dtype = 'float32': gradcheck needs 'float64' to resolve small nudges")
    axes = dict(experiment.sweep.expanded()) if experiment.sweep else {}
    betas = [float(b) for b in axes.get("learning.beta", DEFAULT_BETAS)]
    points = experiment.learning.points
    makers: dict[str, tuple[str, Any]] = {
        "one_sided": ("one-sided", OneSidedEP),
        "symmetric": ("symmetric", SymmetricEP),
        "holomorphic": (f"holomorphic N={points}", lambda b: HolomorphicEP(b, points)),
    }
    chosen = axes.get("learning.estimator", ("one_sided", "symmetric"))
    if not set(chosen) & makers.keys():
        raise ConfigError(f"[sweep] learning.estimator = {list(chosen)}: allowed over time: {', '.join(makers)}")
    bench, steps = initial_bench(experiment), experiment.settle.nudged_steps
    reference = gradients_over_time(bench, steps)
    rows = []
    for beta in betas:
        for label, make in (makers[name] for name in makers if name in chosen):
            series = estimates_over_time(bench, make(beta), steps)
            rows.append(Row(label, beta, series, agreement(series, reference)))
    return TimeTable(reference, tuple(rows))


def write(table: TimeTable, out: Path) -> None:
    """Write ``gradtime.csv`` (one line per estimator, beta and array) and ``gradtime.png`` into folder `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "gradtime.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["estimator", "beta", "array", "rmse", "wrong_signs"])
            for row in table.rows:
                for name, found in row.agreements.items():
                    writer.writerow([row.estimator, row.beta, name, found.rmse, found.wrong_signs])
        _draw(table).savefig(out / "gradtime.png", dpi=150)
    except OSError as error:
        raise TraceError(f"{out}: the gradient check could not be written: {error.strerror}") from error


def _draw(table: TimeTable) -> Any:
    """Return the figure: dL/dw over nudge time, of the weight of each array with the largest gradient, per beta."""
    from matplotlib.figure import Figure

    names = [name for name in table.reference[0] if table.reference[0][name].shape[0] > 1]  # no biases
    betas = list(dict.fromkeys(row.beta for row in table.rows))
    figure = Figure(figsize=(3.6 * len(betas) + 1.6, 2.1 * len(names) + 0.6), layout="constrained")
    grid = figure.subplots(len(names), len(betas), squeeze=False, sharex=True, sharey="row")
    times = np.arange(1, len(table.reference) + 1)
    colours = {"one-sided": "#E69F00", "symmetric": "#0072B2"}
    for name, line in zip(names, grid, strict=True):
        k = int(abs(table.reference[-1][name]).argmax())
        for beta, axes in zip(betas, line, strict=True):
            for row in (r for r in table.rows if r.beta == beta):
                values = [float(g[name].ravel()[k]) for g in row.series]
                axes.plot(times, values, color=colours.get(row.estimator, "#009E73"), label=row.estimator, marker=".")
            exact = [float(g[name].ravel()[k]) for g in table.reference]
            axes.plot(times, exact, color="#000000", linestyle="--", label="truncated BPTT")
            axes.grid(visible=True, alpha=0.25)
        line[0].set_ylabel(f"dL/dw in {name}")
    for beta, axes, bottom in zip(betas, grid[0], grid[-1], strict=True):
        axes.set_title(f"beta = {beta:g}", fontsize=10)
        bottom.set_xlabel("nudged steps t")
    grid[0][-1].legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure
