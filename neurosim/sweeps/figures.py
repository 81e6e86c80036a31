"""Figures of results: accuracy and gradient alignment over what was swept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.style import WIDE, prefixed
from neurosim.sweeps.dots import (
    ACCURACY_LABEL,
    ALIGNMENT_LABEL,
    ENERGY_LABEL,
    accuracy_dots,
    accuracy_maps,
    alignment_dots,
    energy_dots,
)
from neurosim.sweeps.groups import Group, Interval, Roles, distinct, split
from neurosim.sweeps.panels import MOST_PANELS, Look, chance_line, key_label, label, legend, lines, panels
from neurosim.sweeps.rows import ACCURACY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALIGNMENT = "alignment_"
ENERGY = "energy_training"
FINE = 4
ZOOM_ABOVE = 60.0


def accuracy(groups: Sequence[Group], roles: Roles, chance: float | None) -> Figure:
    """Return accuracy over what was swept: lines over x, a map over two finely swept numbers, or dots for names."""
    bottom = accuracy_floor(groups)
    guessing = None if chance is None or 100 * chance < bottom else 100 * chance
    if roles.x is None:
        return accuracy_dots(groups, roles, bottom, guessing)
    if roles.colour and _fine(groups, roles.x) and _fine(groups, roles.colour):
        return accuracy_maps(groups, roles, bottom)
    members = list(split(groups, roles.panels).values())[:MOST_PANELS]
    look = Look.over(groups, roles)
    figure, grid = panels([panel[0].name(roles.panels) for panel in members])
    for axes, panel in zip(grid, members, strict=True):
        lines(axes, panel, look, ACCURACY, 100.0)
        if guessing is not None:
            chance_line(axes, guessing)
    grid[0].set_ylim(bottom, 100 + 0.03 * (100 - bottom))
    label(figure, grid, key_label(roles.x, groups), ACCURACY_LABEL)
    legend(figure, look, chance=guessing is not None)
    return figure


def accuracy_floor(groups: Sequence[Group]) -> float:
    """Return where the accuracy axis begins [%]: at 0, or higher where nothing comes near."""
    lowest = min(100 * (one.mean - float(np.nan_to_num(one.half))) for one in _known(groups, ACCURACY))
    return 10 * math.floor((lowest - 5) / 10) if lowest > ZOOM_ABOVE else 0.0


def alignment(groups: Sequence[Group], roles: Roles) -> Figure | None:
    """Return the cosine of estimated and exact gradient, a panel per weight array; None where it is unknown."""
    names = [name for name in _weights(groups) if _known(groups, name)]
    if not names:
        return None
    lowest = min(one.mean - float(np.nan_to_num(one.half)) for name in names for one in _known(groups, name))
    bottom = math.floor(20 * lowest - 0.5) / 20 if lowest > ZOOM_ABOVE / 100 else min(0.0, max(lowest, -1.0)) - 0.03
    if roles.x is None:
        return alignment_dots(groups, roles, bottom, {name: name.removeprefix(ALIGNMENT) for name in names})
    look = Look.over(groups, roles)
    shown = [(name, panel) for name in names for panel in split(groups, roles.panels).values()][:MOST_PANELS]
    where = [f", {panel[0].name(roles.panels)}" if roles.panels else "" for _, panel in shown]
    figure, grid = panels([f"weights {n.removeprefix(ALIGNMENT)}{w}" for (n, _), w in zip(shown, where, strict=True)])
    for axes, (name, panel) in zip(grid, shown, strict=True):
        lines(axes, panel, look, name)
    grid[0].set_ylim(bottom, 1 + 0.04 * (1 - bottom))
    label(figure, grid, key_label(roles.x, groups), ALIGNMENT_LABEL)
    legend(figure, look, chance=False)
    return figure


def energy(groups: Sequence[Group], roles: Roles) -> Figure | None:
    """Return the energy of training over what was swept: lines over x, or dots; None where it was not accounted for."""
    known = [one.mean for one in _known(groups, ENERGY) if math.isfinite(one.mean)]
    if not known or max(known) <= 0:
        return None
    decades = max(known) > WIDE * min(known) > 0
    factor, unit = prefixed(min(known) if decades else max(known), "J")
    if roles.x is None:
        return energy_dots(groups, roles, ENERGY, factor, unit)
    members = list(split(groups, roles.panels).values())[:MOST_PANELS]
    look = Look.over(groups, roles)
    figure, grid = panels([panel[0].name(roles.panels) for panel in members])
    for axes, panel in zip(grid, members, strict=True):
        lines(axes, panel, look, ENERGY, factor)
    if decades:
        _log_y(grid[0], factor * min(known) / 1.5, 1.5 * factor * max(known))
    else:
        grid[0].set_ylim(0, 1.1 * factor * max(known))
    label(figure, grid, key_label(roles.x, groups), f"{ENERGY_LABEL} ({unit})")
    legend(figure, look, chance=False)
    return figure


def _log_y(axes: Axes, bottom: float, top: float) -> None:
    """Make the vertical axis logarithmic, with plain numbers."""
    from matplotlib.ticker import LogFormatter

    axes.set_yscale("log")
    axes.set_ylim(bottom, top)
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))


def _fine(groups: Sequence[Group], path: str) -> bool:
    numeric = not any(math.isnan(member.number(path)) for member in groups)
    return numeric and len(distinct(groups, path)) >= FINE


def _weights(groups: Sequence[Group]) -> list[str]:
    names = {name for g in groups for row in g.rows for name in row.scalars if name.startswith(ALIGNMENT)}
    synapses = {name.removeprefix(ALIGNMENT) for name in names}
    return [f"{ALIGNMENT}{s}" for s in sorted(synapses) if s != "total" and not s.startswith("b")]


def _known(groups: Sequence[Group], scalar: str) -> list[Interval]:
    return [found for member in groups if not math.isnan((found := member.result(scalar)).mean)]
