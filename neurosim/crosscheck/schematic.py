"""The circuit as a graph, and its picture: neurons or nodes in layers, every pair of devices an edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from neurosim.networks.resistive import ResistiveNetwork
from neurosim.style import DARK, GREY, OKABE_ITO, blank, prefixed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neurosim.crosscheck.array import PassiveArray
    from neurosim.crosscheck.subject import Subject

FILL = {"clamped": "#E8E8E8", "free": "#FFFFFF", "output": "#FFF1D6"}


def schematic(subject: Subject) -> nx.MultiDiGraph:
    """Return the circuit as a graph of its neurons (or nodes).

    Nodes have ``layer``, ``column`` (place from the input) and ``kind`` (clamped, free, output); an edge is one
    crosspoint with ``array``, ``weight`` (G+ - G-, or G) [S] and ``both`` where it carries signals both ways.
    """
    top, graph = subject.topology, nx.MultiDiGraph()
    order = ["input", *(layer.name for layer in top.free)]
    for layer in top.layers:
        kind = "clamped" if layer.clamped else "output" if layer.name == top.output else "free"
        column = order.index(layer.name) if layer.name in order else 0
        for k in range(layer.size):
            graph.add_node(f"{layer.name}_{k}", layer=layer.name, column=column, kind=kind)
    if top.readout:
        for k in range(top.classes):
            graph.add_node(f"logits_{k}", layer="logits", column=len(order), kind="output")
    for synapse in top.arrays:
        plus, minus = subject.arrays[synapse.name]
        weight = plus if minus is None else plus - np.broadcast_to(minus, plus.shape)
        both = synapse.reciprocal or subject.passive
        for i, j in np.ndindex(plus.shape):
            ends = f"{synapse.pre}_{i}", f"{synapse.post}_{j}"
            graph.add_edge(*ends, array=synapse.name, weight=float(weight[i, j]), both=both)
    return graph


def draw_schematic(subject: Subject) -> Figure:
    """Return the picture of `schematic`: width of an edge by the size of its conductance, colour by sign."""
    graph = schematic(subject)
    places = _places(graph)
    tallest = max(abs(y) for _, y in places.values()) * 2 + 1
    figure, axes = blank(height=min(8.0, 1.5 + 0.42 * tallest))
    plot = axes[0, 0]
    largest = max((abs(weight) for *_, weight in graph.edges(data="weight")), default=1.0) or 1.0
    for a, b, edge in graph.edges(data=True):
        _wire(plot, places[a], places[b], edge, largest)
    for name, (x, y) in places.items():
        kind, layer = graph.nodes[name]["kind"], graph.nodes[name]["layer"]
        square = kind == "clamped"
        plot.scatter(
            [x], [y], s=420, marker="s" if square else "o", color=FILL[kind], edgecolor=DARK, linewidth=1.1, zorder=3
        )
        plot.text(x, y, name.rpartition("_")[2], ha="center", va="center", fontsize=8, color=DARK, zorder=4)
        if name.endswith("_0"):
            plot.text(x, y + 0.62, _caption(subject, layer), ha="center", va="bottom", fontsize=8.5, color=DARK)
    _legend(plot, subject, largest)
    plot.set_title(subject.title, pad=18)
    plot.axis("off")
    plot.margins(x=0.12, y=0.16)
    return figure


def _places(graph: nx.MultiDiGraph) -> dict[str, tuple[float, float]]:
    """Return a place for every node: layers from left to right, the bias below the input."""
    columns: dict[int, list[str]] = {}
    for name, column in graph.nodes(data="column"):
        columns.setdefault(column, []).append(name)
    places = {}
    for column, names in columns.items():
        gap = 1.3 if any(graph.nodes[n]["layer"] == "bias" for n in names) else 0.0
        height = len(names) - 1 + gap
        down = 0.0
        for k, name in enumerate(names):
            if gap and k and graph.nodes[name]["layer"] == "bias" and graph.nodes[names[k - 1]]["layer"] != "bias":
                down = gap
            places[name] = (2.6 * column, height / 2 - k - down)
    return places


def _wire(
    plot: Any, start: tuple[float, float], end: tuple[float, float], edge: dict[str, Any], largest: float
) -> None:
    size = abs(edge["weight"]) / largest
    colour = OKABE_ITO[0] if edge["weight"] >= 0 else OKABE_ITO[1]
    back = end[0] < start[0]
    style = {"arrowstyle": "-" if edge["both"] else "-|>", "color": colour, "linewidth": 0.4 + 2.4 * size}
    bend = "arc3,rad=-0.22" if back else "arc3,rad=0.0"
    plot.annotate(
        "",
        xy=end,
        xytext=start,
        zorder=1,
        arrowprops={**style, "alpha": 0.75, "shrinkA": 10, "shrinkB": 10, "connectionstyle": bend, "mutation_scale": 9},
    )


def _caption(subject: Subject, layer: str) -> str:
    net, lines = subject.network, [layer]
    if isinstance(net, ResistiveNetwork):
        if layer in net.stages:
            lines.append(f"gain {net.stages[layer].gain:g}")
        if layer in net.clamps:
            lines.append(f"{len(net.clamps[layer])} diodes")
    elif layer in subject.topology.slices:
        lines.append((subject.topology.by_name[layer].activation or net.activation).name)
    return ", ".join(lines)


def _legend(plot: Any, subject: Subject, largest: float) -> None:
    factor, unit = prefixed(largest, "S")
    pairs = any(minus is not None for _, minus in subject.arrays.values())
    what = "G+ - G-" if pairs else "G"
    plot.plot([], [], color=OKABE_ITO[0], linewidth=2.8, label=f"{what} > 0 (widest: {factor * largest:.3g} {unit})")
    if pairs:
        plot.plot([], [], color=OKABE_ITO[1], linewidth=2.8, label=f"{what} < 0")
    plot.plot([], [], color=GREY, linewidth=1.2, label="line: both ways, arrow: one way")
    plot.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3)


def draw_array(array: PassiveArray) -> Figure:
    """Return the picture of a wired array: its lines, terminals and devices, coloured by conductance."""
    rows, cols = array.g.shape
    figure, axes = blank(height=min(7.0, 1.6 + 0.17 * rows))
    plot = axes[0, 0]
    for i in range(rows):
        plot.plot([-1.2, cols - 1], [-i, -i], color=GREY, linewidth=0.8, zorder=1)
    for j in range(cols):
        plot.plot([j, j], [0, -rows + 0.2], color=GREY, linewidth=0.8, zorder=1)
    x, y = np.meshgrid(np.arange(cols), -np.arange(rows))
    factor, unit = prefixed(float(array.g.max()), "S")
    dots = plot.scatter(x, y, c=np.log10(factor * array.g), s=900 / max(rows, cols), cmap="cividis", zorder=2)
    plot.scatter(np.full(rows, -1.2), -np.arange(rows), marker=">", s=22, color=OKABE_ITO[2], label="drivers", zorder=3)
    plot.scatter(
        np.arange(cols), np.full(cols, -rows + 0.1), marker="v", s=22, color=OKABE_ITO[1], label="sense", zorder=3
    )
    figure.colorbar(dots, ax=plot, label=f"log10 of conductance [{unit}]", shrink=0.8)
    w = array.wires
    plot.set_title(f"{rows} x {cols}; per segment: row {w.r_row:g}, column {w.r_col:g} ohm", loc="left")
    plot.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2)
    plot.set_aspect("equal")
    plot.axis("off")
    return figure
