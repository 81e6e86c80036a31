"""The picture of a network that ``neurosim run --draw`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from neurosim.networks.topology import BIAS, INPUT
from neurosim.style import DARK, GREY, OKABE_ITO, WIDTH, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neurosim.networks.topology import Topology

BEND, MARGIN = 0.35, 0.42
"""Of the arcs of a drawn network, and around it, in distances between layers."""


def draw_topology(top: Topology, title: str) -> Figure:
    """Return the layers and arrays of a network as a picture; biases are left out.

    Layers stand in the order in which signals reach them from the input. A line with two heads is an array read both
    ways, a grey one is wires; arrays that pass layers over, or lead back, are bent.
    """
    graph = nx.DiGraph(top.graph)
    graph.remove_nodes_from([BIAS])
    place = _in_order(top, graph)
    steps = [place[post] - place[pre] for pre, post in graph.edges]
    up, down = (max([0.5 * BEND * abs(s) for s in steps if (s > 1 if side else s < 0)], default=0.0) for side in (1, 0))
    up, down = max(up, 0.3 if 0 in steps else 0.0) + MARGIN, down + MARGIN
    width = len(place) + 0.4
    figure, axes = blank(height=WIDTH * (up + down) / width)
    plot = axes[0, 0]
    for pre, post, edge in graph.edges(data=True):
        look = "wire" if edge.get("wire") else "both" if edge["reciprocal"] else "one"
        _draw_array(plot, place[pre], place[post], edge["name"], look)
    for name, x in place.items():
        layer = top.by_name.get(name)
        size = top.classes if layer is None else layer.size
        shape = None if layer is None else layer.shape
        what = " x ".join(map(str, shape)) if shape else f"{size}"
        fill = "#E8E8E8" if name == INPUT else "#FFF1D6" if name == top.output else "white"
        box = {"boxstyle": "round,pad=0.5", "facecolor": fill, "edgecolor": DARK}
        plot.text(x, 0, f"{name}\n{what}", ha="center", va="center", fontsize=9, bbox=box, zorder=3)
    plot.set_title(title, loc="left")
    plot.set_xlim(-0.7, width - 0.7)
    plot.set_ylim(-down, up)
    plot.set_aspect("equal")  # so that the height of an arc is known
    plot.axis("off")
    return figure


def _in_order(top: Topology, graph: Any) -> dict[str, int]:
    """Return the place of each layer: breadth first from the input, one after the other."""
    both = nx.DiGraph(graph)
    both.add_edges_from((post, pre) for pre, post, edge in graph.edges(data=True) if edge["reciprocal"])
    order = [INPUT, *(post for _, post in nx.bfs_edges(both, INPUT))]
    order += [name for name in graph if name not in order]
    if not top.readout:
        order.append(order.pop(order.index(top.output)))
    return {name: k for k, name in enumerate(order)}


def _draw_array(plot: Any, start: int, end: int, name: str, look: str) -> None:
    colour = {"wire": GREY, "both": OKABE_ITO[0], "one": OKABE_ITO[1]}[look]
    arrow = "-|>" if look == "one" else "<|-|>"
    style = {"arrowstyle": arrow, "color": colour, "linewidth": 1.6, "shrinkA": 26, "shrinkB": 26}
    if start == end:
        ends = {"xy": (end + 0.08, 0.12), "xytext": (start - 0.08, 0.12)}
        plot.annotate("", **ends, arrowprops={**style, "shrinkA": 6, "shrinkB": 6, "connectionstyle": "arc3,rad=-1.6"})
        plot.text(start, 0.3, name, ha="center", fontsize=8.5, color=colour)
        return
    step = end - start
    bend = 0.0 if step == 1 else -BEND
    plot.annotate(
        "", xy=(end, 0), xytext=(start, 0), arrowprops={**style, "connectionstyle": f"arc3,rad={bend}"}, zorder=1
    )
    apex = 0.06 - 0.5 * bend * step if step > 0 else 0.5 * BEND * step - 0.14
    plot.text((start + end) / 2, apex, name, ha="center", fontsize=8.5, color=colour)
