"""From a circuit file to what both sides compute: networks at their points of training, or a passive array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.config import scale
from neurosim.config.circuit import CircuitFile
from neurosim.crossbar import Crossbar, PairState
from neurosim.crossbar.wires import Wires
from neurosim.crosscheck.array import PassiveArray
from neurosim.crosscheck.subject import EXACT, Subject
from neurosim.data import load
from neurosim.errors import ConfigError, choose
from neurosim.experiment.batches import batch_arrays
from neurosim.experiment.build import build_controller, build_estimator, build_programmer
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.optimiser import SGD
from neurosim.networks.resistive import LAWS, Diode, ResistiveNetwork, Stage, antiparallel, layered_resistive
from neurosim.networks.topology import Topology
from neurosim.rng import Streams
from neurosim.traces.conductances import Planes, read_conductances
from neurosim.units import Scale

DIODE_G_MIN = 1e-15
"""Conductance across each diode [S]: what simulators put there for their convergence, made small."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trainable circuit: its controller, its state before training, its samples and its batches.

    Attributes
    ----------
    controller, state
        As everywhere.
    x, y
        The compared samples.
    x_train, y_train
        What training draws its batches from.
    start
        State u of each compared sample before the free phase.
    """

    spec: CircuitFile
    controller: Controller
    state: TrainState
    x: np.ndarray
    y: np.ndarray
    x_train: np.ndarray
    y_train: np.ndarray
    start: np.ndarray

    def stages(self) -> Iterator[tuple[TrainState, Subject]]:
        """Train, and yield state and subject at every point at which the circuit is compared."""
        train, state = self.spec.train, self.state
        points = sorted(set(train.check_at or (train.steps,)))
        for point in points:
            while state.step < point:
                state, _ = self.controller.step(state, *self.batch(state.step))
            title = self.spec.title + (f", after {point} updates" if len(points) > 1 else "")
            yield state, self.subject(state, title)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and targets of update `step`: each epoch takes the samples in a new order."""
        size, count = min(self.spec.train.batch, len(self.x_train)), len(self.x_train)
        epoch, k = divmod(step, count // size)
        rows = self.controller.streams.host("shuffle", epoch).permutation(count)[k * size : (k + 1) * size]
        return self.x_train[rows], self.y_train[rows]

    def subject(self, state: TrainState, title: str) -> Subject:
        """Return the circuit with the conductances of `state`."""
        arrays = {name: planes(pair, self.controller.crossbars[name]) for name, pair in state.pairs.items()}
        network, wires = self.controller.network, lines(self.spec)
        return Subject(title, network, arrays, units(self.spec), self.x, self.y, self.start, wires)


def build(spec: CircuitFile, folder: Path) -> Trained:
    """Return the trainable circuit of `spec`; `folder` is where a file of conductances is looked for."""
    streams = Streams(spec.seed)
    controller, state = _resistive(spec, streams) if spec.resistive else build_controller(spec.experiment(), streams)
    top = controller.network.topology
    state = TrainState({**state.pairs, **_given(spec, folder, controller, streams)})
    x, y, x_train, y_train = _samples(spec)
    start = np.zeros((len(x), top.nodes))
    if spec.drive.start:
        start = np.array(spec.drive.start)
        if start.shape != (len(x), top.nodes):
            raise ConfigError(f"[drive] start: {start.shape}; expected (samples, nodes) = {(len(x), top.nodes)}")
    return Trained(spec, controller, state, x, y, x_train, y_train, start)


def build_array(spec: CircuitFile) -> PassiveArray:
    """Return the passive array of [array] and [wires], drawn from the streams ``array/...``."""
    table, wires, streams = spec.array, lines(spec), Streams(spec.seed)
    if table is None or wires is None:
        raise ConfigError("expected the tables [array] and [wires]")
    low, high = np.log(table.g_low), np.log(table.g_high)
    g = np.exp(streams.host("array/g").uniform(low, high, (table.rows, table.cols)))
    v = streams.host("array/v").uniform(-table.v_max, table.v_max, table.rows)
    return PassiveArray(g, wires, v, spec.title)


def lines(spec: CircuitFile) -> Wires | None:
    """Return the line resistances of [wires], or None."""
    return None if spec.wires is None else Wires(**spec.wires.model_dump())


def units(spec: CircuitFile) -> Scale:
    """Return natural units in SI."""
    return scale(spec.experiment())


def planes(pair: PairState, crossbar: Crossbar) -> Planes:
    """Return the visible G+ and G- [S] of an array, (rows, cols) each; G- is None with one device per crosspoint."""
    plus = np.asarray(pair.read_plus, dtype=np.float64)
    if crossbar.mapping == "unsigned":
        return plus, None
    return plus, np.broadcast_to(np.asarray(pair.read_minus, dtype=np.float64), plus.shape).copy()


def _resistive(spec: CircuitFile, streams: Streams) -> tuple[Controller, TrainState]:
    network = _passive_network(spec)
    experiment, table = spec.experiment(), spec.resistive
    assert table is not None
    mapping, scheme = ("unsigned", "single") if table.inputs == "doubled" else ("balanced", "push_pull")
    unit, device = units(spec), spec.device.build()
    crossbars, pairs = {}, {}
    for synapse in network.topology.synapses:
        shape = network.topology.shape(synapse)
        crossbar = Crossbar.build(
            synapse.name,
            shape,
            device=device,
            mapping=mapping,
            scheme=scheme,
            g_ref=unit.g_ref,
            read_noise=0.0,
            streams=streams,
            dtype="float64",
        )
        draw = streams.host(f"init/{synapse.name}").random(shape)
        span = (table.g_high - table.g_low) / unit.g_ref
        weights = table.g_low / unit.g_ref + span * draw if table.inputs == "doubled" else span * (2 * draw - 1)
        crossbars[synapse.name] = crossbar
        pairs[synapse.name] = crossbar.encode(weights, streams.generator(f"init-write/{synapse.name}"))
    programmer = build_programmer(experiment)
    optimiser = SGD(dict.fromkeys(crossbars, spec.train.lr))
    controller = Controller(network, crossbars, build_estimator(experiment), programmer, optimiser, EXACT, streams)
    return controller, TrainState(pairs)


def _passive_network(spec: CircuitFile) -> ResistiveNetwork:
    """Return the network of [resistive]; its diodes are those of the engine compared with."""
    table, unit = spec.resistive, units(spec)
    assert table is not None
    diode = Diode(table.i_s, table.ideality, reverse="spice3", g_min=DIODE_G_MIN)
    law = choose(LAWS, table.law, "resistive.law")
    return layered_resistive(
        table.layers,
        scale=unit,
        bias=table.bias,
        inputs=table.inputs,
        outputs=table.outputs,
        stage=None if table.gain == 1 else Stage(table.gain),
        leak=table.leak / unit.g_ref,
        clamps=antiparallel(diode, table.diode_bias) if table.diodes else (),
        law=law(table.v_sinh / unit.v_ref) if table.law == "sinh" else law(),
    )


def _given(spec: CircuitFile, folder: Path, controller: Controller, streams: Streams) -> dict[str, PairState]:
    """Return the arrays whose weights or conductances the file gives."""
    top, found = controller.network.topology, {}
    shapes = _shapes(top)
    for name, rows in spec.weights.matrices().items():
        shape = choose(shapes, name, "[weights]: array")
        weights = np.array(rows)
        if weights.shape != shape:
            raise ConfigError(f"[weights] {name}: {weights.shape}; expected (rows, cols) = {shape}")
        crossbar = controller.crossbars[name]
        found[name] = crossbar.encode(weights, streams.generator(f"given/{name}"))
        if abs(crossbar.weights(found[name]) - weights).max() > 1e-9 * crossbar.w_max and spec.device.model == "ideal":
            raise ConfigError(f"[weights] {name}: beyond the range of the devices, |w| <= {crossbar.w_max:g}")
    if spec.conductances is not None:
        pairs = spec.resistive is None or spec.resistive.inputs == "pairs"
        for name, (plus, minus) in read_conductances(folder / spec.conductances, shapes, pairs=pairs).items():
            less = np.zeros((plus.shape[0], 1)) if minus is None else minus
            found[name] = PairState(plus, less, plus, less)
    return found


def _shapes(top: Topology) -> Mapping[str, tuple[int, int]]:
    return {synapse.name: top.shape(synapse) for synapse in top.arrays}


def _samples(spec: CircuitFile) -> tuple[Any, Any, Any, Any]:
    """Return compared x, y and training x, y."""
    drive = spec.drive
    if drive.data is None:
        x, y = np.array(drive.x), np.array(drive.y)
        return x, y, x, y
    data, experiment = load(drive.data), spec.experiment()
    backend = Streams(spec.seed).backend
    x_train, y_train = batch_arrays(experiment, data.x_train, data.y_train, data.classes, backend)
    rows = [int(np.flatnonzero(data.y_train == k % data.classes)[k // data.classes]) for k in range(drive.samples)]
    return x_train[rows], y_train[rows], x_train, y_train
