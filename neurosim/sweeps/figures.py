"""Figures of results: accuracy and gradient alignment over what was swept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.sweeps.axes import text
from neurosim.sweeps.groups import Group, Interval, Roles, distinct, split
from neurosim.sweeps.names import value_name
from neurosim.sweeps.panels import MOST_PANELS, Look, chance_line, key_label, label, legend, lines, panels
from neurosim.sweeps.rows import ACCURACY
from neurosim.sweeps.style import blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

ACCURACY_LABEL = "test accuracy (%)"
ALIGNMENT = "alignment_"
ALIGNMENT_LABEL = "cosine with the exact gradient"
FINE = 4
ZOOM_ABOVE = 60.0
MOST_DOTS = 40


def accuracy(groups: Sequence[Group], roles: Roles, chance: float | None) -> Figure:
    """Return accuracy over what was swept: lines over x, a map over two finely swept numbers, or dots for names."""
    if roles.x is None:
        return _dots(groups, roles, chance)
    if roles.colour and _fine(groups, roles.x) and _fine(groups, roles.colour):
        return _maps(groups, roles)
    members = list(split(groups, roles.panels).values())[:MOST_PANELS]
    look, bottom = Look.over(groups, roles), accuracy_floor(groups)
    guessing = chance is not None and 100 * chance >= bottom
    figure, grid = panels(len(members))
    for axes, panel in zip(grid, members, strict=True):
        lines(axes, panel, look, ACCURACY, 100.0)
        if guessing and chance is not None:
            chance_line(axes, 100 * chance)
        if roles.panels:
            axes.set_title(panel[0].name(roles.panels))
    grid[0].set_ylim(bottom, 100 + 0.03 * (100 - bottom))
    label(figure, grid, key_label(roles.x, groups), ACCURACY_LABEL)
    legend(figure, look, chance=guessing)
    return figure


def accuracy_floor(groups: Sequence[Group]) -> float:
    """Return where the accuracy axis begins [%]: at 0, or higher where nothing comes near."""
    lowest = min(100 * (one.mean - float(np.nan_to_num(one.half))) for one in _known(groups, ACCURACY))
    return 10 * math.floor((lowest - 5) / 10) if lowest > ZOOM_ABOVE else 0.0


def alignment(groups: Sequence[Group], roles: Roles) -> Figure | None:
    """Return the cosine of estimated and exact gradient over x, a panel per weight array; None where unknown."""
    names = [name for name in _weights(groups) if _known(groups, name)][:MOST_PANELS]
    if not names or roles.x is None:
        return None
    look = Look.over(groups, roles)
    figure, grid = panels(len(names))
    for axes, name in zip(grid, names, strict=True):
        for panel in split(groups, roles.panels).values():
            lines(axes, panel, look, name)
        axes.set_title(f"weights {name.removeprefix(ALIGNMENT)}")
    lowest = min(one.mean - np.nan_to_num(one.half) for name in names for one in _known(groups, name))
    grid[0].set_ylim(min(0.0, max(float(lowest), -1.0)) - 0.03, 1.05)
    label(figure, grid, key_label(roles.x, groups), ALIGNMENT_LABEL)
    legend(figure, look, chance=False)
    return figure


def _dots(groups: Sequence[Group], roles: Roles, chance: float | None) -> Figure:
    """Return a dot with its interval for every point of a sweep over names only."""
    shown = groups[:MOST_DOTS]
    figure, grid = blank(height=1.5 + 0.32 * len(shown))
    axes, look = grid[0, 0], Look.over(groups, roles)
    for k, member in enumerate(shown):
        found = member.accuracy
        options = {**look.of(member), "linestyle": "none"}
        axes.errorbar(100 * found.mean, k, xerr=100 * np.nan_to_num(found.half), **options, capsize=3, markersize=6)
    names = [member.name([path for path in roles.series]) or "this experiment" for member in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set(xlim=(0, 103), ylim=(len(shown) - 0.5, -0.5), xlabel=ACCURACY_LABEL)
    if chance is not None:
        axes.axvline(100 * chance, color="#9A9A9A", linewidth=1, linestyle=(0, (2, 2)))
        axes.annotate(
            "guessing", (100 * chance, 1), (4, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=9, color="#666666",
        )  # fmt: skip
    return figure


def _maps(groups: Sequence[Group], roles: Roles) -> Figure:
    """Return mean accuracy as a map over the two numeric keys x and colour, a panel per further combination."""
    rest = [path for path in (roles.style, *roles.panels) if path]
    members = list(split(groups, rest).values())[:MOST_PANELS]
    figure, grid = panels(len(members))
    for axes, panel in zip(grid, members, strict=True):
        image = _map(axes, panel, groups, roles)
        if rest:
            axes.set_title(panel[0].name(rest))
    figure.colorbar(image, ax=grid, label=ACCURACY_LABEL, shrink=0.9)
    label(figure, grid, key_label(roles.x or "", groups), key_label(roles.colour or "", groups))
    return figure


def _map(axes: Axes, panel: Sequence[Group], groups: Sequence[Group], roles: Roles) -> AxesImage:
    x, y = roles.x or "", roles.colour or ""
    columns, rows = distinct(groups, x), distinct(groups, y)
    cells = {member.key([y, x]): 100 * member.accuracy.mean for member in panel}
    values = np.array([[cells.get((text(r), text(c)), math.nan) for c in columns] for r in rows])
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis", vmin=0, vmax=100)
    for r, c in np.ndindex(values.shape):
        if not math.isnan(values[r, c]):
            axes.text(
                c, r, f"{values[r, c]:.0f}", ha="center", va="center", fontsize=9,
                color="white" if values[r, c] < 55 else "black",
            )  # fmt: skip
    axes.set_xticks(range(len(columns)), [value_name(x, value) for value in columns])
    axes.set_yticks(range(len(rows)), [value_name(y, value) for value in rows])
    axes.grid(visible=False)
    return image


def _fine(groups: Sequence[Group], path: str) -> bool:
    numeric = not any(math.isnan(member.number(path)) for member in groups)
    return numeric and len(distinct(groups, path)) >= FINE


def _weights(groups: Sequence[Group]) -> list[str]:
    names = {name for g in groups for row in g.rows for name in row.scalars if name.startswith(ALIGNMENT)}
    synapses = {name.removeprefix(ALIGNMENT) for name in names}
    return [f"{ALIGNMENT}{s}" for s in sorted(synapses) if s != "total" and not s.startswith("b")]


def _known(groups: Sequence[Group], scalar: str) -> list[Interval]:
    return [found for member in groups if not math.isnan((found := member.result(scalar)).mean)]
