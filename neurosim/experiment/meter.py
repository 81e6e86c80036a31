"""Energy and latency of training: one step's phases integrated in time, branch by branch, in SI."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.energy import Metered, metered
from neurosim.learning.bench import Bench
from neurosim.learning.controller import Controller, TrainState
from neurosim.networks.nudge import Nudge
from neurosim.networks.power import RatePower
from neurosim.networks.rate import RateNetwork
from neurosim.units import Scale

DT = 0.5
"""Step of the account, in units of tau: with RK4 and Simpson's rule energies to about a thousandth."""


def energy_of_step(controller: Controller, state: TrainState, x: Array, y: Array, scale: Scale) -> dict[str, float]:
    """Return what one training image costs, mean over the batch x, y, without noise.

    Keys: ``energy_free``, ``energy_nudged`` (all nudged phases together) and ``energy_image``, their sum [J]: heat in
    arrays and leaks, and what the node capacitances store; ``energy_array_<name>`` and ``energy_neurons``, its parts;
    ``latency_image``, the length of all phases as the settings have them [s]; ``settling_time_free`` and
    ``settling_time_nudged``, mean time until the residual stays below the tolerance [s], inf if a sample's never does,
    and left out where there is no such phase.

    Phases are integrated over the times of ``settle.free_steps`` and ``nudged_steps``, whatever the method of
    settling. Complex states count as two networks. With line resistance the conductances are the effective ones, whose
    heat includes that of the lines where all rows have one voltage.
    """
    network = controller.network
    assert isinstance(network, RateNetwork)
    weights, pairs = (
        controller.weights(state),
        {n: controller.crossbars[n].conductances(p) for n, p in controller.seen(state).items()},
    )
    options = replace(controller.options, method="transient", integrator="rk4", dt=DT, noise=0.0, temperature=0.0)
    bench = Bench(network, lambda _: weights, x, y, options)
    found: dict[str, list[tuple[float, Metered]]] = {"free": [], "nudged": []}
    for kind, length, run in _phases(controller, state, bench, pairs):
        found[kind].append((length, run))
    return _account(found, scale)


def energy_of_training(
    start: Mapping[str, float], end: Mapping[str, float], images: int, pulses: float
) -> dict[str, float]:
    """Return totals of a training on `images` images, all epochs together.

    ``energy_training`` [J]: the mean of an image before and after training, times the images, plus the energy of the
    `pulses` [J]; ``time_training`` [s]: one image after the other, without the time of programming.
    """
    per_image = 0.5 * (start["energy_image"] + end["energy_image"])
    return {
        "energy_pulses": pulses,
        "energy_training": images * per_image + pulses,
        "time_training": images * end["latency_image"],
    }


def _phases(
    controller: Controller, state: TrainState, bench: Bench, pairs: Mapping[str, Any]
) -> Iterator[tuple[str, float, Metered]]:
    """Yield kind, length [tau] and account of every phase of one update; a continuous estimator has one, nudged."""
    estimator, options = controller.estimator, controller.options
    if hasattr(estimator, "schedule"):
        signal = estimator.signal(options.dt)
        length = max(dict(estimator.schedule())) * options.dt
        yield "nudged", length, _run(bench, pairs, bench.start(), length, signal)
        return
    length = options.free_steps * options.dt
    free = _run(bench, pairs, bench.start(), length, None)
    yield "free", length, free
    for sample in estimator.samples(controller.streams.host("estimator", state.step)):
        if sample.beta != 0:
            length = options.nudged_steps * options.dt
            yield "nudged", length, _run(bench, pairs, free.settled.u, length, sample.beta)


def _run(bench: Bench, pairs: Mapping[str, Any], start: Array, length: float, beta: Any) -> Metered:
    steps = max(1, math.ceil(length / DT))
    first = beta(0.0) if callable(beta) else beta
    if isinstance(first, complex):
        start = start.astype(np.result_type(start.dtype, np.complex64))
    nudge = None if beta is None else Nudge(bench.cost(), bench.y, beta)
    network = bench.network
    assert isinstance(network, RateNetwork)
    power = RatePower(network, bench.weights(0), pairs, bench.x, nudge)
    with np.errstate(over="ignore", invalid="ignore"):  # a network that diverges has energies that are not finite
        return metered(bench.field(nudge), power, start, steps, replace(bench.options, dt=length / steps))


def _account(found: Mapping[str, list[tuple[float, Metered]]], scale: Scale) -> dict[str, float]:
    unit, parts, total = scale.c_node * scale.v_ref**2, dict[str, float](), dict[str, float]()
    for kind, runs in found.items():
        total[f"energy_{kind}"] = unit * sum(_mean(run.heat + run.stored) for _, run in runs)
        for _, run in runs:
            for name, part in run.dissipated.items():
                key = "energy_neurons" if name == "leak" else "energy_" + name.replace("/", "_")
                parts[key] = parts.get(key, 0.0) + unit * _mean(part)
            parts["energy_neurons"] += unit * _mean(run.stored)
        if runs:
            total[f"settling_time_{kind}"] = scale.tau * max(_mean(run.settling_time) for _, run in runs)
    total["energy_image"] = total["energy_free"] + total["energy_nudged"]
    total["latency_image"] = scale.tau * sum(length for runs in found.values() for length, _ in runs)
    return {**total, **parts}


def _mean(values: Array) -> float:
    return float(namespace(values).mean(values))
