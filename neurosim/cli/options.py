"""Arguments that several commands share."""

from __future__ import annotations

import re
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
        raise Interrupted(f"{str(stop) or 'stopped'}\n{continuation(*command, overrides=overrides)}") from None


def continuation(*command: str | Path, overrides: Sequence[str] = ()) -> str:
    """Return the line that names the command that goes on."""
    words = ["neurosim", *map(str, command)]
    for override in overrides:
        words += ["--set", override]
    return f"to go on: {shlex.join([*words, '--resume'])}"


_SPAN = re.compile(r"(\d+(?:\.\d*)?)\s*(h|min|s)\s*")
_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0}


def time_span(text: str, option: str) -> float:
    """Return a time such as ``"8 min"``, ``"90 s"`` or ``"1 h 30 min"`` in seconds, or raise naming `option`."""
    parts = _SPAN.findall(text)
    found = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if _SPAN.sub("", text).strip() or found <= 0:
        raise ConfigError(f"{option} {text}: expected a time > 0 such as '8 min', '90 s' or '1 h 30 min'")
    return found
