"""One row per run: what was asked, how it ended, what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurosim.errors import TraceError
from neurosim.sweeps.directory import SweepDirectory
from neurosim.sweeps.point import Outcome, RunSpec
from neurosim.traces import read_trace

ACCURACY = "test_accuracy"


@dataclass(frozen=True, slots=True)
class Timing:
    """When, where and how long a run was worked on: `started` in seconds since the epoch, `wall` in seconds."""

    wall: float = float("nan")
    started: float = float("nan")
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the tables. `status` is ``"done"``, ``"failed"`` or ``"missing"`` (the sweep has not come to it)."""

    spec: RunSpec
    status: str
    reason: str = ""
    scalars: Mapping[str, float] = field(default_factory=dict)
    traceback: str = ""
    timing: Timing = field(default=Timing(), compare=False)

    @property
    def accuracy(self) -> float | None:
        """Final test accuracy, a fraction, where the run has one."""
        return self.scalars.get(ACCURACY)


def finished_row(directory: SweepDirectory, spec: RunSpec, timing: Timing) -> Row:
    """Return the row of a finished run, its results read from the run file."""
    try:
        with read_trace(directory.run_file(spec), finished=True) as trace:
            return Row(spec, "done", scalars=trace.run(), timing=timing)
    except TraceError as error:
        reason = str(error).replace(f"{directory.runs}/", "")
        return Row(spec, "failed", reason, timing=timing)


def row_of(directory: SweepDirectory, outcome: Outcome) -> Row:
    """Return the row of a run that has just ended."""
    timing = Timing(outcome.wall, outcome.started, outcome.worker)
    if outcome.status == "done":
        return finished_row(directory, outcome.spec, timing)
    return Row(outcome.spec, outcome.status, outcome.reason, {}, outcome.traceback, timing)
