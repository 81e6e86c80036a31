"""A passive network as a circuit: resistors, diodes, amplifier stages, capacitances, and the nudge currents.

Node ``<layer>_u_<k>`` is node k of a free layer, as in a trace. Behind a stage the arrays are driven from
``<layer>_amp_<k>`` (and ``<layer>_inv_<k>``, the inverting copy that pairs need); the current they draw is sensed by a
source of 0 V and its share taken from the node by a current mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.errors import RangeError, ShapeError
from neurosim.networks.resistive import Conductances, Diode, ResistiveNetwork, Stage
from neurosim.networks.topology import Synapse
from neurosim.spice.array import crosspoints
from neurosim.spice.elements import (
    GROUND,
    Element,
    behavioural_current,
    capacitor,
    conductance,
    diode,
    number,
    scaled_current,
    scaled_voltage,
    voltage,
)
from neurosim.spice.netlist import Circuit, Section
from neurosim.spice.rate import BETA, node
from neurosim.spice.teaching import BetaSource

ZERO_CELSIUS = 273.15


@dataclass(frozen=True, slots=True, eq=False)
class ResistiveCircuit:
    """One sample on one passive network, ready to be written out.

    Attributes
    ----------
    network
        The network; its scale gives volts and siemens.
    conductances
        Of each array, in units of g_ref; 0 is an open device.
    x, y
        Input (n_in,) and target (n_out,), dimensionless.
    title
        First line of the netlist.
    """

    network: ResistiveNetwork
    conductances: Mapping[str, Conductances]
    x: np.ndarray
    y: np.ndarray
    title: str = "resistive network"

    def __post_init__(self) -> None:
        top = self.network.topology
        for synapse in top.synapses:
            pair = self.conductances[synapse.name]
            for g in (pair.plus, pair.minus):
                if g is not None and g.shape != top.shape(synapse):
                    raise ShapeError(f"conductances of {synapse.name}: {g.shape}; expected {top.shape(synapse)}")
            if (pair.minus is None) != (self.network.inputs == "doubled"):
                raise ShapeError(f"conductances of {synapse.name}: G- comes with inputs = 'pairs', and only then")

    def circuit(self, beta: BetaSource, start: np.ndarray | None = None) -> Circuit:
        """Return the circuit under the nudge `beta`; `start` (nodes,) is u at the start of a transient, 0 if None."""
        return Circuit(self.title, tuple(self._sections(beta, start)), tuple(self._models()), self._options())

    def _sections(self, beta: BetaSource, start: np.ndarray | None) -> Iterator[Section]:
        top = self.network.topology
        yield Section("nudge: 1 V is beta = g_ref", (beta.element(BETA),))
        rows = self.network.clamped(self.x[None])
        for layer in top.layers:
            if layer.clamped:
                yield Section(f"clamped layer {layer.name}", tuple(self._clamped(layer.name, rows[layer.name][0])))
            else:
                yield Section(f"layer {layer.name}: {layer.size} nodes", tuple(self._clamp_sources(layer.name)))
                for k in range(layer.size):
                    yield Section(f"node {k} of {layer.name}", tuple(self._node(layer.name, k, start)))
        for synapse in top.synapses:
            rows_, cols = top.shape(synapse)
            caption = f"array {synapse.name}: {synapse.pre} -> {synapse.post}, {rows_} x {cols}"
            yield Section(caption, tuple(self._synapse(synapse)))
        yield Section(f"teacher of layer {top.output}", tuple(self._teacher()))

    def _clamped(self, layer: str, values: np.ndarray) -> Iterator[Element]:
        v_ref, pairs = self.network.scale.v_ref, self.network.inputs == "pairs"
        for k, value in enumerate(values):
            yield voltage(f"{layer}_{k}", node(layer, "u", k), GROUND, v_ref * float(value))
            if pairs:
                yield voltage(f"{layer}_inv_{k}", node(layer, "inv", k), GROUND, -v_ref * float(value))

    def _node(self, layer: str, k: int, start: np.ndarray | None) -> Iterator[Element]:
        net, scale, top = self.network, self.network.scale, self.network.topology
        column = top.slices[layer].start + k
        rate = float(np.broadcast_to(np.asarray(net.rate, dtype=float), (top.nodes,))[column])
        name, leak = node(layer, "u", k), net.leaks.get(layer, 0.0)
        begin = 0.0 if start is None else scale.v_ref * float(start[column])
        yield capacitor(f"{layer}_{k}", name, GROUND, scale.c_node / rate, begin)
        if leak:
            yield conductance(f"{layer}_{k}", name, GROUND, leak * scale.g_ref)
        for m, clamp in enumerate(net.clamps.get(layer, ())):
            ends = (name, f"{layer}_clamp_{m}")
            yield diode(f"{layer}_{m}_{k}", *(ends if clamp.anode == "node" else ends[::-1]), f"d_{layer}_{m}")
        if any(s.pre == layer for s in top.synapses):
            yield from self._stages(layer, k)

    def _clamp_sources(self, layer: str) -> Iterator[Element]:
        for m, clamp in enumerate(self.network.clamps.get(layer, ())):
            yield voltage(f"{layer}_clamp_{m}", f"{layer}_clamp_{m}", GROUND, clamp.bias)

    def _stages(self, layer: str, k: int) -> Iterator[Element]:
        stage, name = self.network.stages.get(layer), node(layer, "u", k)
        if stage is not None:
            yield from _amplifier(f"{layer}_amp_{k}", name, node(layer, "amp", k), stage.gain, stage.back_gain)
        if self.network.inputs == "pairs":
            copy = stage or Stage(1.0)
            yield from _amplifier(f"{layer}_inv_{k}", name, node(layer, "inv", k), -copy.gain, -copy.back_gain)

    def _synapse(self, synapse: Synapse) -> Iterator[Element]:
        top, pair = self.network.topology, self.conductances[synapse.name]
        rows, cols = top.shape(synapse)
        ends = [node(synapse.post, "u", j) for j in range(cols)]
        side = "amp" if synapse.pre in self.network.stages else "u"
        for plane, kind, g in (("g_plus", side, pair.plus), ("g_minus", "inv", pair.minus)):
            if g is not None:
                starts = [node(synapse.pre, kind, i) for i in range(rows)]
                yield from self._devices(f"{synapse.name}_{plane}", synapse, g, starts, ends)

    def _devices(
        self, name: str, synapse: Synapse, g: np.ndarray, rows: list[str], cols: list[str]
    ) -> Iterator[Element]:
        scale, law = self.network.scale, self.network.law(synapse.name)
        siemens = np.asarray(g) * scale.g_ref
        if not (siemens >= 0).all():
            raise RangeError(f"conductances of {synapse.name}: a negative or undefined one; allowed [0, inf) S")
        if law.linear:
            yield from crosspoints(name, siemens, rows, cols)
            return
        for (i, j), value in np.ndenumerate(siemens):
            if value:
                current = law.formula(f"(v({rows[i]})-v({cols[j]}))/{scale.v_ref:.17g}")
                expression = f"{value * scale.v_ref:.17g}*{current}"
                yield behavioural_current(f"{name}_{i}_{j}", rows[i], cols[j], expression, conducts=True)

    def _teacher(self) -> Iterator[Element]:
        top, scale = self.network.topology, self.network.scale
        outputs = [node(top.output, "u", k) for k in range(top.by_name[top.output].size)]
        half = len(outputs) // 2
        for k, y in enumerate(self.y):
            target = f"{scale.v_ref * float(y):.17g}"
            if self.network.outputs == "single":
                expression = f"v({BETA})*{scale.g_ref:.17g}*({target}-v({outputs[k]}))"
                yield behavioural_current(f"nudge_{k}", GROUND, outputs[k], expression)
            else:
                plus, minus = outputs[k], outputs[half + k]
                expression = f"v({BETA})*{scale.g_ref:.17g}*({target}-(v({plus})-v({minus})))"
                yield behavioural_current(f"nudge_{k}", minus, plus, expression)

    def _diodes(self) -> Mapping[str, Diode]:
        return {f"d_{layer}_{m}": c.diode for layer, cs in self.network.clamps.items() for m, c in enumerate(cs)}

    def _models(self) -> Iterator[str]:
        for name, found in self._diodes().items():
            yield f"{name} d(is={number(found.i_s)} n={number(found.n)})"

    def _options(self) -> dict[str, float]:
        """Return what simulators set for all diodes at once: temperature and conductance across each junction."""
        settings = {(found.temperature, found.g_min) for found in self._diodes().values()}
        if not settings:
            return {}
        if len(settings) > 1:
            raise RangeError("diodes of several temperatures or g_min: a simulator has one of each for all diodes")
        ((temperature, g_min),) = settings
        celsius = temperature - ZERO_CELSIUS
        return {"temp": celsius, "tnom": celsius, "gmin": g_min}


def _amplifier(name: str, node_in: str, node_out: str, gain: float, back_gain: float) -> Iterator[Element]:
    """Yield a stage: `node_out` at `gain` times `node_in`, from which `back_gain` times its current is taken."""
    drive = f"{node_out}_drive"
    sense = voltage(name, drive, node_out, 0.0)
    yield scaled_voltage(name, drive, GROUND, node_in, gain)
    yield sense
    yield scaled_current(name, node_in, GROUND, sense, back_gain)
