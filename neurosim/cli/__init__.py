"""The command line: thin commands over the library. Heavy imports wait until a command needs them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import typer

from neurosim.cli.app import app
from neurosim.errors import NeurosimError

WRONG_USE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 good, 1 the answer is no, 2 wrong use, 130 interrupted.

    Whatever a user can cause ends in one message on stderr, never in a traceback.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=None if arguments is None else list(arguments), prog_name="neurosim")
    except NeurosimError as error:
        _end(str(error), error.exit_code)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _end(f"{name}{error.strerror or error}; check the path, its permissions and the space left", WRONG_USE)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(code)


__all__ = ["app", "main"]
