"""The bench of one training step: what each phase reads of the arrays, and the noise of its reads and its nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.learning.bench import Bench
from neurosim.learning.fluctuation import Fluctuation
from neurosim.learning.line_loss import through_lines
from neurosim.learning.readings import Arrays, Readings
from neurosim.learning.reads import FreshReadoutNoise, running_reads
from neurosim.learning.state import TrainState
from neurosim.learning.thermal import thermal_deviation
from neurosim.networks.rate import RateNetwork, ReadNoise
from neurosim.settle import SettleOptions

if TYPE_CHECKING:
    from neurosim.learning.controller import Controller


def bench_of(controller: Controller, state: TrainState, x: Array, y: Array, use: str) -> Bench:
    """Return the bench of this step: weights as read, noise as declared.

    `use` names the noise streams, so that a measurement beside training draws its own. Neurons are dropped in
    training only, the same ones in all its phases.
    """
    if use == "train" and controller.dropout:
        masked = replace(
            controller.network, gain=_gain(controller, state.step, x)
        )  # a rate network, as __post_init__ saw
        return replace(controller, network=masked, dropout={}).bench(state, x, y, use)
    if controller.amplifier is not None:
        return replace(controller, network=controller.loaded(state), amplifier=None).bench(state, x, y, use)
    found = _analog(controller, state, x, y, use)
    return (
        found if controller.converters is None else controller.converters.on(found, controller.streams, use, state.step)
    )


def _analog(controller: Controller, state: TrainState, x: Array, y: Array, use: str) -> Bench:
    """Return the bench without converters."""
    options = _options(controller, state, x)
    noisy = controller.options.noise or controller.options.temperature
    rng = controller.streams.generator(f"{use}/state-noise", state.step) if noisy else None
    fluctuation = None
    if controller.noise is not None:
        fluctuation = Fluctuation(
            controller.noise, state.noise, controller.streams.generator(f"{use}/noise", state.step)
        )
    reads = any(crossbar.read_noise > 0 for crossbar in controller.crossbars.values())
    if controller.noise_scope == "step" and (reads or fluctuation is not None):
        return _running_bench(controller, state, x, y, options, rng, use, fluctuation)

    def draw(name: str, key: int) -> Any:
        return controller.streams.generator(f"{use}/read/{name}/{key}", state.step)

    read = Readings(
        controller.network,
        _arrays(controller, state, use),
        draw if reads else None,
        copies=2 if controller.twins else 1,
        changing=controller.ageing,
        per_phase=controller.noise_scope == "phase" and (reads or fluctuation is not None),
        fluctuation=fluctuation,
    )
    return Bench(
        controller.network,
        read,
        x,
        y,
        options,
        rng=rng,
        one_reading=read.one,
        feedback=controller.feedback,
        fluctuation=fluctuation,
    )


def _arrays(controller: Controller, state: TrainState, use: str) -> Callable[[int], Arrays]:
    """Return phase number -> the arrays of the phase and their conductances as their terminals see them."""
    phases = controller.phases(state, use)
    lines = None if controller.lines is None else controller.attenuation(state)

    def arrays(phase: int) -> Arrays:
        if controller.twins and phase % 2:
            return controller.twins, state.twins
        pairs = phases.pairs(phase) if controller.ageing else state.pairs
        return controller.crossbars, pairs if lines is None else through_lines(pairs, lines)

    return arrays


def _options(controller: Controller, state: TrainState, x: Array) -> SettleOptions:
    """Return the options with the thermal noise of the present conductances; a passive network finds its own."""
    options = controller.options
    if not (options.temperature and isinstance(controller.network, RateNetwork)):
        return options
    if controller.scale is None:
        raise ConfigError("settle.temperature: thermal noise needs the units of the network; give scale")
    thermal = thermal_deviation(
        controller.network, controller.crossbars, state.pairs, options.temperature, controller.scale
    )
    total = (thermal**2 + options.noise**2) ** 0.5
    return replace(options, noise=total.astype(x.dtype), temperature=0.0)


def _gain(controller: Controller, step: int, x: Array) -> Array:
    """Return 0 for dropped neurons and 1/(1 - p) for others, (batch, nodes): the mean activity is kept."""
    xp, top = namespace(x), controller.network.topology
    gain = xp.ones((x.shape[0], top.nodes), dtype=x.dtype)
    for layer, share in controller.dropout.items():
        part, rng = top.slices[layer], controller.streams.generator(f"dropout/{layer}", step)
        kept = rng.random((x.shape[0], part.stop - part.start), dtype=x.dtype) >= share
        gain[:, part] = kept.astype(x.dtype) * (1 / (1 - share))
    return gain


def _running_bench(
    controller: Controller,
    state: TrainState,
    x: Array,
    y: Array,
    options: SettleOptions,
    rng: Any,
    use: str,
    fluctuation: Fluctuation | None,
) -> Bench:
    """Return the bench whose reads are noisy anew at every evaluation, or at its time."""
    if controller.ageing:
        raise ConfigError(
            "crossbar.read_noise_scope = 'step': not modelled where devices age between phases; allowed: 'frozen', "
            "'phase'"
        )
    weights, top, pairs = controller.weights(state), controller.network.topology, controller.seen(state)
    draw = controller.streams.generator(f"{use}/read", state.step)

    def noise(inputs: Array) -> ReadNoise:
        return running_reads(top, controller.crossbars, pairs, inputs, draw, fluctuation)

    readout = FreshReadoutNoise(top, controller.crossbars, pairs, draw) if top.readout else None
    return Bench(
        controller.network,
        lambda _: weights,
        x,
        y,
        options,
        noise,
        readout,
        rng,
        one_reading=fluctuation is None,  # phases with times of their own are settled one after the other
        feedback=controller.feedback,
        fluctuation=fluctuation,
    )
