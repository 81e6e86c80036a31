"""Programming one update: the wanted change of every array, in both sets of arrays, and the sums kept of its pulses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array
from neurosim.crossbar import Crossbar, PairState
from neurosim.learning.contrast import Contrast
from neurosim.learning.programmers import Change

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.learning.controller import Controller
    from neurosim.learning.state import TrainState


def programmed(
    controller: Controller,
    state: TrainState,
    bench: Bench,
    contrast: Contrast,
    draws: Mapping[str, Any],
    counts: dict[str, Array],
) -> TrainState:
    """Return the state after `contrast`, measured on `bench`, was programmed.

    Parameters
    ----------
    draws
        Generator of each array.
    counts
        Signed net pulses of each array so far; those of this update are added where ``controller.keep_counts``.
    """
    pairs, twins, velocity = dict(state.pairs), dict(state.twins), dict(state.velocity)
    pulses, pulsed, failures = state.pulses, state.pulsed, state.failures
    for name, crossbar in controller.crossbars.items():
        changes = _changes(controller, name, contrast, bench, velocity, state.step)
        for array, conductances, rng in _sets(controller, name, pairs, twins, draws, state.step):
            for change in changes:
                done = controller.programmer.program(array, conductances[name], change, rng)
                conductances[name] = done.state
                pulses, pulsed, failures = pulses + done.pulses, pulsed + done.pulsed, failures + done.failures
                if controller.keep_counts and array is crossbar and done.counts is not None:
                    counts[name] = counts[name] + done.counts if name in counts else done.counts
    noise = state.noise if bench.fluctuation is None else bench.fluctuation.finish(_duration(controller))
    moved: dict[str, Any] = {"pairs": pairs, "twins": twins, "velocity": velocity, "noise": noise}
    return replace(state, **moved, pulses=pulses, pulsed=pulsed, failures=failures)


def _sets(
    controller: Controller,
    name: str,
    pairs: dict[str, PairState],
    twins: dict[str, PairState],
    draws: Mapping[str, Any],
    step: int,
) -> Iterator[tuple[Crossbar, dict[str, PairState], Any]]:
    """Yield array, conductances and generator of the array `name` and of its twin, if it has one."""
    yield controller.crossbars[name], pairs, draws[name]
    if controller.twins:
        yield controller.twins[name], twins, controller.streams.generator(f"program/{name}/twin", step)


def _changes(
    controller: Controller, name: str, contrast: Contrast, bench: Bench, velocity: dict[str, Array], step: int
) -> list[Change]:
    """Return the wanted changes of one array: one, or in situ one for each group of phases."""
    scale, optimiser = 1 / contrast.batch, controller.optimiser
    if controller.in_situ:
        scale *= optimiser.rate(name, step)
        return [Change(group.factors[name], scale) for group in contrast.groups]
    wanted = Change(contrast.factors(name), scale)
    weights = controller.network.weight(bench.weights(0)[name])
    change, moved = optimiser.change(name, wanted, weights, velocity.get(name), step)
    if moved is not None:
        velocity[name] = moved
    return [change]


def _duration(controller: Controller) -> float:
    """Return how long the phases of one update last, in units of tau."""
    options, estimator = controller.options, controller.estimator
    if hasattr(estimator, "schedule"):
        return options.dt * float(max(step for step, _ in estimator.schedule()))
    samples = estimator.samples(controller.streams.host("phases"))
    nudged = len([sample for sample in samples if sample.beta != 0])
    return options.dt * (options.free_steps + nudged * options.nudged_steps)
