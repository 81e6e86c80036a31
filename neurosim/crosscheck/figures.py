"""Overlay plots: both sides in one picture, and below it what is between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.style import DARK, GREY, MARKERS, OKABE_ITO, blank, colours, prefixed, scale_x

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neurosim.crosscheck.deviation import Comparison
    from neurosim.crosscheck.gradients import GradientRow

MOST_LINES = 8
MOST_POINTS = 24
MOST_DOTS = 400


def draw_waveform(comparison: Comparison, engine: str) -> Figure:
    """Return a transient as lines (ours) under points (the engine's), and the deviation on a logarithmic axis."""
    if comparison.times is None:
        raise ValueError(f"{comparison.quantity}: not a waveform")
    figure, axes = blank(2, 1, height=5.2, sharex=True, gridspec_kw={"height_ratios": [2, 1]})
    above, below = axes[:, 0]
    times, unit_t = _scaled(comparison.times, "s")
    volts, unit_v = prefixed(float(abs(comparison.ours).max()), "V")
    count = comparison.ours.shape[1]
    shown = np.unique(np.linspace(0, count - 1, min(count, MOST_LINES)).astype(int))
    # evenly spaced in time, not in the simulator's steps
    points = np.unique(np.searchsorted(times, np.linspace(times[0], times[-1], MOST_POINTS)).clip(0, len(times) - 1))
    for colour, node in zip(colours(len(shown)), shown, strict=True):
        above.plot(times, volts * comparison.ours[:, node], color=colour, label=comparison.labels[node])
        above.plot(times[points], volts * comparison.spice[points, node], "o", color=colour, markerfacecolor="white")
    above.plot([], [], "-", color=GREY, label="neurosim")
    above.plot([], [], "o", color=GREY, markerfacecolor="white", label=engine)
    above.set_ylabel(f"node voltage [{unit_v}]")
    above.set_title(comparison.quantity)
    above.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    deviation = abs(comparison.ours - comparison.spice).max(axis=1)
    below.semilogy(times, np.maximum(deviation, 1e-17), color=DARK, linewidth=1.0, label="largest of all nodes")
    below.axhline(comparison.tolerance, color=OKABE_ITO[1], linestyle="--", label="tolerance")
    below.set_ylabel("deviation [V]")
    below.set_xlabel(f"time [{unit_t}]")
    below.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def draw_slopes(rows: Sequence[GradientRow], engine: str) -> Figure:
    """Return the error of EP's gradient towards its limit over beta: lines ours, points the engine's."""
    figure, axes = blank(height=3.6)
    plot = axes[0, 0]
    methods = list(dict.fromkeys(row.method for row in rows if row.beta is not None))
    for method, colour, marker in zip(methods, OKABE_ITO, MARKERS, strict=False):
        for source, style in (("ours", {"linestyle": "-"}), (engine, {"linestyle": "", "marker": marker})):
            chosen = [row for row in rows if row.method == method and row.source == source]
            label = f"{method}, states by {'neurosim' if source == 'ours' else engine}"
            x, y = [row.beta for row in chosen], [row.limit_error for row in chosen]
            plot.loglog(x, y, color=colour, markerfacecolor="white", label=label, **style)
    scale_x(plot, [row.beta for row in rows if row.beta is not None])
    plot.set_xlabel("nudge beta")
    plot.set_ylabel("relative error of the gradient")
    plot.set_title("EP's gradient approaches the small-signal response of the circuit")
    plot.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def draw_lock_in(comparisons: Sequence[Comparison], linear: Sequence[np.ndarray], engine: str) -> Figure:
    """Return the complex responses of all nodes: ours, the engine's transient, and its small-signal answer."""
    figure, axes = blank(1, len(comparisons), height=3.8)
    for k, (comparison, response, plot) in enumerate(zip(comparisons, linear, axes[0], strict=True)):
        plot.axhline(0, color=GREY, linewidth=0.8)
        plot.axvline(0, color=GREY, linewidth=0.8)
        sides: tuple[tuple[np.ndarray, str, dict[str, Any]], ...] = (
            (
                comparison.ours,
                "neurosim, lock-in",
                {"marker": "o", "s": 90, "facecolor": "none", "edgecolor": OKABE_ITO[0]},
            ),
            (comparison.spice, f"{engine}, lock-in", {"marker": "x", "s": 46, "color": OKABE_ITO[1]}),
            (response, f"{engine}, .ac", {"marker": "+", "s": 30, "color": DARK}),
        )
        for values, label, style in sides:
            plot.scatter(values.real, values.imag, label=label if k == 0 else None, **style)
        plot.set_title(comparison.quantity.rpartition(", ")[2])
        plot.locator_params(nbins=5)
        plot.set_xlabel("in phase, du/dbeta [v_ref]")
        if k == 0:
            plot.set_ylabel("in quadrature [v_ref]")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def draw_deviations(comparisons: Sequence[Comparison], engine: str) -> Figure:
    """Return the deviation of every entry of every quantity over its tolerance: left of 1 is good."""
    shown = [c for c in comparisons if c.ours.size > 1 or c.unit != "1"]
    figure, axes = blank(height=0.9 + 0.27 * len(shown))
    plot = axes[0, 0]
    for k, comparison in enumerate(shown):
        values = abs(comparison.ours - comparison.spice).ravel() / comparison.tolerance
        if comparison.relative:
            values = values / abs(comparison.ours).max()
        values = np.sort(values)[:: max(1, values.size // MOST_DOTS)]
        plot.semilogx(
            np.maximum(values, 1e-12), np.full(values.size, k), "o", color=OKABE_ITO[0], markersize=4, alpha=0.4
        )
    plot.axvline(1.0, color=OKABE_ITO[1], linestyle="--")
    plot.set_yticks(range(len(shown)), [comparison.quantity for comparison in shown])
    plot.invert_yaxis()
    plot.set_xlabel("deviation / tolerance")
    plot.set_title(f"neurosim against {engine}: every entry of every quantity")
    return figure


def _scaled(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    factor, text = prefixed(float(abs(values).max()), unit)
    return values * factor, text
