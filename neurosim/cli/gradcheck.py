"""``neurosim gradcheck``: every estimator against the exact gradient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.options import ExperimentFile, Overrides

if TYPE_CHECKING:
    from neurosim.config import Experiment
    from neurosim.gradcheck import Row
    from neurosim.gradtime import Row as TimeRow

VERDICTS = {True: "pass", False: "FAIL", None: "shown only"}


def gradcheck(
    experiment: ExperimentFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write gradcheck.csv and gradcheck.png there.", show_default=False),
    ] = None,
    over_time: Annotated[
        bool,
        typer.Option(
            "--over-time",
            help="Compare over nudge time with back-propagation through time (gradtime.csv, gradtime.png).",
        ),
    ] = False,
    set_: Overrides = None,
) -> None:
    """Check gradient estimators against the exact one; exit 1 if a slope over beta is off.

    With --over-time: exit 1 if at some beta the one-sided estimate is closer to BPTT than the symmetric one.
    """
    from neurosim.config import load_experiment
    from neurosim.errors import ConfigError

    spec = load_experiment(experiment, set_ or ())
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; expected a folder")
    passed = _over_time(spec, out) if over_time else _over_beta(spec, out)
    if not passed:
        raise typer.Exit(1)


def _over_beta(spec: Experiment, out: Path | None) -> bool:
    from neurosim import gradcheck as check
    from neurosim.cli.sheet import print_table

    table = check.run(spec)
    arrays = list(table.rows[0].cosines[0]) if table.rows else []
    columns = ["estimator", "beta", "rel. error", *(f"cos {name}" for name in arrays), "slope", "theory", ""]
    groups = [[_line(row, k, arrays) for k in range(len(row.betas))] for row in table.rows]
    print_table(columns, groups)
    if out is not None:
        check.write(table, out)
        typer.echo(f"written to {out}")
    for row in table.rows:
        if row.passed is False:
            typer.echo(f"{row.estimator}: slope {row.slope:.3f}, expected {row.order} within 0.15", err=True)
    return table.passed


def _line(row: Row, k: int, arrays: list[str]) -> list[str]:
    cosines = [f"{row.cosines[k][name]:.6f}" for name in arrays]
    line = [row.estimator if k == 0 else "", f"{row.betas[k]:g}", f"{row.errors[k]:.3e}", *cosines]
    if k:
        return [*line, "", "", ""]
    return [*line, f"{row.slope:.3f}", "" if row.order is None else str(row.order), VERDICTS[row.passed]]


def _over_time(spec: Experiment, out: Path | None) -> bool:
    from neurosim import gradtime as check
    from neurosim.cli.sheet import print_table

    table = check.run(spec)
    arrays = list(table.reference[0])
    columns = ["beta", "estimator", "RMSE", *(f"RMSE {name}" for name in arrays), "wrong signs"]
    betas = dict.fromkeys(row.beta for row in table.rows)
    groups = [[_time_line(row, arrays) for row in table.rows if row.beta == beta] for beta in betas]
    print_table(columns, groups)
    if out is not None:
        check.write(table, out)
        typer.echo(f"written to {out}")
    for beta, closer in table.verdicts.items():
        if not closer:
            typer.echo(f"beta = {beta:g}: one-sided follows BPTT more closely than symmetric", err=True)
    return table.passed


def _time_line(row: TimeRow, arrays: list[str]) -> list[str]:
    errors = [f"{row.agreements[name].rmse:.4f}" for name in arrays]
    return [f"{row.beta:g}", row.estimator, f"{row.rmse:.4f}", *errors, f"{row.wrong_signs:.4f}"]
