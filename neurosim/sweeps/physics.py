"""Figures of single runs: conductances before and after training, and one settling under its teaching signal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.style import DARK, GREY, OKABE_ITO, blank, folded, prefixed, stacked
from neurosim.sweeps.dots import ACCURACY_LABEL
from neurosim.sweeps.panels import GUESSING
from neurosim.sweeps.point import RunSpec
from neurosim.sweeps.rows import ACCURACY
from neurosim.traces import Trace
from neurosim.traces.history import WeightHistory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ARRAYS = 3
MOST_HIDDEN = 8
BINS = 48
FILLED = 0.5


def conductances(chosen: Sequence[tuple[str, RunSpec, Trace]]) -> Figure | None:
    """Return histograms of the conductances of runs (title, spec, trace), before and after: a row per run."""
    arrays = [name for name in chosen[0][2].synapses if not name.startswith("b")][:MOST_ARRAYS] if chosen else []
    if not arrays:
        return None
    ends = {(k, name): _ends(trace, name) for k, (_, _, trace) in enumerate(chosen) for name in arrays}
    limits = [(spec.document["device"]["g_min"], spec.document["device"]["g_max"]) for _, spec, _ in chosen]
    factor, unit = prefixed(max(high for _, high in limits), "S")
    figure, parts = stacked([title for title, _, _ in chosen], height=1.0 + 2.2 * len(chosen))
    for k, part in enumerate(parts):
        row = part.subplots(1, len(arrays), squeeze=False)[0]
        for axes, name in zip(row, arrays, strict=True):
            span = _span([ends[j, name] for j in range(len(parts))], limits)
            _histogram(axes, *ends[k, name], factor, span)
            for limit in limits[k]:
                axes.axvline(factor * limit, color=GREY, linewidth=1, linestyle=(0, (1, 2)))
            axes.set(xlabel=f"conductance of weights {name} ({unit})", xlim=(factor * span[0], factor * span[1]))
        row[0].set_ylabel("devices (%)")
    handles, labels = row[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure


def _ends(trace: Trace, name: str) -> tuple[WeightHistory, WeightHistory]:
    """Return the first and the last record of an array."""
    last = trace.records(f"weights/{name}") - 1
    return trace.weights(name, slice(0, 1)), trace.weights(name, slice(last, last + 1))


def _histogram(axes: Axes, first: WeightHistory, last: WeightHistory, factor: float, span: tuple[float, float]) -> None:
    edges = factor * np.linspace(*span, BINS + 1)

    def share(values: np.ndarray) -> np.ndarray:
        return np.asarray(100 * np.histogram(factor * values.ravel(), edges)[0] / values.size)

    before = share(np.concatenate([first.g_plus.ravel(), first.g_minus.ravel()]))
    axes.stairs(before, edges, fill=True, color="#D0D0D0", label="before training, G+ and G−")
    axes.stairs(share(last.g_plus), edges, color=OKABE_ITO[0], linewidth=1.4, label="after, G+")
    axes.stairs(share(last.g_minus), edges, color=OKABE_ITO[1], linewidth=1.4, label="after, G−")
    axes.set_ylim(bottom=0)


def _span(
    ends: Sequence[tuple[WeightHistory, WeightHistory]], limits: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return what to show [S]: where the conductances are, and the whole range where they fill much of it."""
    parts = [part for pair in ends for history in pair for part in (history.g_plus, history.g_minus)]
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    bottom, top = min(low for low, _ in limits), max(high for _, high in limits)
    if high - low > FILLED * (top - bottom):
        low, high = min(low, bottom), max(high, top)
    margin = max(0.05 * (high - low), 0.005 * (top - bottom))
    return low - margin, high + margin


def learning(chosen: Sequence[tuple[str, Sequence[Trace]]], guessing: float | None) -> Figure | None:
    """Return test accuracy over the epochs of the seeds of some points (title, traces)."""
    figure, grid = blank(height=3.4)
    axes, drawn = grid[0, 0], 0
    for hue, (title, traces) in zip(OKABE_ITO, chosen, strict=False):
        for trace in traces:
            metrics = trace.metrics()
            if len(metrics.get("epoch", ())) > 1 and ACCURACY in metrics:
                entry = folded(title) if trace is traces[0] else None
                axes.plot(metrics["epoch"], 100 * metrics[ACCURACY], color=hue, marker="o", markersize=3, label=entry)
                drawn += 1
    if not drawn:
        return None
    if guessing is not None:
        axes.axhline(100 * guessing, color=GREY, linewidth=1, linestyle=GUESSING, label="guessing")
    axes.set(xlabel="epoch", ylabel=ACCURACY_LABEL, ylim=(0, 103))
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper left")
    return figure


def settlings(chosen: Sequence[tuple[str, Trace]]) -> Figure | None:
    """Return node voltages over time with beta(t) beneath, a column per run (title, trace), first sample of each."""
    columns = [(title, trace) for title, trace in chosen if trace.layers and trace.records("teaching")]
    if not columns:
        return None
    figure, grid = blank(2, len(columns), height=4.6, sharex="col", sharey="row", height_ratios=(3, 1.2))
    for (title, trace), voltages, betas in zip(columns, grid[0], grid[1], strict=True):
        voltages.set_title(title)
        unit = _voltages(voltages, trace)
        _teaching(betas, trace)
        betas.set_xlabel(f"time ({unit})")
    grid[0, 0].set_ylabel("node voltage (mV)")
    grid[1, 0].set_ylabel("β")
    entries: Mapping[str, Any] = {
        text: handle for axes in grid.flat for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(entries.values(), entries.keys(), loc="outside upper left", ncols=5)
    return figure


def _voltages(axes: Axes, trace: Trace) -> str:
    *hidden, output = _from_input(trace.layers)
    last = trace.states(output)
    factor, unit = prefixed(float(last.time[-1]), "s")
    for layer in hidden:
        states = trace.states(layer)
        axes.plot(factor * states.time, 1e3 * states.u[:, 0, :MOST_HIDDEN].real, color="#BDBDBD", linewidth=0.8)
    if hidden:
        axes.plot([], [], color="#BDBDBD", linewidth=0.8, label="hidden nodes (some)")
    u = 1e3 * last.u[:, 0].real
    winner = int(np.argmax(u[-1]))
    axes.plot(factor * last.time, np.delete(u, winner, axis=1), color=OKABE_ITO[0], linewidth=1)
    axes.plot([], [], color=OKABE_ITO[0], linewidth=1, label="output nodes")
    axes.plot(factor * last.time, u[:, winner], color=OKABE_ITO[1], linewidth=1.8, label="the largest output")
    return unit


def _teaching(axes: Axes, trace: Trace) -> None:
    teaching = trace.teaching()
    factor, _ = prefixed(float(teaching.time[-1]), "s")
    axes.plot(factor * teaching.time, teaching.beta.real, color=DARK, linewidth=1.4, label="β")
    if np.any(teaching.beta.imag):
        axes.plot(
            factor * teaching.time, teaching.beta.imag, color=OKABE_ITO[3], linewidth=1.4,
            linestyle=(0, (4, 2)), label="imaginary part of β",
        )  # fmt: skip
    largest = max(float(np.max(np.abs(teaching.beta))), 1e-12)
    axes.set_ylim(-1.25 * largest, 1.25 * largest)


def _from_input(layers: Sequence[str]) -> list[str]:
    """Return the layers from the input on: h1, h2, ..., out."""
    return sorted(layers, key=lambda name: int(name[1:]) if name[1:].isdigit() else math.inf)
