"""``neurosim run``: train one experiment and leave its trace."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.options import ExperimentFile, Overrides, continuation, resumable, time_span
from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.config import Experiment

SUFFIXES = (".h5", ".hdf5")
PICTURES = (".png", ".svg", ".pdf")


def run(
    experiment: ExperimentFile,
    set_: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.h5", help="Run file [default: EXPERIMENT.h5 here].", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an interrupted run.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing run file.")] = False,
    stop_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Pause after, say, '8 min' with a checkpoint, for --resume; exit code 0.",
            show_default=False,
        ),
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the layers and arrays, and do not train.", show_default=False),
    ] = None,
) -> None:
    """Train one experiment and write its trace."""
    from neurosim.config import load_experiment

    seconds = None if stop_after is None else time_span(stop_after, "--stop-after")
    spec = load_experiment(experiment, set_ or ())
    if draw is not None:
        _draw(spec, draw)
        return
    target = out or Path(experiment.stem + ".h5")
    check_target(target, resume=resume, force=force)

    from neurosim import experiment as runner
    from neurosim.cli.progress import EpochDisplay

    text = "" if set_ else experiment.read_text(encoding="utf-8-sig")
    command = ("run", experiment, "--out", target, *(() if stop_after is None else ("--stop-after", stop_after)))
    try:
        with (
            resumable(*command, overrides=set_ or ()),
            EpochDisplay(target.stem, spec.train.epochs) as display,
        ):
            scalars = runner.run(
                spec, target, source_text=text, notify=display.update, resume=resume, stop_after=seconds
            )
    except runner.Paused as pause:
        typer.echo(f"{target}: {pause}\n{continuation(*command, overrides=set_ or ())}")
    else:
        typer.echo(f"{target}: {summary(scalars)}")


def _draw(spec: Experiment, file: Path) -> None:
    if file.suffix.lower() not in PICTURES:
        raise ConfigError(f"--draw {file}: expected a file name that ends in {', '.join(PICTURES)}")
    from neurosim.cli.figures import draw_topology
    from neurosim.config import topology
    from neurosim.style import styled

    with styled():
        draw_topology(topology(spec), spec.title).savefig(file, dpi=150)
    typer.echo(f"{file}: the network")


def check_target(target: Path, *, resume: bool, force: bool) -> None:
    """Raise `ConfigError` when a run file `target` may not be written, or there is nothing to resume."""
    from neurosim.experiment.checkpoint import checkpoint_path
    from neurosim.traces import read_trace

    if resume and force:
        raise ConfigError("--resume --force: contradict each other; go on with --resume or start afresh with --force")
    if target.suffix not in SUFFIXES:
        raise ConfigError(f"--out {target}: expected the name of a run file, ending in .h5")
    if target.is_dir():
        raise ConfigError(f"--out {target}: is a folder; expected the name of a run file in it")
    if force:
        return
    begun = checkpoint_path(target).exists()
    if resume:
        if target.exists() and not begun:
            with read_trace(target) as trace:
                if trace.complete:
                    raise ConfigError(f"{target}: has ended, there is nothing to resume; --force runs it again")
    elif begun:
        raise ConfigError(f"{target}: was interrupted; go on with --resume, or start afresh with --force")
    elif target.exists():
        raise ConfigError(f"{target}: exists; give another --out, or replace it with --force")


def summary(scalars: Mapping[str, float]) -> str:
    """Return the final scalars of a run in one line; how the test set settled where there was no training."""
    trained = not math.isnan(scalars["settled_fraction"])
    parts = [
        f"test accuracy {100 * scalars['test_accuracy']:.2f} %",
        f"best {100 * scalars['best_test_accuracy']:.2f} %",
        f"settled {100 * scalars['settled_fraction' if trained else 'test_settled_fraction']:.1f} %",
        f"gradient alignment {scalars['alignment_total']:.4f}",
        f"{scalars['pulses']:.4g} pulses",
    ]
    return ", ".join(parts)
