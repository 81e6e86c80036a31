"""Ctrl-C that is not lost.

A handler that raises does so wherever the program happens to be. Inside a callback of Python's own, of a weak reference
that dies or of a destructor, what is raised is printed ("Exception ignored in") and forgotten.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Whether an interrupt has come."""

    def __init__(self) -> None:
        self.come = False

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if an interrupt has come: what it raised then was lost."""
        if self.come:
            raise KeyboardInterrupt


@contextmanager
def remembered() -> Iterator[Interrupts]:
    """Yield a memory of the interrupts (SIGINT, SIGTERM) that come inside the block; their handlers run as before.

    Loops ask it at every turn. Signals that are ignored or left to the system stay so.
    """
    found = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield found  # Python runs handlers in the main thread only
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def remember(number: int, frame: FrameType | None) -> None:
        found.come = True
        handler = handlers[signal.Signals(number)]
        assert callable(handler)
        handler(number, frame)

    numbers = [number for number, handler in handlers.items() if callable(handler)]
    for number in numbers:
        signal.signal(number, remember)
    try:
        yield found
    finally:
        for number in numbers:
            signal.signal(number, handlers[number])
