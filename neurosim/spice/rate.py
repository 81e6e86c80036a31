"""A rate network as a circuit: RC neurons, behavioural activations, arrays of conductance pairs, a nudge.

    c_node dV/dt = -g_ref V + sum_j (G+_ij - G-_ij) v_ref a_j + g_ref v_ref beta (y - a) ,   V = v_ref u

which is equation (1) of the rate network times ``g_ref v_ref``. An array that ends in an inverted layer has its planes
exchanged there; a wire is a controlled current ``gain g_ref v_ref a``. Node ``<layer>_u_<k>`` is the neuron's membrane
and ``<layer>_a_<k>`` its activity, the names of the trace; ``beta`` is a node whose voltage is the nudge [1 V = 1].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.crossbar.wires import Wires
from neurosim.errors import ConfigError, ShapeError
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import BIAS, INPUT, Synapse, Topology
from neurosim.spice.array import Conductances, read, read_back
from neurosim.spice.elements import (
    GROUND,
    Element,
    behavioural_current,
    behavioural_voltage,
    capacitor,
    conductance,
    total,
    voltage,
)
from neurosim.spice.netlist import Circuit, Section
from neurosim.spice.teaching import BetaSource
from neurosim.units import Scale

BETA = "beta"
LOGITS = "logits"


def node(layer: str, kind: str, index: int) -> str:
    """Return the node of neuron `index` of `layer`: `kind` is ``u``, the membrane, or ``a``, the activity."""
    return f"{layer}_{kind}_{index}"


def node_names(topology: Topology, kind: str) -> tuple[str, ...]:
    """Return the nodes of all free neurons, in the order of a state array."""
    return tuple(node(layer.name, kind, k) for layer in topology.free for k in range(layer.size))


def array_label(topology: Topology, synapse: Synapse) -> str:
    """Return the name of an array in a netlist: its own, or with its `pre` where another differs only in case."""
    alike = sum(other.name.lower() == synapse.name.lower() for other in topology.arrays)
    return synapse.name if alike == 1 else f"{synapse.name}_{synapse.pre}"


@dataclass(frozen=True, slots=True, eq=False)
class RateCircuit:
    """One sample on one network, ready to be written out.

    Attributes
    ----------
    network, arrays, scale
        The network, the conductances of each of its arrays, and its units.
    x, y
        Input (n_in,) and target (n_classes,), dimensionless.
    wires
        Line resistances of all arrays, or None.
    title
        First line of the netlist.
    """

    network: RateNetwork
    arrays: Mapping[str, Conductances]
    scale: Scale
    x: np.ndarray
    y: np.ndarray
    wires: Wires | None = None
    title: str = "rate network"

    def __post_init__(self) -> None:
        top = self.network.topology
        if top.convolutional:
            raise ConfigError("rate network as a circuit: no netlist is written for kernels; use dense layers only")
        if self.network.neurons is not None and not self.network.neurons.plain:
            raise ConfigError(
                "rate network as a circuit: no netlist is written for amplifiers of finite gain or with saturation; "
                "leave [network.amplifier] out"
            )
        for synapse in top.arrays:
            found, expected = self.arrays[synapse.name].g_plus.shape, top.shape(synapse)
            if found != expected:
                raise ShapeError(f"conductances of {synapse.name}: {found}; expected {expected}")
        inputs = top.by_name[INPUT].size
        classes = top.classes if top.readout else top.by_name[top.output].size
        if self.x.shape != (inputs,) or self.y.shape != (classes,):
            raise ShapeError(f"x {self.x.shape}, y {self.y.shape}; expected ({inputs},), ({classes},)")

    def circuit(self, beta: BetaSource, start: np.ndarray | None = None) -> Circuit:
        """Return the circuit under the nudge `beta`; `start` (nodes,) is u at the start of a transient, 0 if None."""
        return Circuit(self.title, tuple(self._sections(beta, start)))

    def _sections(self, beta: BetaSource, start: np.ndarray | None) -> Iterator[Section]:
        top = self.network.topology
        yield Section("nudge: 1 V is beta = 1", (beta.element(BETA),))
        for layer in top.layers:
            if layer.clamped:
                values = self.x if layer.name == INPUT else np.ones(1)
                yield Section(f"clamped layer {layer.name}", tuple(self._clamped(layer.name, values)))
            else:
                yield Section(f"layer {layer.name}: {layer.size} neurons", ())
                yield from self._layer(layer.name, start)
        for synapse in top.synapses:
            yield Section(self._caption(synapse), tuple(self._synapse(synapse)))
        for wire in top.wires:
            caption = f"wires {wire.pre} - {wire.post}, one to one"
            ways = ((wire.pre, wire.post), (wire.post, wire.pre))
            yield Section(caption, tuple(e for pre, post in ways for e in self._wires(pre, post, wire.gain)))
        teacher = self._softmax_teacher() if top.readout else self._squared_teacher()
        yield Section(f"teacher of layer {top.output}", tuple(teacher))

    def _clamped(self, layer: str, values: np.ndarray) -> Iterator[Element]:
        for k, value in enumerate(values):
            yield voltage(f"{layer}_{k}", node(layer, "a", k), GROUND, self.scale.v_ref * float(value))

    def _layer(self, layer: str, start: np.ndarray | None) -> Iterator[Section]:
        top, scale = self.network.topology, self.scale
        columns = range(*top.slices[layer].indices(top.nodes))
        activation = top.by_name[layer].activation or self.network.activation
        rates = np.broadcast_to(np.asarray(self.network.rate, dtype=float), (top.nodes,))
        for k, column in enumerate(columns):
            membrane = node(layer, "u", k)
            begin = 0.0 if start is None else scale.v_ref * float(start[column])
            sigma = activation.formula(self._argument(membrane, column))
            elements = (
                capacitor(f"{layer}_{k}", membrane, GROUND, scale.c_node / float(rates[column]), begin),
                conductance(f"{layer}_{k}", membrane, GROUND, scale.g_ref),
                behavioural_voltage(f"{layer}_{k}", node(layer, "a", k), GROUND, f"{scale.v_ref:.17g}*{sigma}"),
            )
            yield Section(f"neuron {k} of {layer}", elements)

    def _argument(self, membrane: str, column: int) -> str:
        """Return what sigma is applied to: the voltage, with gain and threshold where neurons differ."""
        voltage, neurons = f"(v({membrane})/{self.scale.v_ref:.17g})", self.network.neurons
        if neurons is None:
            return voltage
        nodes = self.network.topology.nodes
        gain, threshold = (np.broadcast_to(each, (nodes,))[column] for each in (neurons.gain, neurons.threshold))
        return f"({gain:.17g}*({voltage}-({threshold:.17g})))"

    def _nodes(self, layer: str, kind: str) -> list[str]:
        return [node(layer, kind, k) for k in range(self.network.topology.by_name[layer].size)]

    def _caption(self, synapse: Synapse) -> str:
        rows, cols = self.network.topology.shape(synapse)
        both = ", read both ways" if synapse.reciprocal else ""
        return f"array {synapse.name}: {synapse.pre} -> {synapse.post}, {rows} x {cols} pairs{both}"

    def _synapse(self, synapse: Synapse) -> Iterator[Element]:
        array, label = self.arrays[synapse.name], array_label(self.network.topology, synapse)
        pre, post = self._nodes(synapse.pre, "a"), self._nodes(synapse.post, "u")
        yield from read(label, self._seen(array, synapse.post), pre, post, self.wires)
        if synapse.reciprocal:
            back, ahead = self._nodes(synapse.post, "a"), self._nodes(synapse.pre, "u")
            yield from read_back(label, self._seen(array, synapse.pre), back, ahead, self.wires)

    def _seen(self, array: Conductances, layer: str) -> Conductances:
        """Return the pairs as neurons of `layer` sum them: the planes exchanged where the layer is inverted."""
        return Conductances(array.g_minus, array.g_plus) if self.network.topology.by_name[layer].inverted else array

    def _wires(self, pre: str, post: str, gain: float) -> Iterator[Element]:
        gain = -gain if self.network.topology.by_name[post].inverted else gain
        ends = zip(self._nodes(pre, "a"), self._nodes(post, "u"), strict=True)
        for k, (start, end) in enumerate(ends):
            current = f"{gain * self.scale.g_ref:.17g}*v({start})"
            yield behavioural_current(f"wire_{pre}_{post}_{k}", GROUND, end, current)

    def _squared_teacher(self) -> Iterator[Element]:
        output, g, v = self.network.topology.output, self.scale.g_ref, self.scale.v_ref
        for k, y in enumerate(self.y):
            error = f"({v * float(y):.17g}-v({node(output, 'a', k)}))"
            yield behavioural_current(f"nudge_{k}", GROUND, node(output, "u", k), f"v({BETA})*{g:.17g}*{error}")

    def _softmax_teacher(self) -> Iterator[Element]:
        """Yield logits read from the readout, their softmax, and its error read back through the same array."""
        top, scale = self.network.topology, self.scale
        logits = [node(LOGITS, "u", k) for k in range(top.classes)]
        errors = [f"error_{k}" for k in range(top.classes)]
        for k, logit in enumerate(logits):
            yield conductance(f"{LOGITS}_{k}", logit, GROUND, scale.g_ref)
            weights = total([f"exp((v({other})-v({logit}))/{scale.v_ref:.17g})" for other in logits])
            value = f"{scale.v_ref:.17g}*({float(self.y[k]):.17g}-1/({weights}))"
            yield behavioural_voltage(f"error_{k}", errors[k], GROUND, value)
        for synapse in top.readout:
            array = self.arrays[synapse.name]
            yield from read(synapse.name, array, self._nodes(synapse.pre, "a"), logits, self.wires)
            if synapse.pre != BIAS:
                forces = [f"force_{k}" for k in range(top.by_name[synapse.pre].size)]
                yield from read_back(synapse.name, array, errors, forces, self.wires)
                for k, force in enumerate(forces):  # 1 ohm turns the current into a voltage that beta can scale
                    yield conductance(force, force, GROUND, 1.0)
                    yield behavioural_current(f"nudge_{k}", GROUND, node(synapse.pre, "u", k), f"v({BETA})*v({force})")
