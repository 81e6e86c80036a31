"""Which layers exist, which synapse arrays join them, and in which order they can be updated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import networkx as nx

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurosim.networks.activations.base import Activation
    from neurosim.networks.convolution import ConvSpec, Shape

INPUT = "input"
BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Layer:
    """A group of neurons. A clamped layer is held at given values (the input; the constant 1 of the biases).

    A layer of maps has a `shape` (channels, height, width), flattened channel-major; its biases are one per channel.
    An `activation` of its own takes the place of the network's. Into an `inverted` layer every current flows with the
    opposite sign: where its neurons would lower a scalar function they raise it (a saddle, such as that of errors).
    """

    name: str
    size: int
    clamped: bool = False
    shape: Shape | None = None
    activation: Activation | None = None
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Synapse:
    """One crossbar array from layer `pre` (rows) to layer `post` (columns).

    A `reciprocal` array is read both ways: rows to columns gives ``a_pre W``, columns to rows ``a_post W^T``.

    With a `kernel` the array is moved over the maps of its layer, and the layers are joined by a pooled convolution.
    A feedback kernel (`pre` is then the layer ahead) has the shape of the array named `forward`, is read from its
    columns, and shares its pooling.
    """

    name: str
    pre: str
    post: str
    reciprocal: bool = False
    kernel: ConvSpec | None = None
    forward: str | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """A fixed one-to-one coupling of two free layers of equal size, the same both ways: no array, nothing to learn."""

    pre: str
    post: str
    gain: float = 1.0


@dataclass(frozen=True)
class Topology:
    """Layers and synapses of one network.

    Attributes
    ----------
    layers
        All layers; the free ones, in this order, are the columns of a state array ``(batch, nodes)``.
    synapses
        Arrays between them. Arrays into a layer that is not listed in `layers` are readouts (see `readout`).
    output
        Name of the free layer on which the cost acts.
    readout
        Names of the arrays that form the logits ``a_output W + b`` outside the dynamics; empty without a readout.
    wires
        Fixed one-to-one couplings beside the arrays.
    """

    layers: tuple[Layer, ...]
    synapses: tuple[Synapse, ...]
    output: str
    readout: tuple[Synapse, ...] = ()
    classes: int = 0
    wires: tuple[Wire, ...] = ()

    def __post_init__(self) -> None:
        known = {layer.name for layer in self.layers}
        for synapse in self.synapses:
            if not {synapse.pre, synapse.post} <= known:
                raise ConfigError(f"synapse {synapse.name}: joins {synapse.pre} to {synapse.post}; known: {known}")
            if self.by_name[synapse.post].clamped:
                raise ConfigError(f"synapse {synapse.name}: ends on the clamped layer {synapse.post}")
            if synapse.kernel is not None:
                self._check_kernel(synapse, synapse.kernel)
        for wire in self.wires:
            self._check_wire(wire)

    def _check_wire(self, wire: Wire) -> None:
        free = {layer.name: layer.size for layer in self.free}
        if wire.pre not in free or wire.post not in free or free[wire.pre] != free[wire.post]:
            raise ConfigError(
                f"wire {wire.pre} - {wire.post}: joins two free layers of equal size; free layers: {free}"
            )

    def _check_kernel(self, synapse: Synapse, kernel: ConvSpec) -> None:
        ends = synapse.pre, synapse.post
        source, end = (self.by_name[name] for name in (ends if synapse.forward is None else reversed(ends)))
        made = None if source.shape is None else kernel.pooled(source.shape)
        if made is None or made != end.shape:
            raise ConfigError(
                f"synapse {synapse.name}: makes maps of {made} from the {source.shape} of {source.name}, which do not "
                f"fit the {end.shape} of {end.name}; expected layers of maps whose shapes follow from each other"
            )

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def free(self) -> tuple[Layer, ...]:
        """The layers whose neurons follow the dynamics."""
        return tuple(layer for layer in self.layers if not layer.clamped)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Columns of each free layer in a state array."""
        table, start = {}, 0
        for layer in self.free:
            table[layer.name] = slice(start, start + layer.size)
            start += layer.size
        return table

    @cached_property
    def activations(self) -> tuple[tuple[slice, Activation], ...]:
        """Columns of the layers with an activation of their own."""
        return tuple((self.slices[x.name], x.activation) for x in self.free if x.activation is not None)

    @cached_property
    def inverted(self) -> tuple[slice, ...]:
        """Columns of the inverted layers."""
        return tuple(self.slices[layer.name] for layer in self.free if layer.inverted)

    @property
    def solver(self) -> str:
        """Solver of linear systems of its coupling: damped where layers are inverted, for then the network rings."""
        return "damped" if self.inverted else "alternating"

    @property
    def nodes(self) -> int:
        """Number of free neurons."""
        return sum(layer.size for layer in self.free)

    @property
    def arrays(self) -> tuple[Synapse, ...]:
        """All crossbar arrays: synapses, then readouts."""
        return self.synapses + self.readout

    def shape(self, synapse: Synapse) -> tuple[int, int]:
        """Return (rows, cols) of an array."""
        if synapse.kernel is not None:
            return synapse.kernel.rows(self.maps(synapse)), synapse.kernel.channels
        post = self.by_name.get(synapse.post)
        if post is not None and synapse.pre == BIAS and post.shape is not None:
            return 1, post.shape[0]
        return self.by_name[synapse.pre].size, post.size if post else self.classes

    def maps(self, synapse: Synapse) -> Shape:
        """Return the shape of the maps over which a kernel is moved."""
        shape = self.by_name[synapse.pre if synapse.forward is None else synapse.post].shape
        if shape is None:
            raise ConfigError(f"synapse {synapse.name}: has no layer of maps to move a kernel over")
        return shape

    @property
    def convolutional(self) -> bool:
        """Whether some arrays are kernels."""
        return any(synapse.kernel is not None for synapse in self.synapses)

    @cached_property
    def graph(self) -> nx.DiGraph:
        """The layers, arrays and wires as a directed graph (a reciprocal array is one edge marked so)."""
        graph = nx.DiGraph()
        for layer in self.layers:
            graph.add_node(layer.name, size=layer.size, clamped=layer.clamped)
        for synapse in self.arrays:
            graph.add_edge(synapse.pre, synapse.post, name=synapse.name, reciprocal=synapse.reciprocal)
        for wire in self.wires:
            graph.add_edge(wire.pre, wire.post, name="1:1", reciprocal=True, wire=True)
        return graph

    @cached_property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """Groups of free layers with no synapse inside a group: a group can be relaxed exactly, all at once.

        A layered network has two (its odd and its even layers). The groups are a colouring of the undirected graph.
        """
        graph = nx.Graph()
        graph.add_nodes_from(layer.name for layer in self.free)
        graph.add_edges_from(
            (s.pre, s.post) for s in self.synapses if not self.by_name[s.pre].clamped and s.pre != s.post
        )
        graph.add_edges_from((wire.pre, wire.post) for wire in self.wires if wire.pre != wire.post)
        colours = nx.greedy_color(graph, strategy="connected_sequential_bfs")
        order = sorted(set(colours.values()), key=lambda c: min(i for i, n in enumerate(graph) if colours[n] == c))
        return tuple(tuple(n for n in graph if colours[n] == c) for c in order)


