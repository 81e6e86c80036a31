"""Figures of sweeps that are no lines: a row per point where only names vary, a map where two numbers vary finely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.style import GREY, MARKERS, OKABE_ITO, blank
from neurosim.sweeps.axes import text
from neurosim.sweeps.groups import Group, Interval, Roles, distinct, split
from neurosim.sweeps.names import value_name
from neurosim.sweeps.panels import GUESSING, MOST_PANELS, Look, key_label, label, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

ACCURACY_LABEL = "test accuracy (%)"
ENERGY_LABEL = "energy of training, pulses included"
ALIGNMENT_LABEL = "cosine with the exact gradient"
MOST_DOTS = 40


def accuracy_dots(groups: Sequence[Group], roles: Roles, bottom: float, guessing: float | None) -> Figure:
    """Return a row with mean accuracy and its interval for every point; both levels in percent."""
    figure, axes = _rows(groups, roles)
    look = Look.over(groups, roles)
    for k, member in enumerate(groups[:MOST_DOTS]):
        _dot(axes, k, member.accuracy, 100.0, **look.of(member))
    axes.set(xlim=(bottom, 100 + 0.03 * (100 - bottom)), xlabel=ACCURACY_LABEL)
    if guessing is not None:
        axes.axvline(guessing, color=GREY, linewidth=1, linestyle=GUESSING, label="guessing")
        figure.legend(loc="outside upper left")
    return figure


def alignment_dots(groups: Sequence[Group], roles: Roles, bottom: float, names: Mapping[str, str]) -> Figure:
    """Return a row with the gradient's cosine for every point; `names` maps final scalars to their arrays."""
    figure, axes = _rows(groups, roles)
    for j, (scalar, array) in enumerate(names.items()):
        hue, marker = OKABE_ITO[j % len(OKABE_ITO)], MARKERS[j % len(MARKERS)]
        for k, member in enumerate(groups[:MOST_DOTS]):
            aside = 0.16 * (j - (len(names) - 1) / 2)
            _dot(axes, k + aside, member.result(scalar), 1.0, color=hue, marker=marker)
        axes.plot([], [], color=hue, marker=marker, linestyle="none", label=f"weights {array}")
    axes.set(xlim=(bottom, 1 + 0.04 * (1 - bottom)), xlabel=ALIGNMENT_LABEL)
    figure.legend(loc="outside upper left", ncols=len(names))
    return figure


def energy_dots(groups: Sequence[Group], roles: Roles, scalar: str, factor: float, unit: str) -> Figure:
    """Return a row with `factor` times a final energy for every point, in `unit`."""
    figure, axes = _rows(groups, roles)
    look = Look.over(groups, roles)
    for k, member in enumerate(groups[:MOST_DOTS]):
        _dot(axes, k, member.result(scalar), factor, **look.of(member))
    axes.set(xlabel=f"{ENERGY_LABEL} ({unit})")
    axes.set_xlim(left=0)
    return figure


def accuracy_maps(groups: Sequence[Group], roles: Roles, bottom: float) -> Figure:
    """Return mean accuracy as a map over the two numeric keys x and colour, a panel per further combination."""
    rest = [path for path in (roles.style, *roles.panels) if path]
    members = list(split(groups, rest).values())[:MOST_PANELS]
    figure, grid = panels([panel[0].name(rest) for panel in members])
    for axes, panel in zip(grid, members, strict=True):
        image = _map(axes, panel, groups, roles, bottom)
    figure.colorbar(image, ax=grid, label=ACCURACY_LABEL, shrink=0.9)
    label(figure, grid, key_label(roles.x or "", groups), key_label(roles.colour or "", groups))
    return figure


def _rows(groups: Sequence[Group], roles: Roles) -> tuple[Figure, Axes]:
    shown = groups[:MOST_DOTS]
    figure, grid = blank(height=1.5 + 0.32 * len(shown))
    axes = grid[0, 0]
    axes.set_yticks(range(len(shown)), [member.name(roles.series) or "this experiment" for member in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    return figure, axes


def _dot(axes: Axes, y: float, found: Interval, factor: float, **options: Any) -> None:
    half = factor * float(np.nan_to_num(found.half))
    axes.errorbar(factor * found.mean, y, xerr=half, **{**options, "linestyle": "none"}, capsize=3, markersize=6)


def _map(axes: Axes, panel: Sequence[Group], groups: Sequence[Group], roles: Roles, bottom: float) -> AxesImage:
    x, y = roles.x or "", roles.colour or ""
    columns, rows = distinct(groups, x), distinct(groups, y)
    cells = {member.key([y, x]): 100 * member.accuracy.mean for member in panel}
    values = np.array([[cells.get((text(r), text(c)), math.nan) for c in columns] for r in rows])
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis", vmin=bottom, vmax=100)
    for r, c in np.ndindex(values.shape):
        if not math.isnan(values[r, c]):
            dark = values[r, c] < (bottom + 100) / 2
            hue = "white" if dark else "black"
            axes.text(c, r, f"{values[r, c]:.0f}", ha="center", va="center", fontsize=9, color=hue)
    axes.set_xticks(range(len(columns)), [value_name(x, value) for value in columns])
    axes.set_yticks(range(len(rows)), [value_name(y, value) for value in rows])
    axes.grid(visible=False)
    return image
