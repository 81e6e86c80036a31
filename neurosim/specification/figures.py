"""The tolerance chart that a device team works toward, and the chart of what each imperfection costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurosim.config.keys import unit_of
from neurosim.specification.find import Findings, Found, Share
from neurosim.specification.tables import loss_interval, point_name, tolerable
from neurosim.style import DARK, GREY, MARKERS, OKABE_ITO, blank, folded, prefixed, save, styled
from neurosim.sweeps.names import key_name, value_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.34
BAR = 0.36


def write_figures(findings: Findings, loss: float, out: Path) -> list[Path]:
    """Write ``tolerances.png`` and, where the file has imperfections, ``attribution.png``; return their names."""
    written = []
    with styled():
        drawn = {"tolerances.png": tolerance_chart(findings.tolerances, loss)}
        if findings.shares:
            drawn["attribution.png"] = attribution_chart(findings.shares)
        for name, figure in drawn.items():
            save(figure, out / name)
            written.append(out / name)
    return written


def tolerance_chart(found: Sequence[Found], loss: float) -> Figure:
    """Return a panel per imperfection: for every point of the sweep the tolerable value and its interval."""
    paths = list(dict.fromkeys(one.axis.path for one in found))
    rows = len(found) // len(paths)
    figure, grid = blank(len(paths), height=0.5 + len(paths) * (0.95 + ROW * rows))
    for axes, path in zip(grid[:, 0], paths, strict=True):
        _tolerances(axes, [one for one in found if one.axis.path == path])
    figure.suptitle(
        f"Largest value with a mean loss of at most {100 * loss:g} percentage points, and its confidence interval",
        x=0.01, ha="left", fontsize=10, color=DARK,
    )  # fmt: skip
    return figure


def _tolerances(axes: Axes, found: Sequence[Found]) -> None:
    axis = found[0].axis
    unit = unit_of(axis.path)
    factor, shown = prefixed(max(abs(axis.good), abs(axis.bad)), unit) if unit else (1.0, "")
    if axis.scale == "log":
        axes.set_xscale("log")
    for k, one in enumerate(found):
        low = axis.good if one.tolerance.lower is None else axis.value(one.tolerance.lower)
        high = axis.bad if one.tolerance.upper is None else axis.value(one.tolerance.upper)
        colour = OKABE_ITO[k % len(OKABE_ITO)]
        axes.plot([factor * low, factor * high], [k, k], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
        for place, end, mark in ((one.tolerance.lower, low, "<"), (one.tolerance.upper, high, ">")):
            outward = mark if axis.bad > axis.good else {"<": ">", ">": "<"}[mark]
            if place is None:  # the interval goes on beyond the range
                axes.plot(factor * end, k, marker=outward, color=colour, markersize=7, clip_on=False)
        if one.tolerance.estimate is not None:
            value = factor * axis.value(one.tolerance.estimate)
            axes.plot(value, k, marker=MARKERS[0], color=colour, markersize=7)
        axes.annotate(
            tolerable(one), (1.01, k), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=DARK
        )
    axes.set_yticks(range(len(found)), [folded(point_name(one.group), 3) for one in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(*sorted((factor * axis.good, factor * axis.bad)))
    axes.set_xlabel(f"{key_name(axis.path)} ({shown})" if shown else key_name(axis.path))


def attribution_chart(shares: Sequence[Share]) -> Figure:
    """Return a panel per point of the sweep: what each imperfection costs alone, and takes from all."""
    names = list(dict.fromkeys(point_name(share.group) for share in shares))
    members = [[share for share in shares if point_name(share.group) == name] for name in names]
    figure, grid = blank(
        len(names), height=0.8 + sum(0.75 + 0.5 * len(panel) for panel in members), sharex=True,
        height_ratios=[len(panel) + 1 for panel in members],
    )  # fmt: skip
    for axes, name, panel in zip(grid[:, 0], names, members, strict=True):
        _bars(axes, panel)
        everything = loss_interval(panel[0].everything)
        title = f"{name}: all together {100 * everything.mean:.1f} points" if everything.n else f"{name}: all fail"
        axes.set_title(folded(title))
    grid[-1, 0].set_xlabel("loss of test accuracy (percentage points)")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def _bars(axes: Axes, panel: Sequence[Share]) -> None:
    order = sorted(panel, key=lambda share: -np.nan_to_num(share.alone.mean(), posinf=1.0))
    kinds = (
        ("it alone", "alone", OKABE_ITO[1], -BAR / 2),
        ("regained when only it is removed", "recovered", OKABE_ITO[0], BAR / 2),
    )
    for label, part, colour, aside in kinds:
        found = [loss_interval(getattr(share, part)) for share in order]
        means = [100 * float(np.nan_to_num(one.mean)) for one in found]
        halves = [100 * float(np.nan_to_num(one.half)) for one in found]
        y = np.arange(len(order)) + aside
        axes.barh(y, means, BAR, xerr=halves, color=colour, label=label, error_kw={"elinewidth": 1, "ecolor": DARK})
    axes.axvline(0, color=GREY, linewidth=1)
    labels = [f"{key_name(share.path)}\n{value_name(share.path, share.value)}" for share in order]
    axes.set_yticks(range(len(order)), labels)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
