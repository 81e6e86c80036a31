"""The directory of a sweep: what lies where, who may use it, and files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from neurosim.errors import ConfigError, TraceError
from neurosim.sweeps.plan import run_id
from neurosim.sweeps.point import Outcome, RunSpec
from neurosim.traces import read_trace
from neurosim.traces.disk import writing


@dataclass(frozen=True, slots=True)
class SweepDirectory:
    """Names inside the directory `path` of a sweep.

    ``runs/<id>.h5`` are finished (or failed) runs, ``unfinished/`` holds those under way, each in a folder of its own.
    """

    path: Path

    @property
    def runs(self) -> Path:
        """Where the run files are."""
        return self.path / "runs"

    @property
    def unfinished(self) -> Path:
        """Where runs are while they are under way."""
        return self.path / "unfinished"

    @property
    def index(self) -> Path:
        """Everything known about each run."""
        return self.path / "index.h5"

    @property
    def summary(self) -> Path:
        """Results only."""
        return self.path / "summary.csv"

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.path / "report.html"

    @property
    def configuration(self) -> Path:
        """The experiment with every default written out."""
        return self.path / "experiment.toml"

    def run_file(self, spec: RunSpec) -> Path:
        """Return the name of the file of a run."""
        return self.runs / f"{spec.id}.h5"

    def has(self, spec: RunSpec) -> bool:
        """Return whether the run is finished: its file is whole, complete and of the same content."""
        try:
            with read_trace(self.run_file(spec), finished=True) as trace:
                return run_id(json.loads(trace.config), trace.seed) == spec.id
        except (TraceError, ValueError):  # damaged, failed, or something else under that name
            return False

    def forget_results(self) -> None:
        """Take away summary and report: until all runs have ended they would tell of another sweep."""
        self.summary.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)

    def keep(self, outcome: Outcome) -> None:
        """Store the run file that came with an outcome (workers that share the directory have put it there)."""
        if outcome.payload is not None:
            with replacing(self.run_file(outcome.spec)) as part:
                part.write_bytes(outcome.payload)


@contextmanager
def claim(path: Path, *, resume: bool) -> Iterator[SweepDirectory]:
    """Yield the sweep directory `path`, made if need be, for this process alone.

    Raises
    ------
    ConfigError
        It cannot be written, another sweep is using it, or it holds runs and `resume` is false.
    """
    directory = SweepDirectory(path)
    if not resume and any(directory.runs.glob("*.h5")):
        raise ConfigError(
            f"{path}: holds the runs of an earlier sweep; add --resume to keep those that are finished, "
            "or give another --out"
        )
    try:
        for folder in (directory.runs, directory.unfinished):
            folder.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("a+")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --out") from error
    with lock:
        _lock(lock, path)
        _clear(directory.unfinished)  # nobody can be working there now
        try:
            yield directory
        finally:
            shutil.rmtree(directory.unfinished, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name to write to; the file then takes the name `path` in one step, and only if the block succeeds."""
    part = path.with_name(path.name + ".part")
    with writing(path, "write it"):
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _lock(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise ConfigError(
            f"{path}: another sweep is using it ({owner}); wait until it ends or give another --out"
        ) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {platform.node()}")
    lock.flush()


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry, ignore_errors=True)
