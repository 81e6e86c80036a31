"""Topologies beyond the layered one: from any networkx graph, with skip connections, in a loop, fully recurrent.

A new architecture is a topology: the same dynamics, estimators, references and arrays serve it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import networkx as nx

from neurosim.errors import ConfigError, choose
from neurosim.networks.topology import BIAS, INPUT, Layer, Synapse, Topology, layered


def from_graph(graph: nx.DiGraph, *, output: str, bias: bool = True) -> Topology:
    """Return the topology of a directed graph: nodes are layers, edges are arrays.

    Parameters
    ----------
    graph
        Nodes with ``size`` (neurons, >= 1) and optionally ``clamped``; the node ``input`` is clamped and must exist.
        Edges with optionally ``reciprocal`` (one array read both ways) and ``name`` (default ``W_<pre>_<post>``). A
        self-loop couples a layer to itself; reciprocal, its coupling is ``W + W^T``.
    output
        The free layer on which the cost acts.
    bias
        Give every free layer a bias array ``b_<layer>``.

    Raises
    ------
    ConfigError
        No input, an unknown output, a layer without size or without any path from the input, a reciprocal array to a
        clamped layer, or a name that is used twice or starts with ``b`` (which biases do).
    """
    if INPUT not in graph:
        raise ConfigError(f"graph: has no node {INPUT!r}; its nodes: {', '.join(map(str, graph))}")
    layers = [_layer(graph, node) for node in graph]
    free = {layer.name: layer for layer in layers if not layer.clamped}
    choose(free, output, "graph: output")
    reached = nx.descendants(_signals(graph), INPUT)
    if lost := [name for name in free if name not in reached]:
        raise ConfigError(f"graph: layer {lost[0]!r} gets no signal from {INPUT!r}; add an edge on the way to it")
    synapses = [_synapse(graph, pre, post) for pre, post in graph.edges]
    if bias:
        layers.append(Layer(BIAS, 1, clamped=True))
        synapses += [Synapse(f"b_{name}", BIAS, name) for name in free]
    names = [synapse.name for synapse in synapses]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"graph: two arrays are called {twice[0]!r}; give each edge a name of its own")
    return Topology(tuple(layers), tuple(synapses), output, classes=free[output].size)


def with_skips(top: Topology, skips: Sequence[tuple[str, str]]) -> Topology:
    """Return `top` with further arrays ``S_<pre>_<post>`` that pass layers over; reciprocal where `top` is.

    Raises
    ------
    ConfigError
        A layer that does not exist, a skip that ends on a clamped layer, or one that is there already.
    """
    tied = any(s.reciprocal for s in top.synapses)
    joined = {frozenset((s.pre, s.post)) for s in top.synapses}
    added = []
    for pre, post in skips:
        where = f"skip {pre} -> {post}"
        choose(top.by_name, pre, f"{where}: layer")
        choose({layer.name: layer for layer in top.free}, post, f"{where}: free layer")
        if frozenset((pre, post)) in joined:
            raise ConfigError(f"{where}: the two layers are joined already")
        joined.add(frozenset((pre, post)))
        added.append(Synapse(f"S_{pre}_{post}", pre, post, reciprocal=tied and not top.by_name[pre].clamped))
    return replace(top, synapses=(*top.synapses, *added))


def recurrent(sizes: Sequence[int], *, bias: bool = True, softmax_readout: bool = False) -> Topology:
    """Return a layered network whose free layers are also coupled to themselves, by reciprocal arrays ``R_<layer>``.

    With one hidden layer and the output this is a fully recurrent Hopfield network: every neuron is coupled to every
    other. The coupling of a layer to itself is ``R + R^T``, self-connections included.
    """
    top = layered(sizes, bias=bias, softmax_readout=softmax_readout)
    own = [Synapse(f"R_{layer.name}", layer.name, layer.name, reciprocal=True) for layer in top.free]
    return replace(top, synapses=(*top.synapses, *own))


def loop(sizes: Sequence[int], *, bias: bool = True, softmax_readout: bool = False) -> Topology:
    """Return a feed-forward chain whose last layer feeds the first: in -> h1 -> ... -> out -> h1, nothing reciprocal.

    The feedback array is ``B_<last>_h1``. With at least two free layers.

    References
    ----------
    Laborieux and Zenke 2024, "Improving equilibrium propagation without weight symmetry through Jacobian homeostasis",
    arXiv:2309.02214, section 4.2: an architecture without any reciprocity between layers.
    """
    top = layered(sizes, bias=bias, tied=False, softmax_readout=softmax_readout)
    if len(top.free) < 2:
        raise ConfigError(f"network.layers = {list(sizes)}: a loop needs at least two free layers")
    first, last = top.free[0].name, top.free[-1].name
    chain = tuple(s for s in top.synapses if not s.name.startswith("B"))
    return replace(top, synapses=(*chain, Synapse(f"B_{last}_{first}", last, first)))


def _layer(graph: nx.DiGraph, node: str) -> Layer:
    data = graph.nodes[node]
    size = data.get("size")
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f"graph: node {node!r} has size = {size!r}; expected an integer >= 1")
    if not (isinstance(node, str) and node.isidentifier()):
        raise ConfigError(f"graph: node {node!r}: a layer's name is a word of letters, digits and _")
    return Layer(node, size, clamped=bool(data.get("clamped", node == INPUT)))


def _synapse(graph: nx.DiGraph, pre: str, post: str) -> Synapse:
    data = graph.edges[pre, post]
    name, reciprocal = data.get("name", f"W_{pre}_{post}"), bool(data.get("reciprocal", False))
    if reciprocal and graph.nodes[pre].get("clamped", pre == INPUT):
        raise ConfigError(f"graph: edge {pre} -> {post}: a clamped layer gets nothing back; leave reciprocal out")
    if not str(name).isidentifier() or str(name).startswith("b"):
        raise ConfigError(
            f"graph: edge {pre} -> {post}: name {name!r}: a word that does not start with b, as biases do"
        )
    return Synapse(str(name), pre, post, reciprocal)


def _signals(graph: nx.DiGraph) -> nx.DiGraph:
    """Return the graph of where signals go: reciprocal arrays carry them both ways."""
    found = nx.DiGraph(graph)
    found.add_edges_from((post, pre) for pre, post, both in graph.edges(data="reciprocal") if both)
    return found
