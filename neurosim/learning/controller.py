"""The learning controller: phases -> contrast -> optimiser -> programmer -> new state. The one training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from neurosim.backend import Array
from neurosim.crossbar import Crossbar, PairLines, PairState
from neurosim.crossbar.refresh import Refresh
from neurosim.errors import ConvergenceError
from neurosim.learning.bench import Bench, Network
from neurosim.learning.consistency import NOISE_SCOPES, POLICIES, check
from neurosim.learning.continual import Continual
from neurosim.learning.contrast import Contrast, measure
from neurosim.learning.conversion import Converters
from neurosim.learning.fluctuation import ConductanceNoise
from neurosim.learning.homeostasis import Homeostasis
from neurosim.learning.line_loss import LineReport, solve_lines, through_lines
from neurosim.learning.optimiser import Optimiser
from neurosim.learning.programmers import Programmer
from neurosim.learning.programming import programmed
from neurosim.learning.state import StepReport, TrainState
from neurosim.learning.step_bench import bench_of
from neurosim.learning.times import INSTANT, Phases, Times, waited
from neurosim.networks.feedback import VECTOR_FIELD
from neurosim.networks.neurons import Amplifier, summed_conductance
from neurosim.networks.rate import RateNetwork
from neurosim.numerics.status import Status
from neurosim.rng import Streams
from neurosim.settle import Settled, SettleOptions
from neurosim.units import Scale

__all__ = ["NOISE_SCOPES", "POLICIES", "Controller", "StepReport", "TrainState"]


@dataclass(frozen=True, slots=True)
class Controller:
    """One training step on imperfect hardware.

    Attributes
    ----------
    network
        A rate network or a resistive one.
    crossbars
        One array per entry of ``network.topology.arrays``.
    estimator
        A phased or continuous estimator, or a computed `Reference`.
    programmer, optimiser
        How the wanted change is formed and applied.
    options
        How to settle.
    streams
        Named random streams; each is addressed by name and step.
    in_situ
        Program each group of phases at once (potentiate, then depress) instead of their digital difference.
    noise_scope
        Whether a read-noise draw is shared: ``"frozen"`` one draw per training step, seen by all its phases (it
        cancels in the contrast), ``"phase"`` one per phase, ``"step"`` fresh at every read.
    on_unsettled
        ``"raise"``, ``"mask"`` (unsettled samples do not count) or ``"accept"``. A state that is not finite
        raises under each of them.
    feedback
        How untied arrays learn, see `Bench`: ``"vector_field"`` or ``"kolen_pollack"``.
    dropout
        Layer -> probability in (0, 1) with which each of its neurons is silent in a training step.
    homeostasis
        The homeostatic loss that is added to every update, or None.
    times
        How long phases and updates take; devices age meanwhile.
    refresh
        When arrays are refreshed after an update, or None for never.
    converters
        DACs and ADCs of a rate network, or None.
    amplifier
        The summing amplifier of the neurons of a dense rate network, loaded by the present conductances; None for an
        ideal one.
    continual
        Program the arrays all along the nudged phase, or None: once after it.
    keep_counts
        Report the pulse counts of each array, in situ the net ones of all groups.
    lines
        Line resistance of all arrays, or None. Reads go through it, programming does not.
    twins
        A second set of arrays, or none. With it the phases take the two sets in turn, the free phase the first, and
        every update is programmed into both.
    noise
        Conductance noise in physical time, or None. `noise_scope` says when it is read: ``"frozen"`` once per
        update, ``"phase"`` at the end of every phase, ``"step"`` at every evaluation.
    scale
        Natural units in SI; thermal noise needs it.

    Raises
    ------
    ConfigError
        Unknown scope or policy; momentum or weight decay where no digital gradient is formed; arrays whose mapping,
        noise whose scope, or lines, the network does not have; what has no meaning with continual updates.
    """

    network: Network
    crossbars: Mapping[str, Crossbar]
    estimator: Any
    programmer: Programmer
    optimiser: Optimiser
    options: SettleOptions
    streams: Streams
    in_situ: bool = False
    noise_scope: str = "frozen"
    on_unsettled: str = "raise"
    keep_counts: bool = False
    feedback: str = VECTOR_FIELD
    homeostasis: Homeostasis | None = None
    continual: Continual | None = None
    dropout: Mapping[str, float] = field(default_factory=dict)
    times: Times = INSTANT
    refresh: Refresh | None = None
    lines: PairLines | None = None
    twins: Mapping[str, Crossbar] = field(default_factory=dict)
    noise: ConductanceNoise | None = None
    scale: Scale | None = None
    converters: Converters | None = None
    amplifier: Amplifier | None = None

    def __post_init__(self) -> None:
        check(self)

    def weights(self, state: TrainState) -> dict[str, Any]:
        """Return what the network reads of all arrays without noise: weights, or conductances."""
        return {name: self.network.read(self.crossbars[name], pair) for name, pair in self.seen(state).items()}

    def seen(self, state: TrainState) -> Mapping[str, PairState]:
        """Return all pairs as their terminals see them: with line resistance, attenuated as at the last solution."""
        return state.pairs if self.lines is None else through_lines(state.pairs, self.attenuation(state))

    def attenuation(self, state: TrainState) -> Mapping[str, Array]:
        """Return the attenuation of every plane of devices by the lines, as at the last solution."""
        return state.lines or self.solved(state)[0].lines

    def solved(self, state: TrainState) -> tuple[TrainState, LineReport | None]:
        """Return the state with its lines solved at its conductances, and the report of the solution."""
        if self.lines is None:
            return state, None
        lines, report = solve_lines(self.lines, self.crossbars, state.pairs, state.lines, self.streams.backend)
        return replace(state, lines=lines), report

    def loaded(self, state: TrainState) -> Network:
        """Return the network with its amplifiers loaded by the conductances of `state`."""
        if self.amplifier is None or not isinstance(self.network, RateNetwork):
            return self.network
        conductance = summed_conductance(self.network.topology, self.crossbars, state.pairs)
        return self.amplifier.loaded(self.network, conductance)

    def bench(self, state: TrainState, x: Array, y: Array, use: str = "train") -> Bench:
        """Return the bench of this step: weights as read, noise and converters as declared.

        `use` names the noise streams, so that a measurement beside training draws its own. Neurons are dropped in
        training only, the same ones in all its phases.
        """
        return bench_of(self, state, x, y, use)

    def phases(self, state: TrainState, use: str) -> Phases:
        """Return the arrays as the phases of this step find them, growing older."""
        return Phases(self.crossbars, self.times, self.streams, use, state.step, [state.pairs])

    @property
    def ageing(self) -> bool:
        """Whether devices age between the phases of a step."""
        return self.times.within_step and any(crossbar.ages for crossbar in self.crossbars.values())

    def contrast(self, state: TrainState, bench: Bench) -> Contrast:
        """Measure the contrast of this step, holding to the policy for samples that did not settle."""
        rng = self.streams.host("estimator", state.step)
        found = measure(bench, self.estimator, rng, mask=self.on_unsettled == "mask" or self.leaves_out)
        self.hold(state.step, found)
        return found

    @property
    def leaves_out(self) -> bool:
        """Whether a computed gradient leaves out what it does not exist for, since training shall go on."""
        return getattr(self.estimator, "steady", False) and self.on_unsettled != "raise"

    def hold(self, step: int, found: Contrast | Settled, *, finite_only: bool = False) -> None:
        """Hold a contrast or a settled state of training step `step` to the policy, or only to being finite."""
        if found.status is Status.DIVERGED:  # no policy can use a state that is not a number
            raise ConvergenceError(f"training step {step}: {found.status.value}")
        bad = int((~found.settled).sum())
        if bad and self.on_unsettled == "raise" and not finite_only:
            limit = f"; {found.status.value}" if found.status is Status.STEP_LIMIT else ""
            raise ConvergenceError(
                f"training step {step}: {bad} of {found.settled.shape[0]} samples did not settle (largest "
                f"residual {float(found.residual.max()):.3g}, settle.tolerance = {self.options.tolerance:g}{limit}). "
                "Allow more settle.free_steps / nudged_steps, use a smaller network.init_gain or learning.beta, or "
                "set settle.on_unsettled = 'mask' or 'accept'"
            )

    def step(self, state: TrainState, x: Array, y: Array) -> tuple[TrainState, StepReport]:
        """Return the state after one update on inputs x (batch, n_in) and targets y (batch, n_classes)."""
        if self.continual is not None:
            new, report = self.continual.step(self, state, x, y)
            return self._wait(self._refreshed(new), self.times.update, "train/time/update"), report
        due = self.lines is not None and (not state.lines or state.step % self.lines.refresh == 0)
        state, lines = self.solved(state) if due else (state, None)
        bench = self.bench(state, x, y)
        contrast = self.contrast(state, bench)
        if self.homeostasis is not None:
            contrast = self.homeostasis.added(contrast, bench, self.streams.generator("homeostasis", state.step))
        counts: dict[str, Array] = {}
        new = programmed(self, self._after_phases(state), bench, contrast, self.draws(state.step), counts)
        new = self._refreshed(replace(new, step=state.step + 1))
        new = self._wait(new, self.times.update, "train/time/update")
        return new, replace(self.report(bench, contrast.free_activity, (contrast,), counts), lines=lines)

    def report(
        self, bench: Bench, free: Array, phases: Sequence[Contrast | Settled], counts: Mapping[str, Array]
    ) -> StepReport:
        """Return what a step tells: the loss of the activity `free` on `bench`, and how all its phases settled."""
        loss = float(bench.cost().loss(bench.output(free), bench.y).mean())
        settled = phases[0].settled
        for phase in phases[1:]:
            settled = settled & phase.settled
        residual = max(float(phase.residual.max()) for phase in phases)
        return StepReport(loss, float(settled.mean()), residual, counts)

    def apply(self, state: TrainState, bench: Bench, contrast: Contrast) -> TrainState:
        """Return the state after one update by a `contrast` measured elsewhere, such as in a circuit simulator."""
        new = programmed(self, state, bench, contrast, self.draws(state.step), {})
        return replace(new, step=state.step + 1)

    def pause(self, state: TrainState) -> TrainState:
        """Return the state after the pause between two epochs."""
        return self._wait(state, self.times.epoch, "train/time/epoch")

    def _wait(self, state: TrainState, seconds: float, name: str) -> TrainState:
        if seconds == 0:
            return state
        return replace(state, pairs=waited(self.crossbars, state.pairs, seconds, self.streams, name, state.step))

    def _after_phases(self, state: TrainState) -> TrainState:
        """Return the state at the end of the last phase of this step, as its bench has seen it grow older."""
        if not self.ageing:
            return state
        phases = self.phases(state, "train")
        samples = self.estimator.samples(self.streams.host("estimator", state.step))
        return replace(state, pairs=phases.pairs(1 + sum(sample.beta != 0 for sample in samples)))

    def _refreshed(self, state: TrainState) -> TrainState:
        if self.refresh is None:
            return state
        pairs, pulses, pulsed, refreshes = dict(state.pairs), state.pulses, state.pulsed, state.refreshes
        for name, crossbar in self.crossbars.items():
            rng = self.streams.generator(f"refresh/{name}", state.step)
            done = self.refresh.after_update(crossbar, pairs[name], state.step, rng)
            pairs[name] = done.state
            pulses, pulsed, refreshes = pulses + done.pulses, pulsed + done.pulsed, refreshes + done.refreshes
        return replace(state, pairs=pairs, pulses=pulses, pulsed=pulsed, refreshes=refreshes)

    def draws(self, step: int) -> dict[str, Any]:
        """Return the generator of what programming leaves to chance in training step `step`, per array."""
        return {name: self.streams.generator(f"program/{name}", step) for name in self.crossbars}
