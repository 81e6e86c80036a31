"""Network, crossbars and controller from a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurosim.config import Experiment, device_model, scale
from neurosim.crossbar import Crossbar
from neurosim.devices.imperfect import lognormal
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.estimators import ESTIMATORS
from neurosim.learning.optimiser import SGD
from neurosim.learning.programmers import PROGRAMMERS
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import Topology, layered
from neurosim.rng import Streams
from neurosim.settle import SettleOptions

RBP = "rbp"


def build_network(experiment: Experiment, streams: Streams, dtype: Any) -> RateNetwork:
    """Return the network of an experiment.

    Time constants are lognormal with mean tau and relative std ``tau_spread``, drawn from stream ``network/tau``.
    """
    net = experiment.network
    topology = layered(net.layers, bias=net.bias, tied=net.tied, softmax_readout=net.output == "softmax")
    rate: Any = 1.0
    if net.tau_spread > 0:
        normal = streams.generator("network/tau").standard_normal((topology.nodes,), dtype=dtype)
        rate = 1 / lognormal(1.0, net.tau_spread, normal)
    return RateNetwork(topology, ACTIVATIONS[net.activation], rate)


def build_crossbars(experiment: Experiment, topology: Topology, streams: Streams) -> dict[str, Crossbar]:
    """Return one crossbar per array, each with its own devices."""
    spec = experiment.crossbar
    return {
        synapse.name: Crossbar.build(
            synapse.name,
            topology.shape(synapse),
            device=device_model(experiment),
            mapping=spec.mapping,
            scheme=spec.scheme,
            g_ref=scale(experiment).g_ref,
            read_noise=spec.read_noise,
            streams=streams,
            dtype=experiment.settle.dtype,
        )
        for synapse in topology.arrays
    }


def initial_state(crossbars: Mapping[str, Crossbar], streams: Streams, gain: float, dtype: Any) -> TrainState:
    """Return arrays written with ``W ~ U(-gain, gain) / sqrt(fan_in)`` and biases of zero."""
    pairs = {}
    for name, crossbar in crossbars.items():
        rng = streams.generator(f"init/{name}")
        rows, cols = crossbar.shape
        weights = rng.random((rows, cols), dtype=dtype)
        weights = (2 * weights - 1) * (gain / math.sqrt(rows))
        if name.startswith("b"):
            weights = weights * 0
        pairs[name] = crossbar.encode(weights, streams.generator(f"init-write/{name}"))
    return TrainState(pairs)


def build_estimator(experiment: Experiment) -> Any:
    """Return the gradient estimator, or None for the exact reference gradient (``rbp``)."""
    learning = experiment.learning
    if learning.estimator == RBP:
        return None
    return ESTIMATORS[learning.estimator](
        beta=learning.beta,
        points=learning.points,
        waveform=learning.waveform,
        dwell=learning.dwell,
        periods=learning.periods,
        discard=learning.discard_periods,
        harmonics=learning.harmonics,
    )


def build_options(experiment: Experiment) -> SettleOptions:
    """Return how the networks of an experiment are settled."""
    settle = experiment.settle
    return SettleOptions(
        method=settle.method,
        integrator=settle.integrator,
        dt=settle.dt,
        free_steps=settle.free_steps,
        nudged_steps=settle.nudged_steps,
        tolerance=settle.tolerance,
        max_sweeps=settle.max_sweeps,
        solver=settle.solver,
        noise=settle.state_noise,
        rtol=settle.rtol,
        atol=settle.atol,
    )


def build_controller(experiment: Experiment, streams: Streams) -> tuple[Controller, TrainState]:
    """Return the controller of an experiment and its state before training."""
    dtype = np.dtype(experiment.settle.dtype)
    network = build_network(experiment, streams, dtype)
    crossbars = build_crossbars(experiment, network.topology, streams)
    learning, train = experiment.learning, experiment.train
    controller = Controller(
        network,
        crossbars,
        build_estimator(experiment),
        PROGRAMMERS[learning.programmer](rounding=learning.rounding, train_length=learning.train_length),
        SGD(learning_rates(train.lr, list(crossbars)), train.momentum, train.weight_decay),
        build_options(experiment),
        streams,
        in_situ=learning.update == "in_situ",
        noise_scope=experiment.crossbar.read_noise_scope,
        on_unsettled=experiment.settle.on_unsettled,
        keep_counts=experiment.trace.pulses,
    )
    return controller, initial_state(crossbars, streams, experiment.network.init_gain, dtype)


def learning_rates(lr: float | Mapping[str, float] | Sequence[float], names: Sequence[str]) -> dict[str, float]:
    """Return the rate of each array.

    One number serves all; a table names arrays (a bias or feedback array that is not named takes the rate of its
    layer's weights, any other array that is not named does not learn); a list gives one rate per layer, from the
    input.
    """
    if isinstance(lr, Mapping):
        return {name: float(lr.get(name, lr.get(_partner(name), 0.0))) for name in names}
    if isinstance(lr, Sequence):
        return {name: float(lr[_layer(name, len(lr))]) for name in names}
    return dict.fromkeys(names, float(lr))


def _partner(name: str) -> str:
    return "readout" if name == "b_readout" else f"W{name[1:]}"


def _layer(name: str, layers: int) -> int:
    return layers - 1 if name.endswith("readout") else int(name[1:]) - 1
