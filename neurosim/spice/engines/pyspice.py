"""The library libngspice through PySpice, inside this process."""

from __future__ import annotations

import contextlib
import ctypes.util
import importlib.util
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.spice.engines.base import missing
from neurosim.spice.engines.rules import check_timeout, failure, judge_messages, judge_plots
from neurosim.spice.engines.text_checks import check_text, refuse_control
from neurosim.spice.rawfile import SCALES, Plot, Vector

LIBRARY = "NGSPICE_LIBRARY_PATH"
"""Environment variable (PySpice's own) with the path of libngspice, where the linker does not find it."""

# libngspice has one circuit and one set of messages per process
_LOCK = threading.Lock()
_ANALYSES = {
    "op": "Operating Point",
    "tran": "Transient Analysis",
    "ac": "AC Analysis",
    "dc": "DC transfer characteristic",
}


class PySpice:
    """``NgSpiceShared`` fed with the same text: same simulator, same vectors bit for bit, no process to start.

    One run at a time. A run past its timeout cannot be ended, since libngspice's own way (``bg_run``, ``bg_halt``)
    loses answers and crashes: it goes on in its thread, and until it ends others wait. PySpice is under the GPL and
    imported at the first run only.
    """

    name = "pyspice"
    how_to_install = "pip install 'neurosim-analog[pyspice]' and apt-get install libngspice0"
    parallel = False

    def available(self) -> str | None:
        """Return the version of PySpice and the library it would load, or None."""
        if _lacking() is not None:
            return None
        from importlib.metadata import version

        return f"PySpice {version('PySpice')} with {_library()}"

    def run(self, text: str, *, vectors: Sequence[str] = (), timeout: float = 120.0) -> tuple[Plot, ...]:
        """Run `text` in this process. See `Engine.run`."""
        check_text(text)
        refuse_control(text, self.name)
        check_timeout(timeout)
        lacking = _lacking()
        if lacking is not None:
            raise missing(self, lacking)
        if not _LOCK.acquire(timeout=timeout):
            raise failure(self.name, f"busy with another run for {timeout:g} s; use 'ngspice', or a new process", "")
        answer: Future[tuple[tuple[Plot, ...], str]] = Future()
        try:
            shared = self._shared()
            # a thread, so that this one can be interrupted; it gives the lock back
            threading.Thread(target=_work, args=(shared, text, answer), daemon=True).start()
        except BaseException:
            _LOCK.release()
            raise
        try:
            plots, messages = answer.result(timeout)
        except TimeoutError:
            raise failure(self.name, f"it ran past the timeout of {timeout:g} s", "") from None
        judge_plots(self.name, plots, vectors, messages)
        return plots

    def _shared(self) -> Any:
        """Return PySpice's one instance, made so that no start-up file of the user is read (``ngspice -n``)."""
        logging.getLogger("PySpice").setLevel(logging.CRITICAL + 1)  # it logs every message of ngspice as an error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from PySpice.Spice.NgSpice import Shared

            if Shared.NgSpiceShared._instances:
                return Shared.NgSpiceShared.new_instance()
            Shared.NgSpiceShared.LIBRARY_PATH = _library()
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                Path(".spiceinit").touch()  # the first one found is read: here before home
                try:
                    return Shared.NgSpiceShared.new_instance()
                except (OSError, NameError) as error:
                    Shared.ffi = Shared.FFI()
                    raise missing(self, f"libngspice cannot be loaded: {error}") from None


def _work(shared: Any, text: str, answer: Future[tuple[tuple[Plot, ...], str]]) -> None:
    try:
        answer.set_result(_simulate(shared, text))
    except BaseException as error:
        answer.set_exception(error)
    finally:
        _LOCK.release()


def _simulate(shared: Any, text: str) -> tuple[tuple[Plot, ...], str]:
    """Load, run, copy the vectors out, and leave the library empty. Returns the plots and the messages."""
    messages, alive = _said(shared, shared.load_circuit, ended(text))
    try:
        judge_messages(PySpice.name, messages)
        more, alive = _said(shared, shared.run)
        messages += "\n" + more
        judge_messages(PySpice.name, messages)
        names = [name for name in reversed(shared.plot_names) if name != "const"]
        return tuple(_plot(shared, name) for name in names), messages
    finally:
        if alive:
            _said(shared, shared.destroy)
            _said(shared, shared.remove_circuit)
        else:
            _unload(shared)


def ended(text: str) -> str:
    """Return `text` up to one ``.end``. The program does without; the library would join the next text to this one."""
    lines = text.splitlines()
    ends = [number for number, line in enumerate(lines) if line.strip().lower() == ".end"] or [len(lines)]
    return "\n".join([*lines[: ends[0]], ".end", ""])


def _said(shared: Any, command: Any, *arguments: str) -> tuple[str, bool]:
    """Call `command`; return what it wrote to standard error, and whether the library can go on.

    PySpice raises on every such line, a note on gmin stepping included: its exceptions, all NameError, decide nothing.
    Only those on a returned status say something of their own: ngspice wanted to exit.
    """
    try:
        command(*arguments)
    except NameError as error:
        if "returned" in str(error):
            return f"{shared.stderr}\nError: {error}", False
    return str(shared.stderr), True


def _unload(shared: Any) -> None:
    """Unload libngspice after it "awaits to be detached"; the next run loads it afresh. Used on, it corrupts memory."""
    from PySpice.Spice.NgSpice import Shared

    Shared.NgSpiceShared._instances.clear()
    Shared.ffi.dlclose(shared._ngspice_shared)
    Shared.ffi = Shared.FFI()  # one that has seen the declarations refuses them


def _plot(shared: Any, name: str) -> Plot:
    # PySpice lists the vectors backwards and drops the v() and i() of the rawfile
    given = shared.plot(None, name)
    vectors: dict[str, Vector] = {}
    for vector_name in reversed(list(given)):
        vector = given[vector_name]
        kind, data = str(vector._type), np.asarray(vector._data)
        key = _key(vector_name.lower(), kind.rpartition(".")[2])
        vectors[key] = np.array(data.real) if key in SCALES else data
    return Plot(_ANALYSES.get(name.rstrip("0123456789"), name), vectors)


def _key(name: str, kind: str) -> str:
    """Return the name that the rawfile gives to a vector."""
    if kind == "voltage":
        return name if "(" in name else f"v({name})"
    return f"i({name.removesuffix('#branch')})" if kind == "current" else name


def _lacking() -> str | None:
    if importlib.util.find_spec("PySpice") is None:
        return "the package PySpice is not installed"
    return None if _library() else "PySpice is there, the library libngspice is not found"


def _library() -> str | None:
    return os.environ.get(LIBRARY) or ctypes.util.find_library("ngspice")
