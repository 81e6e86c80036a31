"""The search itself: rounds of runs until every tolerance is known to its resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.config import Experiment
from neurosim.config.specification import Imperfection
from neurosim.errors import ConfigError, ConvergenceError
from neurosim.specification.plan import Plan, Point
from neurosim.specification.search import Search, Tolerance
from neurosim.sweeps.directory import SweepDirectory, claim
from neurosim.sweeps.index import write_summary
from neurosim.sweeps.ledger import Ledger, Progress
from neurosim.sweeps.plan import check_files
from neurosim.sweeps.point import Task, simulate
from neurosim.sweeps.rows import Row
from neurosim.sweeps.sweep import run_waiting


@dataclass(frozen=True, slots=True)
class Found:
    """The tolerance of one imperfection at one point of [sweep].

    Attributes
    ----------
    group
        Values of the swept keys.
    axis
        The imperfection.
    tolerance
        As places on its axis; `value` gives them in its unit.
    ideal
        Mean accuracy without imperfections.
    places
        Place -> loss of each seed, all that was measured.
    """

    group: Mapping[str, Any]
    axis: Imperfection
    tolerance: Tolerance
    ideal: float
    places: Mapping[float, np.ndarray]

    def value(self, place: float | None) -> float | None:
        """Return the value at a place of the axis."""
        return None if place is None else self.axis.value(place)


@dataclass(frozen=True, slots=True)
class Share:
    """What one imperfection costs: losses of each seed with it alone, and what its removal from all brings back."""

    group: Mapping[str, Any]
    path: str
    value: Any
    alone: np.ndarray
    recovered: np.ndarray
    everything: np.ndarray


@dataclass(frozen=True, slots=True)
class Findings:
    """Tolerances, attribution (empty where the file has no imperfection), and every run."""

    tolerances: tuple[Found, ...]
    shares: tuple[Share, ...]
    rows: tuple[Row, ...]


def find(
    experiment: Experiment,
    out_dir: Path | str,
    *,
    workers: int | None = None,
    resume: bool = False,
    notify: Callable[[Progress], None] | None = None,
    task: Task = simulate,
) -> Findings:
    """Search the axes of ``[spec]`` at every point of ``[sweep]``; the runs stay in ``out_dir/runs``.

    Losses are paired: the same seeds at every point, each against its own ideal run. Which runs are made does not
    depend on the number of workers, nor on interruptions.

    Parameters
    ----------
    experiment
        With a table [spec].
    out_dir
        Directory of the results; made if it is not there.
    workers, resume, notify, task
        As of `neurosim.sweeps.run_sweep`.

    Raises
    ------
    ConfigError
        Wrong use; nothing has been run.
    ConvergenceError
        An ideal run failed: there is nothing to compare with.
    KeyboardInterrupt
        Ctrl-C; its text says what is kept.
    """
    plan = Plan(experiment)
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers {workers}: expected a whole number, 1 or more")
    _check(plan)
    with claim(Path(out_dir), resume=resume) as directory:
        directory.forget_results()
        runs = _Runs(plan, directory, workers, notify, task)
        searches = [
            (group, axis, Search(plan.spec.loss, plan.spec.resolution, plan.spec.confidence, axis.snap))
            for group in plan.groups
            for axis in plan.imperfections
        ]
        extra = [point for group in plan.groups for point in _attributed(plan, group).values()]
        runs.need([plan.ideal(group) for group in plan.groups] + extra)
        while wanted := [(s, place, plan.alone(g, a, place)) for g, a, s in searches for place in s.wanted()]:
            runs.need([point for _, _, point in wanted])
            for search, place, point in wanted:
                search.measured[place] = runs.losses(point)
        runs.close()
        tolerances = tuple(
            Found(group, axis, search.found(), runs.ideal(group), search.measured) for group, axis, search in searches
        )
        return Findings(tolerances, tuple(_shares(plan, runs)), tuple(runs.rows.values()))


def _check(plan: Plan) -> None:
    """Refuse points that are no experiments, or whose files are not there, before anything is run."""
    for group in plan.groups:
        points = [plan.ideal(group), *_attributed(plan, group).values()]
        points += [plan.alone(group, axis, end) for axis in plan.imperfections for end in (0.0, 1.0)]
        check_files([next(plan.runs(point)) for point in points])


def _attributed(plan: Plan, group: Point) -> dict[str, Point]:
    return plan.attributed(group) if plan.spec.attribution else {}


class _Runs:
    """The rows of all runs so far, and the making of those that are missing."""

    def __init__(
        self,
        plan: Plan,
        directory: SweepDirectory,
        workers: int | None,
        notify: Callable[[Progress], None] | None,
        task: Task,
    ) -> None:
        self.plan, self.directory, self.workers, self.notify, self.task = plan, directory, workers, notify, task
        self.rows: dict[str, Row] = {}
        self._ids: dict[str, list[str]] = {}
        self._swept = [path for group in plan.groups for path in group]

    def need(self, points: Sequence[Point]) -> None:
        """Make the runs of `points` that have not been made."""
        specs = {row.spec.id: row.spec for row in self.rows.values()}
        for point in points:
            made = list(self.plan.runs(point))
            self._ids[_key(point)] = [spec.id for spec in made]
            for spec in made:
                specs.setdefault(spec.id, replace(spec, index=len(specs)))
        ledger = Ledger(self.directory, list(specs.values()), self.plan.experiment.title, known=self.rows)
        if self.notify:
            self.notify(ledger.progress())
        if ledger.waiting:
            run_waiting(ledger, self.task, self.workers, None, self.notify)
        ledger.write_index()
        self.rows = {row.spec.id: row for row in ledger.rows}

    def close(self) -> None:
        """Write the table of all runs."""
        write_summary(self.directory.summary, list(self.rows.values()))

    def ideal(self, group: Point) -> float:
        """Return the mean accuracy without imperfections."""
        return float(self._accuracies(self.plan.ideal(group)).mean())

    def losses(self, point: Point) -> np.ndarray:
        """Return the loss of accuracy of each seed against its ideal run; infinite for a run that failed."""
        group = {path: point[path] for path in self._swept}
        ideal = self.plan.ideal(group)
        best = self._accuracies(ideal)
        if not np.isfinite(best).all():
            reason = next(self.rows[i].reason for i in self._ids[_key(ideal)] if self.rows[i].status != "done")
            raise ConvergenceError(f"the run without imperfections failed at {dict(group)}: {reason}")
        return np.asarray(best - self._accuracies(point))

    def _accuracies(self, point: Point) -> np.ndarray:
        rows = [self.rows[run] for run in self._ids[_key(point)]]
        return np.array([-math.inf if row.accuracy is None else row.accuracy for row in rows])


def _key(point: Point) -> str:
    return repr(sorted(point.items()))


def _shares(plan: Plan, runs: _Runs) -> list[Share]:
    found = []
    for group in plan.groups:
        points = _attributed(plan, group)
        if not points:
            continue
        everything = runs.losses(points["all"])
        for name, point in points.items():
            kind, _, path = name.partition(" ")
            if kind == "alone":
                recovered = everything - runs.losses(points[f"without {path}"])
                found.append(Share(group, path, point[path], runs.losses(point), recovered, everything))
    return found