def layered(sizes: Sequence[int], *, bias: bool = True, tied: bool = True, softmax_readout: bool = False) -> Topology:
    """Return a layered network: input -> h1 -> ... -> out, each neighbour pair joined in both directions.

    Parameters
    ----------
    sizes
        Neurons per layer, the input first; at least two entries, at least three with a readout.
    bias
        Give every free layer a bias array driven by the constant 1.
    tied
        One reciprocal array per pair of free layers; otherwise a second array ``B<l>`` carries the feedback.
    softmax_readout
        The last size is read out as ``a W + b`` outside the dynamics (cross-entropy); the layer before is `output`.

    Notes
    -----
    Arrays are named ``W1``, ``W2``, ... from the input, biases ``b1``, ..., feedback ``B2``, ..., the readout
    ``readout`` with ``b_readout``.
    """
    if len(sizes) < 2 + softmax_readout or any(size < 1 for size in sizes):
        raise ConfigError(
            f"network.layers = {list(sizes)}: needs at least {2 + softmax_readout} layers, each of 1 or more neurons"
        )
    inner = list(sizes[1:-1]) if softmax_readout else list(sizes[1:])
    names = [f"h{i + 1}" for i in range(len(inner))]
    if not softmax_readout:
        names[-1] = "out"
    layers = [Layer(INPUT, sizes[0], clamped=True), Layer(BIAS, 1, clamped=True)]
    layers += [Layer(name, size) for name, size in zip(names, inner, strict=True)]
    synapses = []
    for i, name in enumerate(names):
        pre = names[i - 1] if i else INPUT
        synapses.append(Synapse(f"W{i + 1}", pre, name, reciprocal=tied and i > 0))
        if i and not tied:
            synapses.append(Synapse(f"B{i + 1}", name, pre))
        if bias:
            synapses.append(Synapse(f"b{i + 1}", BIAS, name))
    readout: list[Synapse] = []
    if softmax_readout:
        readout.append(Synapse("readout", names[-1], "logits"))
        if bias:
            readout.append(Synapse("b_readout", BIAS, "logits"))
    return Topology(tuple(layers), tuple(synapses), names[-1], tuple(readout), sizes[-1])
