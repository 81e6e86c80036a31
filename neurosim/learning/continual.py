"""Continual EP (C-EP): the weights move while the nudged phase goes on, nothing of the free phase is stored.

From the free state s_0 of the weights W_0, with the observable ``A = dF/dW``,

    s_{t+1} = the network of W_t after some nudged steps from s_t
    W_{t+1} = W_t + lr [A(s_{t+1}) - A(s_t)] / beta.

With weights that stood still the increments would sum to one-sided EP; as they move by O(lr), the sum differs
from it by O(lr^2). Weights that move faster than the states relax change what the states relax to, and learning fails.

Ernoult et al. 2020, "Equilibrium propagation with continual weight updates", arXiv:2005.04168.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neurosim.errors import ConfigError
from neurosim.learning.contrast import contrast_of
from neurosim.learning.estimators.base import Sample
from neurosim.learning.observables import Measured
from neurosim.learning.programming import programmed

if TYPE_CHECKING:
    from neurosim.backend import Array
    from neurosim.learning.bench import Bench
    from neurosim.learning.controller import Controller, StepReport, TrainState
    from neurosim.settle import Settled

ESTIMATORS = ("one_sided", "random_sign")
"""Estimators of one nudged phase that starts at the free state.

The two phases of the symmetric estimator, or the points of a circle, start from one free state of one set of weights,
which the first of them would already have changed.
"""


@dataclass(frozen=True, slots=True)
class Continual:
    """How the weights move during the nudged phase.

    Attributes
    ----------
    every
        Nudged time steps between two updates; a divisor of the steps of the nudged phase. With all of them at once
        this is the ordinary one-sided update.
    """

    every: int = 1

    def check(self, controller: Controller) -> None:
        """Raise `ConfigError` for what has no meaning while the weights move."""
        for text in self._contradictions(controller):
            raise ConfigError(f"learning.update = 'continual': {text}")

    def _contradictions(self, controller: Controller) -> Iterator[str]:
        name, options = controller.estimator.name, controller.options
        never = "the gradient of a batch, which is never formed"
        if name not in ESTIMATORS:
            allowed = ", ".join(ESTIMATORS)
            yield f"learning.estimator = {name!r}: has not one nudged phase from the free state; allowed: {allowed}"
        if options.method == "operating_point":
            yield "settle.method = 'operating_point': has no steps between which weights could move; set 'transient'"
        if controller.in_situ:
            yield "in_situ = True: one of the two; the increments are programmed in place as they are"
        if controller.optimiser.digital:
            yield f"train.momentum, train.weight_decay, train.optimiser = 'adamw': need {never}; leave them out"
        if controller.homeostasis is not None:
            yield f"learning.homeostasis: adds to {never}; set it to 0"
        noisy = any(crossbar.read_noise > 0 for crossbar in controller.crossbars.values())
        if noisy and controller.noise_scope == "step":
            yield "crossbar.read_noise_scope = 'step': drawn for a run of unchanged weights; allowed: 'frozen', 'phase'"
        if controller.lines is not None:
            yield "crossbar.wires: the line loss is solved for weights that stand still; leave the lines out"
        if controller.noise is not None or controller.twins:
            yield "conductance noise in time, or two sets of arrays: not modelled here; leave them out"
        if controller.times.within_step:
            yield "crossbar.times: phases have no age of their own here; leave free_phase and nudged_phase out"
        if self.every < 1 or options.nudged_steps % self.every:
            expected = f"expected a divisor of settle.nudged_steps = {options.nudged_steps}"
            yield f"learning.update_every = {self.every}: {expected}"

    def step(self, controller: Controller, state: TrainState, x: Array, y: Array) -> tuple[TrainState, StepReport]:
        """Return the state after one free and one nudged phase, in which the arrays were programmed all along.

        Under the policy ``mask`` the samples whose free phase settled count; ``raise`` asks it of the end of the nudged
        phase, too, where the weights have come to rest.
        """
        bench = controller.bench(state, x, y)
        free = bench.free()
        controller.hold(state.step, free)
        samples = controller.estimator.samples(controller.streams.host("estimator", state.step))
        (nudge,) = [sample for sample in samples if sample.beta]
        draws, settled = controller.draws(state.step), free.settled if controller.on_unsettled == "mask" else None
        counts: dict[str, Array] = {}
        now, last, before = state, free, Measured(Sample(0.0, -nudge.coefficient), free.a)
        for _ in range(controller.options.nudged_steps // self.every):
            moving = replace(controller.bench(now, x, y), rng=bench.rng)  # the weights as they are; state noise runs on
            last = self._relaxed(moving, nudge.beta, last.u)
            controller.hold(state.step, last, finite_only=True)
            after = Measured(nudge, last.a, 1)
            contrast = contrast_of(moving, [before, after], free.a, settled)
            now = programmed(controller, now, moving, contrast, draws, counts)
            before = replace(after, sample=Sample(nudge.beta, -nudge.coefficient))
        controller.hold(state.step, last)
        return replace(now, step=state.step + 1), controller.report(bench, free.a, (free, last), counts)

    def _relaxed(self, bench: Bench, beta: complex | float, start: Array) -> Settled:
        options = replace(bench.options, nudged_steps=self.every)
        return replace(bench, options=options).nudged([beta], start, 1)
