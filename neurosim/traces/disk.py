"""Names, errors and durability of a file being written."""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurosim.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISK_ERRORS = (OSError, RuntimeError)
"""What h5py raises when the operating system refuses."""
READ_ERRORS = (*DISK_ERRORS, KeyError, ValueError)
"""What h5py raises on a damaged file."""
_HDF5_REASON = re.compile(r"error message = '([^']*)'")


def part_path(path: Path) -> Path:
    """Return the name that a trace to be called `path` has while it is written."""
    return path.with_name(path.name + ".part")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM inside the block: their Python handlers run when it ends.

    A handler that raises inside a call of the HDF5 library would leave the library in disorder.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs handlers in the main thread only
        return
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, lambda got, _: held.append(got))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for got in held:
            signal.raise_signal(got)


@contextmanager
def writing(path: Path, action: str) -> Iterator[None]:
    """Turn errors of the operating system inside the block into a `TraceError` that says what to do."""
    try:
        yield
    except DISK_ERRORS as error:
        found = _HDF5_REASON.search(str(error))
        reason = found[1] if found else getattr(error, "strerror", None) or str(error)
        raise TraceError(
            f"{path}: cannot {action}: {reason}. Free space there, or choose a folder that you may write to"
        ) from error


def inner_reason(error: Exception) -> str:
    """Return the innermost reason of an h5py error: the text in its parentheses."""
    text = str(error).strip("'\"")
    return text[text.find("(") + 1 :].rstrip(")") if "(" in text else text


def rename(old: Path, new: Path) -> None:
    """Give the file `old` the name `new` in one step, and bring the name to the device."""
    old.replace(new)
    descriptor = os.open(new.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
