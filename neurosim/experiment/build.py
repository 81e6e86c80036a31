"""Network, crossbars and controller from a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.config import Experiment, device_model, hidden_layers, scale, topology, updates_per_epoch
from neurosim.config.periphery import ACTIVITY, OUTPUT
from neurosim.config.time import ageing, refresh, times, wear
from neurosim.crossbar import WRITE_ERRORS, Crossbar, PairLines
from neurosim.crossbar.wires import Wires
from neurosim.devices.imperfect import lognormal
from neurosim.experiment.maps import measured_pairs
from neurosim.learning.computed import REFERENCES
from neurosim.learning.continual import Continual
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.conversion import Converters, build_converters
from neurosim.learning.estimators import ESTIMATORS
from neurosim.learning.fluctuation import ConductanceNoise
from neurosim.learning.homeostasis import Homeostasis
from neurosim.learning.optimiser import OPTIMISERS, Optimiser
from neurosim.learning.programmers import PROGRAMMERS, Programmer
from neurosim.learning.schedule import SCHEDULES
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.feedback import as_feedback, feedback_pairs, turned
from neurosim.networks.neurons import Neurons
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import Topology
from neurosim.rng import Streams
from neurosim.settle import SettleOptions


def build_network(experiment: Experiment, streams: Streams, dtype: Any) -> RateNetwork:
    """Return the network of an experiment.

    Time constants are lognormal with mean tau and relative std ``tau_spread``, drawn from stream ``network/tau``; what
    else differs between neurons is said in `build_neurons`.
    """
    net, top = experiment.network, topology(experiment)
    rate: Any = 1.0
    if net.tau_spread > 0:
        normal = streams.generator("network/tau").standard_normal((top.nodes,), dtype=dtype)
        rate = 1 / lognormal(1.0, net.tau_spread, normal)
    return RateNetwork(top, ACTIVATIONS[net.activation], rate, neurons=build_neurons(experiment, top, streams, dtype))


def build_neurons(experiment: Experiment, top: Topology, streams: Streams, dtype: Any) -> Neurons | None:
    """Return the mismatch and saturation of the neurons, or None where there is none.

    Gains are lognormal with mean 1 and relative std ``gain_spread``, thresholds normal with mean 0 and std
    ``threshold_spread``, drawn from the streams ``network/gain`` and ``network/threshold``.
    """
    net = experiment.network
    gain: Any = 1.0
    threshold: Any = 0.0
    if net.gain_spread > 0:
        normal = streams.generator("network/gain").standard_normal((top.nodes,), dtype=dtype)
        gain = lognormal(1.0, net.gain_spread, normal)
    if net.threshold_spread > 0:
        threshold = streams.generator("network/threshold").standard_normal((top.nodes,), dtype=dtype)
        threshold *= net.threshold_spread
    u_max = net.amplifier.u_max / scale(experiment).v_ref or None
    if u_max is None and net.gain_spread == net.threshold_spread == 0:
        return None
    return Neurons(gain, threshold, u_max=u_max)


def converters_of(experiment: Experiment, top: Topology, streams: Streams) -> Converters | None:
    """Return the converters of an experiment, or None where they are ideal."""
    spec = experiment.crossbar
    outputs = ACTIVITY if spec.conversion == "readout" else OUTPUT
    dtype = np.dtype(experiment.settle.dtype)
    kinds = spec.dac.build(ACTIVITY), spec.adc.build(outputs)
    return build_converters(top, spec.conversion, *kinds, spec.tiles.build(), streams, dtype)


def build_crossbars(experiment: Experiment, top: Topology, streams: Streams, suffix: str = "") -> dict[str, Crossbar]:
    """Return one crossbar per array, each with its own devices; `suffix` names those of another set."""
    spec = experiment.crossbar
    return {
        synapse.name: Crossbar.build(
            synapse.name + suffix,
            top.shape(synapse),
            device=device_model(experiment),
            mapping=spec.mapping,
            scheme=spec.scheme,
            g_ref=scale(experiment).g_ref,
            read_noise=spec.read_noise,
            streams=streams,
            dtype=experiment.settle.dtype,
            ageing=ageing(experiment),
            wear=wear(experiment),
            faults=spec.faults.build(),
            write_error=WRITE_ERRORS.get(spec.write_error),
        )
        for synapse in top.arrays
    }


def initial_state(
    experiment: Experiment,
    top: Topology,
    crossbars: Mapping[str, Crossbar],
    streams: Streams,
    twins: Mapping[str, Crossbar] | None = None,
) -> TrainState:
    """Return arrays, and their `twins`, written with ``W ~ U(-gain, gain) / sqrt(fan_in)``, biases with their own gain.

    The fan-in of a bias is that of the weights of its layer; its gain is 0 unless ``network.init_bias_gain`` is given.
    Feedback arrays are draws of their own, or turned from their forward arrays by ``network.feedback_angle``.
    With ``crossbar.maps`` all of them are as they were measured instead.
    """
    net, dtype, weights = experiment.network, np.dtype(experiment.settle.dtype), dict[str, Any]()
    for name, crossbar in crossbars.items():
        rng = streams.generator(f"init/{name}")
        rows, cols = crossbar.shape
        drawn = rng.random((rows, cols), dtype=dtype)
        if name.startswith("b"):
            rows = crossbars[_partner(name)].shape[0] if net.init_bias_gain else 1
        gain = net.init_bias_gain if name.startswith("b") else net.init_gain
        weights[name] = (2 * drawn - 1) * (gain / math.sqrt(rows))
    if net.feedback_angle is not None:
        for forward, back in feedback_pairs(top):
            along = as_feedback(forward, weights[forward.name])
            weights[back.name] = turned(along, weights[back.name], net.feedback_angle)
    pairs, second = (
        {
            name: crossbar.encode(weights[name], streams.generator(f"init-write/{crossbar.name}"))
            for name, crossbar in some.items()
        }
        for some in (crossbars, twins or {})
    )
    if experiment.crossbar.maps is not None:
        pairs = measured_pairs(Path(experiment.crossbar.maps), crossbars, streams.backend)
    noise = build_noise(experiment)
    arrays = [*crossbars.values(), *(twins or {}).values()]
    return TrainState(pairs, twins=second, noise={} if noise is None else noise.start(arrays, streams))


def build_noise(experiment: Experiment) -> ConductanceNoise | None:
    """Return the noise of the conductances in time, read at the ends of the phases, or None."""
    spec, settle = experiment.crossbar.noise, experiment.settle
    process = spec.process()
    if process is None:
        return None
    free, nudged = settle.free_steps * settle.dt, settle.nudged_steps * settle.dt
    return ConductanceNoise(process, scale(experiment).tau, free, nudged, spec.interval)


def build_lines(experiment: Experiment) -> PairLines | None:
    """Return the line resistance of all arrays, or None where every resistance is 0."""
    spec = experiment.crossbar.wires
    wires = Wires(spec.r_row, spec.r_col, spec.r_source, spec.r_sense)
    return None if wires == Wires() else PairLines(wires, spec.layout, spec.method, spec.refresh)


def build_estimator(experiment: Experiment) -> Any:
    """Return the gradient estimator or computed reference."""
    learning = experiment.learning
    if learning.estimator in REFERENCES:
        return REFERENCES[learning.estimator]
    return ESTIMATORS[learning.estimator](
        beta=learning.beta,
        points=learning.points,
        waveform=learning.waveform,
        dwell=learning.dwell,
        periods=learning.periods,
        discard=learning.discard_periods,
        harmonics=learning.harmonics,
    )


def build_programmer(experiment: Experiment) -> Programmer:
    """Return what turns wanted changes into pulses or writes."""
    learning, loop = experiment.learning, experiment.learning.write_verify
    programmer: Programmer = PROGRAMMERS[learning.programmer](
        rounding=learning.rounding,
        train_length=learning.train_length,
        pulse_order=learning.pulse_order,
        tolerance=loop.tolerance,
        budget=loop.budget,
    )
    return programmer


def build_optimiser(experiment: Experiment, names: Sequence[str]) -> Optimiser:
    """Return the optimiser of [train] for arrays `names`, with its schedule."""
    train = experiment.train
    schedule = SCHEDULES[train.schedule](
        epochs=train.schedule_epochs or train.epochs,
        batches=updates_per_epoch(experiment),
        per=train.schedule_per,
        lr_min=train.lr_min,
    )
    return OPTIMISERS[train.optimiser](
        lr=learning_rates(train.lr, names),
        momentum=train.momentum,
        weight_decay=train.weight_decay,
        decoupled=train.decoupled,
        decay_biases=train.decay_biases,
        beta1=train.beta1,
        beta2=train.beta2,
        epsilon=train.epsilon,
        schedule=schedule,
    )


def layer_dropout(experiment: Experiment, top: Topology) -> dict[str, float]:
    """Return the probability of silence of each hidden layer that has one: one for all, or a list from the input."""
    shares, names = experiment.network.dropout, hidden_layers(top)
    listed = shares if isinstance(shares, tuple) else (shares,) * len(names)
    return {name: share for name, share in zip(names, listed, strict=True) if share > 0}


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
        temperature=settle.temperature,
        rtol=settle.rtol,
        atol=settle.atol,
    )


def build_controller(experiment: Experiment, streams: Streams) -> tuple[Controller, TrainState]:
    """Return the controller of an experiment and its state before training."""
    network = build_network(experiment, streams, np.dtype(experiment.settle.dtype))
    crossbars = build_crossbars(experiment, network.topology, streams)
    separate = experiment.crossbar.phases == "separate"
    twins = build_crossbars(experiment, network.topology, streams, "/twin") if separate else {}
    learning = experiment.learning
    controller = Controller(
        network,
        crossbars,
        build_estimator(experiment),
        build_programmer(experiment),
        build_optimiser(experiment, list(crossbars)),
        build_options(experiment),
        streams,
        in_situ=learning.update == "in_situ",
        noise_scope=experiment.crossbar.read_noise_scope,
        on_unsettled=experiment.settle.on_unsettled,
        keep_counts=experiment.trace.pulses,
        dropout=layer_dropout(experiment, network.topology),
        feedback=learning.feedback,
        times=times(experiment),
        refresh=refresh(experiment),
        converters=converters_of(experiment, network.topology, streams),
        amplifier=experiment.network.amplifier.build(),
        homeostasis=Homeostasis(learning.homeostasis, learning.homeostasis_draws) if learning.homeostasis else None,
        lines=build_lines(experiment),
        continual=Continual(learning.update_every) if learning.update == "continual" else None,
        twins=twins,
        noise=build_noise(experiment),
        scale=scale(experiment),
    )
    state = initial_state(experiment, network.topology, crossbars, streams, twins)
    return controller, controller.solved(state)[0]


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
