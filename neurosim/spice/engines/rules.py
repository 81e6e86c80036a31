"""When a run counts as failed. ngspice ends with status 0 after answers it made up, so its messages decide as well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from neurosim.errors import SpiceError, nearest
from neurosim.spice.rawfile import Plot

FATAL = re.compile(
    r"singular matrix|error|no convergence|timestep too small|aborted|ignored|resistance to low", re.IGNORECASE
)
"""Messages after which no answer is believed, whatever the status.

A floating node gives only "singular matrix", status 0 and 1e13 V; a .nodeset of an unknown node is "ignored".
"""

PROGRESS = re.compile(
    r"reference value|trying gmin|supplies reduced|successful (gmin|source) step|further gmin increment"
    r"|no resource usage|or no active circuit",
    re.IGNORECASE,
)
"""Progress of stepping. A solution found only by stepping is a solution; these lines are left out of reports."""

SHOWN = 8  # messages in a report


def check_timeout(timeout: float) -> None:
    """Refuse a `timeout` [s] that is not a positive number."""
    if not 0.0 < timeout < float("inf"):
        raise SpiceError(f"run: timeout = {timeout}, allowed is a finite number of seconds > 0")


def judge_messages(engine: str, messages: str, status: int = 0) -> None:
    """Raise `SpiceError` where the status or the messages say so.

    The messages are those on standard error alone: standard output repeats the title, whatever it says.
    """
    match = FATAL.search(messages)
    if match is not None:
        raise failure(engine, f"it reported {match.group().lower()!r}", messages)
    if status != 0:
        raise failure(engine, f"it ended with status {status}, allowed is 0", messages)


def judge_plots(engine: str, plots: Sequence[Plot], vectors: Iterable[str], messages: str = "") -> None:
    """Raise `SpiceError` unless there are plots and in each of them `vectors` are present and finite.

    Without `vectors`, all vectors must be finite.
    """
    wanted = [name.lower() for name in vectors]
    if not plots:
        raise failure(engine, "it gave no result", messages)
    for plot in plots:
        if any(len(vector) == 0 for vector in plot.vectors.values()) or not plot.vectors:
            raise failure(engine, f"{plot.name!r} has no points", messages)
        for name in wanted or plot.vectors:
            if name not in plot.vectors:
                known = ", ".join(list(plot.vectors)[:8])
                raise failure(
                    engine, f"{plot.name!r} lacks {name!r}{nearest(name, plot.vectors)}; it holds {known}", messages
                )
            bad = np.flatnonzero(~np.isfinite(plot.vectors[name]))
            if bad.size:
                came = plot.vectors[name][bad[0]]
                raise failure(engine, f"{plot.name!r}: {name} is {came} at point {bad[0]}, allowed is finite", messages)


def failure(engine: str, rule: str, messages: str) -> SpiceError:
    """Return the error of a failed run: the engine, the rule that fired, and what the engine said."""
    said = summary(messages)
    return SpiceError(f"{engine}: the run failed: {rule}" + (f"; it said:\n  {said}" if said else ""))


def summary(messages: str) -> str:
    """Return the telling lines of `messages`, each once, first and last ones if there are many."""
    # a note that follows "Trying gmin = ..." stands on its line
    lines = [re.sub(r"^.*?\d\s+(?=(Warning|Note|Error):)", "", line).strip() for line in messages.splitlines()]
    telling = list(dict.fromkeys(line for line in lines if line and not PROGRESS.search(line)))
    if len(telling) > SHOWN:
        telling = [*telling[: SHOWN // 2], "...", *telling[-SHOWN // 2 :]]
    return "\n  ".join(telling)
