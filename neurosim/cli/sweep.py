"""``neurosim sweep``: run all points of an experiment and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.options import ExperimentFile, Overrides, Workers, resumable
from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurosim.sweeps.sweep import SweepResult

SHOWN_FAILURES = 5


def sweep(
    experiment: ExperimentFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results [default: out/EXPERIMENT].", show_default=False),
    ] = None,
    workers: Workers = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished runs, start unfinished ones afresh.")] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Use a dask.distributed cluster.", show_default=False),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Run every point of a sweep and write a report."""
    if workers is not None and scheduler is not None:
        raise ConfigError("--workers --scheduler: the cluster sets its own workers; give one of the two")

    from neurosim.config import load_experiment

    spec = load_experiment(experiment, set_ or ())
    target = out or Path("out") / experiment.stem
    check_target(target, resume=resume)

    from neurosim.cli.progress import SweepDisplay
    from neurosim.config.mistakes import ExperimentError
    from neurosim.sweeps import run_sweep

    with resumable("sweep", experiment, "--out", target, overrides=set_ or ()), SweepDisplay() as display:
        try:
            result = run_sweep(
                spec,
                target,
                workers=workers,
                resume=resume,
                scheduler=scheduler,
                notify=display.update,
                source_text=_source(experiment, set_ or ()),
            )
        except ExperimentError as error:  # a point of the sweep; it does not know the file
            raise ExperimentError(f"{experiment}: {error.source}", error.mistakes) from None
    _report(result)


def check_target(target: Path, *, resume: bool) -> None:
    """Raise `ConfigError` when the results of a sweep may not go to `target`."""
    if target.exists() and not target.is_dir():
        raise ConfigError(f"--out {target}: is a file; expected a folder for the results")
    if not resume and target.is_dir() and any(target.iterdir()):
        raise ConfigError(f"{target}: is not empty; go on with --resume, or give another --out")


def _source(path: Path, overrides: Sequence[str]) -> str:
    """Return the experiment as written, with what the command line changed."""
    changed = "".join(f"\n# --set {override}" for override in overrides)
    return path.read_text(encoding="utf-8-sig") + changed + ("\n" if changed else "")


def _report(result: SweepResult) -> None:
    failures = [row for row in result.rows if row.status != "done"]
    for row in failures[:SHOWN_FAILURES]:
        typer.echo(f"run {row.spec.id} {row.status}: {row.reason}", err=True)
    if len(failures) > SHOWN_FAILURES:
        typer.echo(f"... and {len(failures) - SHOWN_FAILURES} more, see the report", err=True)
    good = len(result.rows) - len(failures)
    typer.echo(f"{result.report}: {good} of {len(result.rows)} runs done, {result.failed} failed")
    if failures:
        raise typer.Exit(1)
