"""One run of a sweep, as a worker does it. Imported by every worker, so it imports little."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run: what to simulate, and where it stands in the sweep.

    Attributes
    ----------
    id
        Content id: equal for equal `document` and `seed`, whatever sweep they come from.
    index
        Place in the plan; the order of all tables.
    axes
        Dotted path -> value of every swept key.
    seed
        Seed of the run.
    document
        The whole experiment as a plain dictionary.
    """

    id: str
    index: int
    axes: Mapping[str, Any]
    seed: int
    document: Mapping[str, Any] = field(repr=False)


Task: TypeAlias = Callable[[RunSpec, Path], Any]
"""Simulates a run and leaves its finished file at the path. Must be a module-level function: it is pickled."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker reports about a run.

    `status` is ``"done"`` or ``"failed"``; `payload` holds the bytes of the run file where worker and sweep share no
    directory; `started` is in seconds since the epoch, `wall` in seconds.
    """

    spec: RunSpec
    status: str
    reason: str = ""
    traceback: str = ""
    wall: float = float("nan")
    started: float = float("nan")
    worker: str = ""
    payload: bytes | None = field(default=None, repr=False)


def simulate(spec: RunSpec, path: Path) -> None:
    """Run the experiment of `spec`: the task of every real sweep."""
    from neurosim import experiment
    from neurosim.config import parse_experiment

    experiment.run(parse_experiment(dict(spec.document), f"run {spec.id}"), path)


def work(task: Task, spec: RunSpec, directory: Path | None) -> Outcome:
    """Do `task` for `spec` on one thread; put the file into `directory` or, without one, into the outcome.

    The file is made in a directory of its own and moved when it is complete, so a worker that outlives its sweep for
    a moment cannot meet the one that starts the same run afresh. Whatever the task raises becomes a failed outcome.
    """
    limit_threads()
    started, clock = time.time(), time.perf_counter()
    status, reason, trail, payload = "done", "", "", None
    scratch = Path(tempfile.mkdtemp(prefix=f"{spec.id}.", dir=directory and directory / "unfinished"))
    path = scratch / f"{spec.id}.h5"
    try:
        try:
            task(spec, path)
        except Exception as error:
            reason = last_line(error).replace(f"{scratch}{os.sep}", "")  # equal wherever the run was tried
            status, trail = "failed", traceback.format_exc()
        if path.exists() and directory:
            path.replace(directory / "runs" / path.name)
        elif path.exists():
            payload = path.read_bytes()
        elif status == "done":
            status, reason = "failed", "the run ended without leaving a file"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    worker = f"{platform.node()}:{os.getpid()}"
    return Outcome(spec, status, reason, trail, time.perf_counter() - clock, started, worker, payload)


def last_line(error: BaseException) -> str:
    """Return the reason of a failure in one line, as Python's own last line would read."""
    from neurosim.errors import NeurosimError

    message = " ".join(str(error).split())
    if isinstance(error, NeurosimError) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def limit_threads() -> None:
    """Hold this process to one BLAS and OpenMP thread: sums then do not depend on the number of workers."""
    import numpy as np  # noqa: F401  (its BLAS must be loaded before it can be limited)
    from threadpoolctl import threadpool_limits

    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    threadpool_limits(limits=1)
