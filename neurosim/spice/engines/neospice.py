"""neospice, an independent reimplementation of SPICE3, inside this process. It is not ngspice."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from neurosim.errors import SpiceError
from neurosim.spice.engines.base import missing
from neurosim.spice.engines.rules import check_timeout, failure, judge_messages, judge_plots
from neurosim.spice.engines.text_checks import ANALYSES, Line, check_text, logical_lines, refuse_control
from neurosim.spice.rawfile import Plot, Vector

# what neospice says where it leaves something out or makes an answer up; the rest of its warnings is advice
_FATAL = re.compile(r"skipping|unknown|topology error|OPtran", re.IGNORECASE)
_CARDS = frozenset({*ANALYSES, ".options", ".option", ".nodeset", ".ic", ".save", ".model", ".subckt", ".ends", ".end"})
_OPTIONS = frozenset({"abstol", "chgtol", "gmin", "itl1", "itl4", "reltol", "temp", "tnom", "trtol", "vntol"})
_METHODS = ("trap", "gear")
_ORDER = (".ac", ".dc", ".op", ".tran")  # in which ngspice runs and writes them
_LOCK = threading.Lock()


class Neospice:
    """neospice's ``Simulator.parse`` and ``run`` on the same text, up to its dialect (`dialect`).

    It passes over much in silence: cards and options it does not know are refused here, and so are its own "skipping"
    and answers by way of a pseudo-transient, which it gives for floating nodes too. What is left to the user: sqrt and
    ln of a negative number give sqrt(abs(x)) and 0 without a word; superfluous words on an element's line are dropped.

    One run at a time, which nothing interrupts: one longer than its timeout raises when it ends. A transient ends after
    500000 iterations in any case; a tstep in .tran that is a tiny part of the time constant spends them.
    """

    name = "neospice"
    how_to_install = "pip install 'neurosim-analog[neospice]'"
    parallel = False

    def available(self) -> str | None:
        """Return its version, or None."""
        if importlib.util.find_spec("neospice") is None:
            return None
        from importlib.metadata import version

        return version("neospice")

    def run(self, text: str, *, vectors: Sequence[str] = (), timeout: float = 120.0) -> tuple[Plot, ...]:
        """Run `text` in this process, each analysis by itself. See `Engine.run`."""
        check_text(text)
        refuse_control(text, self.name)
        check_timeout(timeout)
        if self.available() is None:
            raise missing(self, "the package neospice is not installed")
        texts = dialect(text)
        start = time.perf_counter()
        with _LOCK:
            runs = [_simulate(each) for each in texts]
        took = time.perf_counter() - start
        if took > timeout:
            raise failure(self.name, f"it took {took:.3g} s, past the timeout of {timeout:g} s", "")
        plots = tuple(plot for plot, _ in runs)
        judge_plots(self.name, plots, vectors, "\n".join(said for _, said in runs))
        return plots


def dialect(text: str) -> list[str]:
    """Translate ngspice's dialect to neospice's: one text per analysis, in ngspice's order of analyses.

    Only what neospice would misread without a word is changed. It tells nodes ``A`` and ``a`` apart: all is lower case.
    It ignores ``reltol = 1e-6`` with spaces: they go. Of several analyses it runs the last: each gets its own text.
    """
    lines = list(logical_lines(text.splitlines()[1:]))
    known = {word for line in lines if line.words[0][0] != "." for word in line.words[1:]}
    for line in lines:
        if line.words[0][0] == "." and line.words[0] not in _CARDS:
            raise _refusal(line, f"the card {line.words[0]}", f"the cards {', '.join(sorted(_CARDS))}")
        if line.words[0] in (".options", ".option"):
            _check_options(line)
        if line.words[0] in (".nodeset", ".ic"):
            _check_nodes(line, known)
    analyses = [line for line in lines if line.words[0] in _ORDER]
    texts = []
    for analysis in sorted(analyses, key=lambda line: _ORDER.index(line.words[0])):
        kept = [line for line in lines if line is analysis or line not in analyses]
        body = [re.sub(r"\s*=\s*", "=", line.text.lower()) for line in kept if line.words[0] != ".end"]
        texts.append("\n".join(["* neurosim", *body, ".end", ""]))
    return texts


def _check_options(line: Line) -> None:
    """Refuse an option that neospice would ignore: an unknown one, or one whose value is no plain number."""
    for setting in re.sub(r"\s*=\s*", "=", line.text.lower()).split()[1:]:
        key, _, value = setting.partition("=")
        if key == "method" and value in _METHODS:
            continue
        if key not in _OPTIONS or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value):
            allowed = f"plain numbers for {', '.join(sorted(_OPTIONS))}, and method = trap or gear"
            raise _refusal(line, f"the option {setting}", allowed)


def _check_nodes(line: Line, known: set[str]) -> None:
    """Refuse a start value for a node that no element has, which neospice would make; not inside subcircuits."""
    for node in re.findall(r"v\(\s*([^)\s]*)\s*\)", line.text.lower()):
        if node not in known and "." not in node:
            raise _refusal(line, f"the node {node}, which no element has,", "nodes of the circuit")


def _refusal(line: Line, what: str, allowed: str) -> SpiceError:
    return SpiceError(
        f"netlist, line {line.number} {line.text!r}: {what} would not be taken as meant by the engine 'neospice'; "
        f"it takes {allowed}; leave it out, or use 'ngspice'"
    )


def _simulate(text: str) -> tuple[Plot, str]:
    """Run one analysis; return its plot and what neospice said."""
    import neospice

    said: list[str] = []
    trouble, result, warned = "", None, []
    with _standard_error(said):
        try:
            simulator = neospice.Simulator()
            answer = simulator.run(simulator.parse(text))
            result = answer.dc or answer.transient or answer.ac or answer.dc_sweep
            warned = [] if result is None else list(result.status.warnings)
        except Exception as error:
            trouble = f"Error: {error}"
    messages = "\n".join([*said, *warned, *([trouble] if trouble else [])])
    match = _FATAL.search(messages)
    if match is not None and not trouble:
        raise failure(Neospice.name, f"it reported {match.group()!r}", messages)
    judge_messages(Neospice.name, messages)
    if result is None:
        raise failure(Neospice.name, "it gave no result", messages)
    if not result.status.converged:
        raise failure(Neospice.name, "it did not converge", messages)
    return _plot(result), messages


def _plot(result: Any) -> Plot:
    """Return a result of neospice under ngspice's names."""
    kind = type(result).__name__
    name, scale = {
        "DCResult": ("Operating Point", {}),
        "TransientResult": ("Transient Analysis", {"time": "time"}),
        "ACResult": ("AC Analysis", {"frequency": "frequency"}),
        "DCSweepResult": ("DC transfer characteristic", {"sweep_values": "v(v-sweep)"}),
    }[kind]
    vectors: dict[str, Vector] = {}
    for attribute, key in scale.items():
        sweep = getattr(result, "sweep_var", "").lower().startswith("i")
        vectors["i(i-sweep)" if sweep else key] = np.array(getattr(result, attribute))
    for signal in result.signal_names():
        value = result.voltage(signal) if signal.startswith("v(") else result.current(signal)
        vectors[signal.lower()] = np.atleast_1d(np.array(value))
    return Plot(name, vectors)


@contextmanager
def _standard_error(lines: list[str]) -> Iterator[None]:
    """Collect what is written to the process's standard error: neospice gives its warnings nowhere else."""
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            lines.extend(file.read().decode("utf-8", "replace").splitlines())
