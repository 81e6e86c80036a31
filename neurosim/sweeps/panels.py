"""Panels of lines over a swept key: one line per combination of the other keys, means with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.config.keys import unit_of
from neurosim.style import DARK, DASHES, GREY, MARKERS, OKABE_ITO, blank, colours, folded, prefixed, scale_x
from neurosim.sweeps.axes import text
from neurosim.sweeps.groups import Group, Roles, distinct, split
from neurosim.sweeps.names import key_name, value_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
GUESSING = (0, (2, 2))
LEGEND_COLUMNS = 4
APART = 2.2  # points between the markers of two lines at the same x


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, and dashes with marker, of every value of the keys that tell lines apart."""

    groups: Sequence[Group]
    roles: Roles
    colour: Mapping[str, Any]
    style: Mapping[str, tuple[Any, str]]

    @classmethod
    def over(cls, groups: Sequence[Group], roles: Roles) -> Look:
        """Return the look of a sweep."""
        hues, styles = ([text(v) for v in distinct(groups, p)] if p else [] for p in (roles.colour, roles.style))
        ordered = bool(roles.colour) and not math.isnan(groups[0].number(roles.colour or ""))
        return cls(
            groups,
            roles,
            dict(zip(hues, colours(len(hues), ordered=ordered), strict=True)),
            {key: (DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)]) for k, key in enumerate(styles)},
        )

    def of(self, member: Group) -> dict[str, Any]:
        """Return the drawing options of the line that `member` belongs to."""
        roles = self.roles
        colour = self.colour[member.key([roles.colour])[0]] if roles.colour else OKABE_ITO[0]
        dashes, marker = self.style[member.key([roles.style])[0]] if roles.style else (DASHES[0], MARKERS[0])
        return {"color": colour, "linestyle": dashes, "marker": marker}


def panels(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel per title, all with the same axes, and the panels."""
    count = len(titles)
    columns = min(count, 2 if count in (1, 2, 4) else 3)
    rows = math.ceil(count / columns)
    figure, grid = blank(rows, columns, height=4.4 if rows == 1 else 2.9 * rows, sharex=True, sharey=True)
    for axes in grid.flat[count:]:
        axes.remove()
    for axes, title in zip(grid.flat, titles, strict=False):
        axes.set_title(folded(title, columns))
    return figure, list(grid.flat[:count])


def lines(axes: Axes, groups: Sequence[Group], look: Look, scalar: str, factor: float = 1.0) -> None:
    """Draw `factor` times the final `scalar` over x, a line per colour and style, bars for the intervals."""
    x, keys = look.roles.x or "", [path for path in (look.roles.colour, look.roles.style) if path]
    scale_x(axes, positions(look.groups, x, look.groups))
    drawn = list(split(groups, keys).values())
    for k, line in enumerate(drawn):
        members = sorted(line, key=lambda member: member.number(x))
        found = [member.result(scalar) for member in members]
        axes.errorbar(
            positions(members, x, look.groups),
            factor * np.array([one.mean for one in found]),
            factor * np.nan_to_num(np.array([one.half for one in found])),
            **look.of(members[0]),
            capsize=2.5,
            elinewidth=1,
            transform=axes.transData + _aside(axes, (k - (len(drawn) - 1) / 2) * APART),
        )


def positions(groups: Sequence[Group], path: str, all_groups: Sequence[Group]) -> list[float]:
    """Return the values of the numeric key `path` in the unit of its axis (that of `all_groups`)."""
    factor = _prefixed(all_groups, path)[0]
    return [float(f"{factor * member.number(path):.12g}") for member in groups]


def key_label(path: str, groups: Sequence[Group]) -> str:
    """Return the label of the axis of the numeric key `path`, with its unit."""
    unit = _prefixed(groups, path)[1]
    return f"{key_name(path)} ({unit})" if unit else key_name(path)


def label(figure: Figure, grid: Sequence[Axes], x: str, y: str) -> None:
    """Write the labels of the shared axes: once where there is one panel, for the figure otherwise."""
    if len(grid) == 1:
        grid[0].set(xlabel=x, ylabel=y)
    else:
        figure.supxlabel(x, fontsize=10, color=DARK)
        figure.supylabel(y, fontsize=10, color=DARK)
        for axes in grid:
            axes.tick_params(labelbottom=True)


def chance_line(axes: Axes, level: float) -> None:
    """Draw the level of guessing."""
    axes.axhline(level, color=GREY, linewidth=1, linestyle=GUESSING, zorder=1)


def legend(figure: Figure, look: Look, *, chance: bool) -> None:
    """Write above the panels what colours (first) and styles mean."""
    from matplotlib.lines import Line2D

    hues, styles = [], []
    if hue := look.roles.colour:
        for value in distinct(look.groups, hue):
            line = Line2D([], [], color=look.colour[text(value)], linewidth=4, label=_entry(hue, value))
            hues.append(line)
    if style := look.roles.style:
        for value in distinct(look.groups, style):
            dashes, marker = look.style[text(value)]
            line = Line2D([], [], color=DARK, linestyle=dashes, marker=marker, label=_entry(style, value))
            styles.append(line)
    if chance:
        styles.append(Line2D([], [], color=GREY, linewidth=1, linestyle=GUESSING, label="guessing"))
    rows = [part[k : k + LEGEND_COLUMNS] for part in (hues, styles) for k in range(0, len(part), LEGEND_COLUMNS)]
    columns = max(map(len, rows), default=0)
    # matplotlib fills columns from the top: pad the rows to equal length and hand them over column by column.
    padded = [[*row, *([Line2D([], [], alpha=0, label="")] * (columns - len(row)))] for row in rows]
    if rows:
        handles = [handle for column in zip(*padded, strict=True) for handle in column]
        figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=2.6)


def _entry(path: str, value: Any) -> str:
    name = value_name(path, value)
    return f"{path.rpartition('.')[2].replace('_', ' ')} {name}" if name[:1].isdigit() else name


def _prefixed(groups: Sequence[Group], path: str) -> tuple[float, str]:
    unit = unit_of(path)
    return prefixed(max(abs(member.number(path)) for member in groups), unit) if unit else (1.0, "")


def _aside(axes: Axes, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, axes.figure.dpi_scale_trans)
