"""The figures of a report: which runs they show, their headings and captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.style import save, styled
from neurosim.sweeps import figures, physics
from neurosim.sweeps.axes import text
from neurosim.sweeps.directory import SweepDirectory
from neurosim.sweeps.groups import Group, Roles, best_and_worst, distinct
from neurosim.sweeps.names import key_name, value_name
from neurosim.sweeps.panels import MOST_PANELS
from neurosim.sweeps.point import RunSpec
from neurosim.sweeps.rows import Row
from neurosim.sweeps.tables import percent
from neurosim.traces import Trace, read_trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ESTIMATOR = "learning.estimator"
WAVES = ("oscillating", "holomorphic")
MOST_SETTLINGS = 3
NAMES = ("accuracy", "alignment", "energy", "learning", "conductances", "settling")

ALIGNED = (
    "Cosine between the gradient as the estimator measures it on the hardware and the exact one (implicit function "
    "theorem), at the end of training, for each weight array. 1 is a perfect gradient, 0 is no information."
)
SPENT = (
    "Energy of the whole training: every branch of the settling networks (devices, leaks, node capacitances) over all "
    "phases of all images, and the programming pulses; converters, amplifiers and control are not in it."
)
SETTLED = (
    "Voltages of the nodes for one test image after training, and the nudge β(t) that pulls the output toward the "
    "target. Nudged phases start again from the free state; an oscillating β never rests. Of complex voltages the real "
    "part is shown."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure on the page: file name without suffix, heading, caption, and the drawing as SVG."""

    name: str
    heading: str
    caption: str
    svg: str


def pictures(directory: SweepDirectory, groups: Sequence[Group], roles: Roles, chance: float | None) -> list[Picture]:
    """Draw all figures that the finished runs allow, write them as PNG into the directory, and return them."""
    for name in NAMES:
        (directory.path / f"{name}.png").unlink(missing_ok=True)
    with styled(), ExitStack() as open_traces:
        return [
            Picture(name, heading, caption, save(figure, directory.path / f"{name}.png"))
            for name, heading, caption, figure in _drawn(directory, groups, roles, chance, open_traces)
            if figure is not None
        ]


def _drawn(
    directory: SweepDirectory,
    groups: Sequence[Group],
    roles: Roles,
    chance: float | None,
    open_traces: ExitStack,
) -> Iterator[tuple[str, str, str, Figure | None]]:
    extremes = best_and_worst(groups, roles.x)
    if not extremes:
        return

    def opened(row: Row) -> Trace:
        return open_traces.enter_context(read_trace(directory.run_file(row.spec), finished=True))

    over = f" against {key_name(roles.x)}" if roles.x else ""
    yield "accuracy", f"Accuracy{over}", _accuracy_caption(groups, roles), figures.accuracy(groups, roles, chance)
    yield "alignment", f"Gradient alignment{over}", ALIGNED, figures.alignment(groups, roles)
    yield "energy", f"Energy{over}", SPENT, figures.energy(groups, roles)
    paths = [path for path in (roles.x, *roles.series) if path]
    titles = [_title(member, paths) for member in extremes]
    traces = [[opened(row) for row in member.finished] for member in extremes]
    which = "the best point and the worst point of the sweep" if len(extremes) > 1 else "all seeds"
    yield (
        "learning",
        "Learning",
        f"Test accuracy after every epoch, a line per seed: {which}.",
        physics.learning(list(zip(titles, traces, strict=True)), chance),
    )
    rows = [(title, m.finished[0].spec, t[0]) for title, m, t in zip(titles, extremes, traces, strict=True)]
    yield "conductances", "Where the conductances went", _conductance_caption(rows), physics.conductances(rows)
    columns = [(_short_title(member), opened(member.finished[0])) for member in _to_settle(groups, extremes[0])]
    yield "settling", "One settling and its teaching signal", SETTLED, physics.settlings(columns)


def _conductance_caption(rows: Sequence[tuple[str, RunSpec, Trace]]) -> str:
    device = rows[0][1].document["device"]
    low, high = (value_name(f"device.{key}", device[key]) for key in ("g_min", "g_max"))
    where = ", of the best point above and of the worst below" if len(rows) > 1 else ""
    return (
        f"Share of the devices of each weight array at each conductance, before and after training{where}; first seed. "
        f"The nominal range of a device is {low} to {high}; dotted lines mark its ends where they are in view."
    )


def _accuracy_caption(groups: Sequence[Group], roles: Roles) -> str:
    counts = sorted({member.accuracy.n for member in groups if member.accuracy.n})
    seeds = " to ".join(str(n) for n in dict.fromkeys((counts[0], counts[-1])))
    caption = f"Final test accuracy, mean over {seeds} seed{'s' if counts[-1] > 1 else ''}"
    caption += "; bars are 95 % confidence intervals (Student's t)." if counts[-1] > 1 else ", so no intervals."
    if len(roles.series) > 1 and roles.x:
        caption += " Markers of different lines at the same value stand side by side."
    panels = math.prod(len(distinct(groups, path)) for path in roles.panels)
    if panels > MOST_PANELS:
        caption += f" The first {MOST_PANELS} of {panels} panels are drawn; the table has all."
    return caption


def _to_settle(groups: Sequence[Group], ideal: Group) -> list[Group]:
    """Return the ideal point with each of a few estimators, those with an oscillating beta among them."""
    if ESTIMATOR not in ideal.axes:
        return [ideal]
    rest = [path for path in ideal.axes if path != ESTIMATOR]
    same = [member for member in groups if member.key(rest) == ideal.key(rest) and member.finished]
    same = same or [ideal]
    waves = [member for member in same if text(member.axes[ESTIMATOR]) in WAVES]
    others = [member for member in same if member not in waves]
    kept = others[: max(MOST_SETTLINGS - len(waves), 1)] + waves
    return [member for member in same if member in kept[:MOST_SETTLINGS]]


def _title(member: Group, paths: Sequence[str]) -> str:
    name = member.name(paths)
    return f"{name or 'test accuracy'}: {percent(member.accuracy)}"


def _short_title(member: Group) -> str:
    return value_name(ESTIMATOR, member.axes[ESTIMATOR]) if ESTIMATOR in member.axes else ""
