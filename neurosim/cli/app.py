"""The commands of ``neurosim``."""

from __future__ import annotations

from typing import Annotated

import typer

import neurosim
from neurosim.cli.data import data
from neurosim.cli.devices import devices
from neurosim.cli.doctor import doctor
from neurosim.cli.gradcheck import gradcheck
from neurosim.cli.run import run
from neurosim.cli.spec import spec
from neurosim.cli.spice import spice
from neurosim.cli.sweep import sweep

app = typer.Typer(
    help="Train settling networks on imperfect analog hardware by equilibrium propagation.",
    epilog="Exit codes: 0 good, 1 ran and the answer is no, 2 wrong use, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"neurosim {neurosim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train settling networks on imperfect analog hardware by equilibrium propagation."""


for _command in (run, sweep, spec, gradcheck, spice, devices, data, doctor):
    app.command()(_command)
