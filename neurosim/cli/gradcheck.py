"""``neurosim gradcheck``: every estimator against the exact gradient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.options import ExperimentFile, Overrides

if TYPE_CHECKING:
    from neurosim.gradcheck import Row

VERDICTS = {True: "pass", False: "FAIL", None: "shown only"}


def gradcheck(
    experiment: ExperimentFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write gradcheck.csv and gradcheck.png there.", show_default=False),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Check gradient estimators against the exact one; exit 1 if a slope over beta is off."""
    from neurosim.cli.sheet import print_table
    from neurosim.config import load_experiment
    from neurosim.errors import ConfigError

    spec = load_experiment(experiment, set_ or ())
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; expected a folder")

    from neurosim import gradcheck as check

    table = check.run(spec)
    arrays = list(table.rows[0].cosines[0]) if table.rows else []
    columns = ["estimator", "beta", "rel. error", *(f"cos {name}" for name in arrays), "slope", "theory", ""]
    groups = [[_line(row, k, arrays) for k in range(len(row.betas))] for row in table.rows]
    print_table(columns, groups)
    if out is not None:
        check.write(table, out)
        typer.echo(f"written to {out}")
    wrong = [row for row in table.rows if row.passed is False]
    for row in wrong:
        typer.echo(f"{row.estimator}: slope {row.slope:.3f}, expected {row.order} within 0.15", err=True)
    if not table.passed:
        raise typer.Exit(1)


def _line(row: Row, k: int, arrays: list[str]) -> list[str]:
    cosines = [f"{row.cosines[k][name]:.6f}" for name in arrays]
    line = [row.estimator if k == 0 else "", f"{row.betas[k]:g}", f"{row.errors[k]:.3e}", *cosines]
    if k:
        return [*line, "", "", ""]
    return [*line, f"{row.slope:.3f}", "" if row.order is None else str(row.order), VERDICTS[row.passed]]
