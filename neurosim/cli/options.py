"""Arguments that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from neurosim.errors import ConfigError, NeurosimError

ExperimentFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="EXPERIMENT.toml", show_default=False, help="Experiment file.")
]


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"--workers {text}: expected an integer >= 1")
    return int(text)


Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(parser=_workers, metavar="N", help="Local processes [default: all cores].", show_default=False),
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one key, such as learning.beta=0.1. Repeatable."),
]


class Interrupted(NeurosimError):
    """Ctrl-C or SIGTERM, with how to go on."""

    exit_code = 130


@contextmanager
def resumable(*command: str | Path, overrides: Sequence[str] = ()) -> Iterator[None]:
    """Turn an interrupt inside the block into `Interrupted`, naming the command that goes on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        words = ["neurosim", *map(str, command)]
        for override in overrides:
            words += ["--set", override]
        said = str(stop) or "stopped"
        raise Interrupted(f"{said}\nto go on: {shlex.join([*words, '--resume'])}") from None
