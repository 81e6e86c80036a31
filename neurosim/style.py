"""The look of the figures: colour-blind-safe, light, one size of text, the same bytes every time."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY, DARK = "#9A9A9A", "#333333"
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1.2, 1.5)), (0, (5, 1.5, 1.2, 1.5)))
WIDTH = 7.6
PIXELS_PER_INCH = 160
WIDE = 20
"""Ratio of largest to smallest value from which an axis is logarithmic."""
MOST_TICKS = 8
LINE_LETTERS = 96
_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": DARK,
    "axes.labelcolor": DARK,
    "axes.titlelocation": "left",
    "xtick.color": DARK,
    "ytick.color": DARK,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "neurosim",
    "svg.fonttype": "path",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw what is in the block in the look of the report, whatever the user's own settings are."""
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        with rc_context(_RC):
            yield


def blank(rows: int = 1, columns: int = 1, *, height: float, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of full width and `height` [inch], and its axes as an array (rows, columns)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def stacked(titles: Sequence[str], *, height: float) -> tuple[Figure, list[Any]]:
    """Return a figure of `height` [inch] and its parts, one above the other, each under its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    parts = list(figure.subfigures(len(titles), 1, squeeze=False).flat)
    for part, title in zip(parts, titles, strict=True):
        part.suptitle(folded(title), x=0.01, ha="left", fontsize=10, color=DARK)
    return figure, parts


def folded(text: str, columns: int = 1) -> str:
    """Return `text` in lines short enough for one of `columns` panels side by side."""
    return "\n".join(wrap(text, LINE_LETTERS // columns))


def colours(count: int, *, ordered: bool = False) -> list[Any]:
    """Return `count` colours: of the palette, or along a dark-to-light scale where they are `ordered` or many."""
    if count <= len(OKABE_ITO) and not ordered:
        return list(OKABE_ITO[:count])
    from matplotlib import colormaps

    return [colormaps["cividis"](0.85 * k / max(count - 1, 1)) for k in range(count)]


def save(figure: Figure, path: Path) -> str:
    """Write the figure to the PNG file `path` and return it as an inline SVG element."""
    figure.savefig(path, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    file = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    text = file.getvalue()
    return re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def scale_x(axes: Axes, values: Sequence[float]) -> None:
    """Set the horizontal axis for `values`: logarithmic where they span decades, ticks at the values if few."""
    ticks = sorted(set(values))
    sizes = [tick for tick in ticks if tick > 0]
    if ticks[0] >= 0 and len(sizes) > 1 and sizes[-1] >= WIDE * sizes[0]:
        if ticks[0] > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=sizes[0], linscale=0.5)
    if len(ticks) <= MOST_TICKS:
        labels = [f"{float(f'{tick:.3g}'):g}" for tick in ticks]  # three digits, but 1000 and not 1e+03
        axes.set_xticks(ticks, labels if len(set(labels)) == len(ticks) else [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    along = axes.xaxis.get_transform()
    first, last = along.transform([ticks[0], ticks[-1]])
    margin = 0.06 * (last - first)
    axes.set_xlim(*along.inverted().transform([first - margin, last + margin]))


def prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit with the prefix in which `largest` [unit] reads as a number from 1 to 999."""
    steps = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
    if not (math.isfinite(largest) and largest > 0):
        return 1.0, unit
    power = min(max(3 * math.floor(math.log10(largest) / 3), -15), 9)
    return 10.0**-power, f"{steps[power]}{unit}"
