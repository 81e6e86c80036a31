"""Sweeps in processes of their own, to be interrupted or killed.

As a program, it forks a sweep for every line ``DIRECTORY TASK WORKERS`` that it reads, and answers with its process id:
forks of a process that has imported everything begin within milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeps import fake_runs
from sweeps.experiments import experiment

from neurosim.sweeps import report
from neurosim.sweeps.sweep import run_sweep

AXES = {"device.asymmetry": [0.0, 0.1, 0.2, 0.3], "device.c2c": [0.0, 0.1, 0.2]}
SEEDS = 2
RUNS = 24


class Starter:
    """A process that starts sweeps of 24 runs."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self.program = program

    def start(self, out: Path, task: str, workers: int = 2) -> int:
        """Start, or go on with, a sweep in `out`; return its process id, which leads a process group."""
        self.program.stdin.write(f"{out} {task} {workers}\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())

    def wait(self) -> int:
        """Wait until the sweep has ended and return how: its exit status, or minus the signal that killed it."""
        return int(self.program.stdout.readline())


@contextmanager
def starter() -> Iterator[Starter]:
    """Yield a process that starts sweeps."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, __file__], env=environment, text=True, **pipes) as program:
        try:
            yield Starter(program)
        finally:
            program.stdin.close()


def wait_for_runs(out: Path, count: int, seconds: float = 60) -> None:
    """Wait until `out` holds `count` finished runs."""
    deadline = time.monotonic() + seconds
    while len(list((out / "runs").glob("*.h5"))) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"fewer than {count} runs after {seconds} s")
        time.sleep(0.01)


def _sweep(out: str, task: str, workers: str) -> None:
    report.write = lambda *_: None  # it has its own tests
    with open(f"{out}.stderr", "a", encoding="utf-8") as log:  # noqa: PTH123
        os.dup2(log.fileno(), 2)
    run_sweep(experiment(AXES, seeds=SEEDS), out, workers=int(workers), resume=True, task=getattr(fake_runs, task))


def _serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _sweep(*line.split())
            return
        os.setpgid(pid, pid)
        print(pid, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    _serve()
