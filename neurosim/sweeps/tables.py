"""Numbers of a report in words and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurosim.config import Experiment
from neurosim.sweeps.axes import text
from neurosim.sweeps.groups import Group, Interval, Roles, distinct, interval, split
from neurosim.sweeps.names import key_name, setting_name, value_name
from neurosim.sweeps.rows import Row

MOST_SAID = 4


def percent(found: Interval) -> str:
    """Return a fraction with its interval as text: ``"94.2 ± 0.6 %"``."""
    if math.isnan(found.mean):
        return "–"
    half = "" if math.isnan(found.half) else f" ± {100 * found.half:.1f}"
    return f"{100 * found.mean:.1f}{half} %"


@dataclass(frozen=True, slots=True)
class Table:
    """Accuracy at a glance: a line per combination, a column per value of x."""

    corner: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry: its text, and how far below the best of the table it lies, 0 to 1."""

    text: str
    loss: float
    note: str = ""


def headline_table(groups: Sequence[Group], roles: Roles) -> Table:
    """Return mean accuracy with its interval, a line per combination of the other keys, a column per value of x."""
    best = max((g.accuracy.mean for g in groups if not math.isnan(g.accuracy.mean)), default=math.nan)
    values = distinct(groups, roles.x) if roles.x else [None]
    lines = []
    for members in split(groups, roles.series).values():
        at = {member.key([roles.x])[0] if roles.x else "": member for member in members}
        cells = tuple(_cell(at.get(text(value) if roles.x else ""), best) for value in values)
        lines.append((members[0].name(roles.series) or "all runs", cells))
    columns = tuple(value_name(roles.x, value) for value in values) if roles.x else ("accuracy",)
    return Table(key_name(roles.x) if roles.x else "", columns, tuple(lines))


def headline(groups: Sequence[Group], roles: Roles) -> list[str]:
    """Return what the sweep found, in sentences made from its numbers."""
    ended = [member for member in groups if not math.isnan(member.accuracy.mean)]
    if not ended:
        return ["No run finished, so there is nothing to show; the reasons are below."]
    if len(ended) == 1:
        return [f"Test accuracy {percent(ended[0].accuracy)}."]
    if roles.x is None:
        return [f"Mean test accuracy is {_range(ended, roles)}."]
    values = distinct(ended, roles.x)
    ends = [[m for m in ended if m.key([roles.x])[0] == text(v)] for v in (values[0], values[-1])]
    least, most = (setting_name(roles.x, value) for value in (values[0], values[-1]))
    said = f"At {least}, mean test accuracy is {_range(ends[0], roles)}; at {most}, {_range(ends[1], roles)}."
    parts = sorted((_by(ends[1], path) for path in roles.series), key=lambda part: -part[0])
    told = "; ".join(words for spread, words in parts if spread > 0)
    return [said, f"There, averaged over the other settings – {told}."] if told else [said]


def swept(experiment: Experiment, rows: Sequence[Row], groups: Sequence[Group]) -> str:
    """Return in a sentence what was varied and what was trained."""
    sizes, kernels = experiment.network.layers, experiment.network.convolutions
    maps = [f"{kernel.channels}c{kernel.kernel}" for kernel in kernels]  # 32c5: 32 maps by kernels of side 5
    layers = "-".join([str(sizes[0]), *maps, *(str(size) for size in sizes[1:])])
    what = f"{layers} networks on {value_name('data.name', experiment.data.name)}"
    axes = [
        f"{key_name(path)} ({', '.join(value_name(path, v) for v in distinct(groups, path))})"
        for path in groups[0].axes
    ]
    seeds = len({row.spec.seed for row in rows})
    count = f"{len(rows)} run{'s' if len(rows) > 1 else ''}"
    over = f" over {_listed(axes)}" if axes else ""
    return f"{count} of {what}{over}, {seeds} seed{'s' if seeds > 1 else ''} per point."


def _cell(member: Group | None, best: float) -> Cell:
    if member is None:
        return Cell("", 0.0)
    found, failed = member.accuracy, sum(row.status == "failed" for row in member.rows)
    note = f"{failed} of {len(member.rows)} failed" if failed else ""
    loss = 0.0 if math.isnan(found.mean) or best <= 0 else max(best - found.mean, 0.0) / best
    return Cell(percent(found), round(loss, 3), note)


def _range(groups: Sequence[Group], roles: Roles) -> str:
    low, high = (choose(groups, key=lambda m: m.accuracy.mean) for choose in (min, max))
    if len(groups) == 1:
        return percent(high.accuracy)
    names = [member.name(roles.series) for member in (low, high)]
    return f"{percent(low.accuracy)} ({names[0]}) to {percent(high.accuracy)} ({names[1]})"


def _by(groups: Sequence[Group], path: str) -> tuple[float, str]:
    """Return the spread of mean accuracy over the values of a key, 0 where nothing is averaged, and its words."""
    parts = list(split(groups, [path]).values())
    if not 1 < len(parts) <= MOST_SAID or len(parts) == len(groups):
        return 0.0, ""
    means = [interval([member.accuracy.mean for member in members]).mean for members in parts]
    words = [
        f"{value_name(path, members[0].axes[path])} {100 * mean:.1f} %"
        for members, mean in zip(parts, means, strict=True)
    ]
    return max(means) - min(means), f"{key_name(path)}: {_listed(words)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
