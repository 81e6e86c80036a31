"""``neurosim spice``: the same circuit here and in a circuit simulator, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.crosscheck.deviation import Comparison
    from neurosim.crosscheck.gradients import GradientRow

FOLDER = Path("circuits")
COLUMNS = ("quantity", "worst entry", "neurosim", "SPICE", "deviation", "relative", "tolerance", "")
GRADIENT_COLUMNS = ("gradient by", "states by", "beta", "error to .ac limit", "error to RBP", "cosine with RBP")


@dataclass(frozen=True, slots=True)
class Result:
    """What is said about one circuit: its tables, and a line for every quantity that deviates too much."""

    text: str
    wrong: tuple[str, ...]


def spice(
    circuit: Annotated[
        Path | None,
        typer.Argument(metavar="CIRCUIT.toml", show_default=False, help="Circuit file; a folder with --all."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Compare every circuit of a folder [default: circuits].")] = False,
    engine: Annotated[str, typer.Option(metavar="NAME", help="ngspice, pyspice or neospice.")] = "ngspice",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write [default: CIRCUIT-spice here].", show_default=False),
    ] = None,
) -> None:
    """Compare circuits with a SPICE simulator; exit 1 if a quantity deviates by more than its tolerance."""
    from neurosim.spice.engines import get_engine

    simulator = get_engine(engine)
    jobs = _jobs(circuit, all_, out)
    if simulator.available() is None:
        from neurosim.errors import SpiceError

        raise SpiceError(f"engine {engine!r} is not installed; install it: {simulator.how_to_install}")
    verdicts = [_show(result) for result in _compare(jobs, simulator.name)]
    if len(jobs) > 1:
        good = sum(verdicts)
        typer.echo(f"{good} of {len(jobs)} circuits hold within all tolerances")
    if not all(verdicts):
        raise typer.Exit(1)


def _jobs(circuit: Path | None, every: bool, out: Path | None) -> list[tuple[Path, Path]]:
    """Return the circuit files, each with its output folder."""
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; expected a folder")
    if not every:
        if circuit is None:
            raise ConfigError("neurosim spice: expected a circuit file, or --all for every circuit of a folder")
        if circuit.is_dir():
            raise ConfigError(f"{circuit}: is a folder; add --all to compare every circuit in it")
        return [(circuit, out or Path(f"{circuit.stem}-spice"))]
    folder = circuit or FOLDER
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not files:
        raise ConfigError(f"{folder}: no folder with circuit files (*.toml)")
    return [(path, (out or Path(f"{folder.name}-spice")) / path.stem) for path in files]


def _compare(jobs: list[tuple[Path, Path]], engine: str) -> Iterator[Result]:
    """Yield the results of all jobs in order; several circuits are shared out to processes, one per core."""
    if len(jobs) == 1:
        yield _one(*jobs[0], engine)
        return
    import os
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1), get_context("spawn")) as pool:
        running = [pool.submit(_one, *job, engine) for job in jobs]
        try:
            for run in running:
                yield run.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one(path: Path, folder: Path, engine: str) -> Result:
    """Compare one circuit, write its files, and return what is said about it."""
    from neurosim.cli.sheet import table_text
    from neurosim.crosscheck import check_circuit, write
    from neurosim.spice.engines import get_engine

    report = check_circuit(path, get_engine(engine))
    lines = [
        f"{path}: neurosim against {report.engine}",
        table_text(COLUMNS, [[_line(comparison) for comparison in report.comparisons]]),
    ]
    if report.gradients:
        lines.append(table_text(GRADIENT_COLUMNS, [[_gradient(row) for row in report.gradients]]))
    write(report, folder)
    wrong = tuple(f"{path}: {_complaint(c)}" for c in report.comparisons if not c.passed)
    return Result("\n".join([*lines, f"written to {folder}"]), wrong)


def _show(result: Result) -> bool:
    typer.echo(result.text)
    for line in result.wrong:
        typer.echo(line, err=True)
    return not result.wrong


def _complaint(c: Comparison) -> str:
    found = f"{c.relative_deviation:.3g}" if c.relative else f"{c.deviation:.3g}{_unit(c)}"
    at = f" at {c.where}" if c.where else ""
    return f"{c.quantity}: deviates by {found}{at}, allowed {_tolerance(c)}"


def _tolerance(c: Comparison) -> str:
    return f"{c.tolerance:g} rel." if c.relative else f"{c.tolerance:g}{_unit(c)}"


def _unit(c: Comparison) -> str:
    return "" if c.unit == "1" else f" {c.unit}"


def _line(c: Comparison) -> list[str]:
    at, unit = c.worst, _unit(c)
    return [
        c.quantity,
        c.where,
        f"{c.ours[at]:.8g}{unit}",
        f"{c.spice[at]:.8g}{unit}",
        f"{c.deviation:.2e}",
        f"{c.relative_deviation:.2e}",
        _tolerance(c),
        "pass" if c.passed else "FAIL",
    ]


def _gradient(row: GradientRow) -> list[str]:
    beta = "" if row.beta is None else f"{row.beta:g}"
    return [row.method, row.source, beta, f"{row.limit_error:.2e}", f"{row.rbp_error:.2e}", f"{row.cosine:.9f}"]
