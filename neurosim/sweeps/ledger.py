"""The rows of a sweep under way: who is waiting, what has ended, and the progress that follows from it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurosim.sweeps import index
from neurosim.sweeps.axes import short, text
from neurosim.sweeps.directory import SweepDirectory
from neurosim.sweeps.point import Outcome, RunSpec
from neurosim.sweeps.rows import Row, Timing, finished_row, row_of

INDEX_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """A sweep after a run has ended, for a progress display.

    Attributes
    ----------
    done, total
        Runs that have ended, of all; `kept` of the ended ones were there before, `failed` of them failed.
    seconds
        Since the first run of this sweep was started [s].
    label, status, accuracy
        The run that ended last: ``"asymmetry=0.1 estimator=symmetric seed=0"``; empty before the first.
    """

    done: int
    total: int
    kept: int
    failed: int
    seconds: float
    label: str = ""
    status: str = ""
    accuracy: float | None = None

    @property
    def rate(self) -> float:
        """Runs per second, of those done now."""
        return (self.done - self.kept) / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until all are done at this rate, None before the first has ended."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


class Ledger:
    """Rows by run id. Starts with those `known` and those that the directory holds finished; `add` enters what ends.

    The index on disk follows at most two seconds behind, so that a killed sweep does not lose its timings.
    """

    def __init__(
        self, directory: SweepDirectory, specs: Sequence[RunSpec], title: str, known: Mapping[str, Row] | None = None
    ) -> None:
        self.directory, self.specs, self.title = directory, specs, title
        self._rows: dict[str, Row] = dict(known or {})
        self.look()
        self.waiting = [spec for spec in specs if spec.id not in self._rows]
        self._kept = len(self._rows)
        self._started = self._written = time.monotonic()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows in plan order; runs that have not ended are missing."""
        return tuple(self._rows.get(spec.id, Row(spec, "missing")) for spec in self.specs)

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return sum(row.status == "failed" for row in self._rows.values())

    def look(self) -> None:
        """Enter the finished runs that lie in the directory and are not entered yet."""
        timings = index.read_timings(self.directory.index)
        for spec in self.specs:
            if spec.id not in self._rows and self.directory.has(spec):
                self._rows[spec.id] = finished_row(self.directory, spec, timings.get(spec.id, Timing()))

    def add(self, outcome: Outcome) -> Progress:
        """Enter a run that has ended and return how the sweep stands."""
        self.directory.keep(outcome)
        row = row_of(self.directory, outcome)
        self._rows[row.spec.id] = row
        if time.monotonic() - self._written > INDEX_SECONDS:
            self.write_index()
        return self.progress(row)

    def progress(self, last: Row | None = None) -> Progress:
        """Return how the sweep stands after the run `last`."""
        done, seconds = len(self._rows), time.monotonic() - self._started
        if last is None:
            return Progress(done, len(self.specs), self._kept, self.failed, seconds)
        return Progress(
            done, len(self.specs), self._kept, self.failed, seconds, label(last.spec), last.status, last.accuracy
        )

    def write_index(self) -> None:
        """Write the index as the sweep stands."""
        index.write_index(self.directory.index, self.rows, self.title)
        self._written = time.monotonic()


def label(spec: RunSpec) -> str:
    """Return a run in one line: ``"asymmetry=0.1 estimator=symmetric seed=0"``."""
    values = [f"{short(path, list(spec.axes))}={text(value)}" for path, value in spec.axes.items()]
    return " ".join([*values, f"seed={spec.seed}"])
