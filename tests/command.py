"""Runs the command line inside the test process."""

import contextlib
import io
import signal
from dataclasses import dataclass

from neurosim.cli import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def neurosim(*arguments):
    """Run ``neurosim ARGUMENTS`` here and return its exit code and output."""
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code or 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return Result(code, out.getvalue(), err.getvalue())
