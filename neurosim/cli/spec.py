"""``neurosim spec``: what a device must meet, and which imperfection costs how much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurosim.cli.options import ExperimentFile, Overrides, Workers, resumable


def spec(
    experiment: ExperimentFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results [default: out/EXPERIMENT].", show_default=False),
    ] = None,
    workers: Workers = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished runs, go on with the search.")] = False,
    set_: Overrides = None,
) -> None:
    """Find how large each imperfection of [spec.axes] may be; exit 1 if one has no tolerable value in its range."""
    from neurosim.cli.sweep import check_target
    from neurosim.config import load_experiment

    read = load_experiment(experiment, set_ or ())
    target = out or Path("out") / experiment.stem
    check_target(target, resume=resume)

    from neurosim.cli.progress import SweepDisplay
    from neurosim.config.mistakes import ExperimentError
    from neurosim.errors import ConfigError
    from neurosim.specification import find

    with resumable("spec", experiment, "--out", target, overrides=set_ or ()), SweepDisplay() as display:
        try:
            findings = find(read, target, workers=workers, resume=resume, notify=display.update)
        except ExperimentError as error:  # a point of the search; it does not know the file
            raise ExperimentError(f"{experiment}: {error.source}", error.mistakes) from None
        except ConfigError as error:
            raise ConfigError(f"{experiment}: {error}") from None
    from neurosim.cli.sheet import print_table
    from neurosim.specification import figures, tables

    tables.write_tables(findings, target)
    pictures = figures.write_figures(findings, read.spec.loss if read.spec else 0.0, target)
    print_table(tables.COLUMNS, [list(tables.tolerance_rows(findings))])
    if findings.shares:
        print_table(tables.SHARES, [list(tables.share_rows(findings))])
    names = ", ".join(str(path) for path in (target / "tolerances.csv", *pictures))
    typer.echo(f"{names}: {len(findings.rows)} runs")
    if any(found.tolerance.exceeded and found.tolerance.estimate is None for found in findings.tolerances):
        raise typer.Exit(1)
