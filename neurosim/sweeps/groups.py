"""Runs grouped over their seeds, and which swept key plays which part in a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from neurosim.sweeps.axes import number, text
from neurosim.sweeps.names import setting_name
from neurosim.sweeps.rows import ACCURACY, Row

CONFIDENCE = 0.95
IMPERFECT = (
    "device.",
    "crossbar.read_noise",
    "crossbar.dac.",
    "crossbar.adc.",
    "settle.state_noise",
    "network.tau_spread",
    "network.gain_spread",
    "network.threshold_spread",
    "network.amplifier.",
)
COLOUR_FIRST = "learning.estimator"
STYLE_FIRST = "learning.update"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` seeds and the half-width of its 95 % confidence interval (NaN below two seeds)."""

    mean: float
    half: float
    n: int


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of `values` and its interval from Student's t: ``mean +- t s / sqrt(n)``. NaNs are left out."""
    kept = np.array([value for value in values if not math.isnan(value)])
    n = len(kept)
    if n == 0:
        return Interval(math.nan, math.nan, 0)
    if n == 1:
        return Interval(float(kept[0]), math.nan, 1)
    t = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))
    return Interval(float(kept.mean()), t * float(kept.std(ddof=1)) / math.sqrt(n), n)


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one point of the sweep: equal in all axes, different in the seed."""

    axes: Mapping[str, Any]
    rows: tuple[Row, ...]

    def result(self, scalar: str) -> Interval:
        """Return mean and interval of a final scalar over the finished runs."""
        return interval([row.scalars[scalar] for row in self.rows if scalar in row.scalars])

    @property
    def accuracy(self) -> Interval:
        """Final test accuracy, a fraction."""
        return self.result(ACCURACY)

    @property
    def finished(self) -> tuple[Row, ...]:
        """Runs that ended well."""
        return tuple(row for row in self.rows if row.status == "done")

    def key(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the values of `paths` as text: equal keys, equal values."""
        return tuple(text(self.axes[path]) for path in paths)

    def number(self, path: str) -> float:
        """Return the value of `path` as a number (NaN where it is none)."""
        size = number(path, self.axes[path])
        return math.nan if size is None else size

    def name(self, paths: Sequence[str]) -> str:
        """Return the values of `paths` in words."""
        return ", ".join(setting_name(path, self.axes[path]) for path in paths)


def group(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Return the rows grouped by the values of their axes, in plan order."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(text(value) for value in row.spec.axes.values()), []).append(row)
    return tuple(Group(members[0].spec.axes, tuple(members)) for members in found.values())


@dataclass(frozen=True, slots=True)
class Roles:
    """Which key is drawn how.

    Attributes
    ----------
    x
        The numeric key along the horizontal axis; None where no key is numeric.
    colour, style
        Keys told apart by colour, and by line style and marker.
    panels
        All further keys: one panel per combination.
    """

    x: str | None = None
    colour: str | None = None
    style: str | None = None
    panels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Keys that tell lines apart."""
        return (*(path for path in (self.colour, self.style) if path), *self.panels)


def roles(groups: Sequence[Group]) -> Roles:
    """Return the parts that the keys of a sweep play: the finest numeric one is x, the others tell lines apart."""
    varied = [path for path in groups[0].axes if len(_values(groups, path)) > 1]
    numeric = [path for path in varied if all(not math.isnan(g.number(path)) for g in groups)]
    numeric.sort(key=lambda path: (-len(_values(groups, path)), not path.startswith(IMPERFECT)))
    x = numeric[0] if numeric else None
    rest = [path for path in varied if path != x and not (x and _follows(groups, path, x))]
    rest.sort(key=lambda path: path in numeric)  # names before further numbers
    colour = _take(rest, COLOUR_FIRST)
    style = _take(rest, STYLE_FIRST)
    return Roles(x, colour, style, tuple(rest))


def distinct(groups: Sequence[Group], path: str) -> list[Any]:
    """Return the values of `path` in ascending order if numeric, else in plan order."""
    values = list({text(g.axes[path]): g.axes[path] for g in groups}.values())
    sizes = [number(path, value) for value in values]
    if all(size is not None for size in sizes):
        return [value for _, value in sorted(zip(sizes, values, strict=True), key=lambda pair: pair[0] or 0.0)]
    return values


def split(groups: Sequence[Group], paths: Sequence[str]) -> dict[tuple[str, ...], list[Group]]:
    """Return the groups by their values of `paths`, in plan order."""
    found: dict[tuple[str, ...], list[Group]] = {}
    for member in groups:
        found.setdefault(member.key(paths), []).append(member)
    return found


def best_and_worst(groups: Sequence[Group], x: str | None) -> tuple[Group, ...]:
    """Return the best point and the worst of all, or one where they are the same, or none where nothing finished.

    Where x is an imperfection, the best is looked for where that is least.
    """
    ended = [member for member in groups if not math.isnan(member.accuracy.mean)]
    if not ended:
        return ()
    ideal = ended
    if x and x.startswith(IMPERFECT):
        least = min(abs(member.number(x)) for member in ended)
        ideal = [member for member in ended if abs(member.number(x)) == least]
    best = max(ideal, key=lambda member: member.accuracy.mean)
    worst = min(ended, key=lambda member: member.accuracy.mean)
    return (best,) if worst is best else (best, worst)


def _values(groups: Sequence[Group], path: str) -> set[str]:
    return {text(member.axes[path]) for member in groups}


def _follows(groups: Sequence[Group], path: str, x: str) -> bool:
    """Return whether the value of `x` fixes that of `path`, as in a zipped sweep."""
    return all(len(_values(members, path)) == 1 for members in split(groups, [x]).values())


def _take(paths: list[str], first: str) -> str | None:
    if not paths:
        return None
    return paths.pop(paths.index(first) if first in paths else 0)
