"""A whole sweep: plan, runs, tables, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurosim.config import Experiment
from neurosim.errors import ConfigError
from neurosim.interrupts import remembered
from neurosim.sweeps import report
from neurosim.sweeps.cluster import check_scheduler, connect
from neurosim.sweeps.directory import claim
from neurosim.sweeps.execute import outcomes
from neurosim.sweeps.index import write_summary
from neurosim.sweeps.ledger import Ledger, Progress
from neurosim.sweeps.plan import check_files, plan
from neurosim.sweeps.point import Task, simulate
from neurosim.sweeps.processes import available_cores, local
from neurosim.sweeps.rows import Row

MOST_AT_ONCE = 2000
"""How many runs a cluster is given at a time."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep leaves: its rows in plan order, how many runs failed, and the report."""

    rows: tuple[Row, ...]
    failed: int
    report: Path


def run_sweep(
    experiment: Experiment,
    out_dir: Path | str,
    *,
    workers: int | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    notify: Callable[[Progress], None] | None = None,
    source_text: str = "",
    task: Task = simulate,
) -> SweepResult:
    """Run every point of `experiment` and leave run files, tables and a report in `out_dir`.

    Results are bit-identical for any number of workers, and after any interruption followed by `resume`. A script calls
    this below ``if __name__ == "__main__":``, because every local worker imports the script.

    Parameters
    ----------
    experiment
        Configuration with or without [sweep]; without, it is a sweep of one run.
    out_dir
        Directory of the sweep; made if it is not there.
    workers
        Local processes; all available cores by default.
    resume
        Keep finished runs of the same content; start unfinished and failed ones afresh.
    scheduler
        ``tcp://host:8786`` of a dask.distributed cluster to use instead of local processes.
    notify
        Called before the first run and after each.
    source_text
        The experiment file as written, for the report.
    task
        What simulates one run; a module-level function.

    Raises
    ------
    ConfigError
        Wrong use; nothing has been run.
    KeyboardInterrupt
        Ctrl-C, after the workers have stopped; its text says what is kept.
    """
    specs = plan(experiment)
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers {workers}: expected a whole number, 1 or more")
    if scheduler:
        check_scheduler(scheduler)
    else:
        check_files(specs)
    with claim(Path(out_dir), resume=resume) as directory:
        ledger = Ledger(directory, specs, experiment.title)
        if notify:
            notify(ledger.progress())
        if ledger.waiting:
            directory.forget_results()
            run_waiting(ledger, task, workers, scheduler, notify)
        ledger.write_index()
        write_summary(directory.summary, ledger.rows)
        report.write(directory, experiment, ledger.rows, source_text)
    return SweepResult(ledger.rows, ledger.failed, directory.report)


def run_waiting(
    ledger: Ledger,
    task: Task,
    workers: int | None,
    scheduler: str | None,
    notify: Callable[[Progress], None] | None,
) -> None:
    """Do the waiting runs of `ledger`; the other arguments are those of `run_sweep`."""
    shared = None if scheduler else ledger.directory.path
    width = min(MOST_AT_ONCE if scheduler else workers or available_cores(), len(ledger.waiting))
    try:
        with remembered() as interrupts, connect(scheduler) if scheduler else local(width) as executor:
            for outcome in outcomes(ledger.waiting, task, executor, directory=shared, width=width):
                progress = ledger.add(outcome)
                if notify:
                    notify(progress)
                interrupts.check()
    except KeyboardInterrupt:
        ledger.look()  # a run may have ended whose outcome did not come through any more
        ledger.write_index()
        stands = ledger.progress()
        raise KeyboardInterrupt(
            f"stopped; {stands.done} of {stands.total} runs have ended and are kept in {ledger.directory.path}, "
            "go on with --resume"
        ) from None
