"""The learning controller: phases -> contrast -> optimiser -> programmer -> new state. The one training step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar import Crossbar, PairLines, PairState
from neurosim.crossbar.refresh import Refresh
from neurosim.errors import ConfigError, ConvergenceError, choose
from neurosim.learning.bench import Bench, Network, Weights
from neurosim.learning.contrast import Contrast, measure
from neurosim.learning.conversion import Converters
from neurosim.learning.homeostasis import Homeostasis
from neurosim.learning.line_loss import LineReport, solve_lines, through_lines
from neurosim.learning.optimiser import Optimiser
from neurosim.learning.periphery import check_periphery
from neurosim.learning.programmers import Change, Programmer
from neurosim.learning.reads import FreshReadNoise, FreshReadoutNoise
from neurosim.learning.reference import measure_rbp
from neurosim.learning.times import INSTANT, Phases, Times, waited
from neurosim.networks.feedback import FEEDBACK, VECTOR_FIELD
from neurosim.networks.neurons import Amplifier, summed_conductance
from neurosim.networks.rate import RateNetwork
from neurosim.numerics.status import Status
from neurosim.rng import Streams
from neurosim.settle import SettleOptions

NOISE_SCOPES = ("frozen", "phase", "step")
POLICIES = ("raise", "mask", "accept")


@dataclass(frozen=True, slots=True)
class TrainState:
    """All that evolves: conductances of each array, what the optimiser keeps, updates, pulses and refreshes.

    `pulsed` is the sum over all pulses of the conductance of the device that got it [S]: times ``V^2 t`` it is the
    energy of programming by pulses of voltage V and width t. `lines` is, with line resistance, the attenuation of each
    plane of devices at the last solution, see `PairLines`.
    """

    pairs: Mapping[str, PairState]
    velocity: Mapping[str, Array] = field(default_factory=dict)
    step: int = 0
    pulses: float = 0.0
    pulsed: float = 0.0
    refreshes: float = 0.0
    lines: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one training step tells: mean free loss, settled fraction, worst residual, counts per array.

    `lines` is there when the step began with a new solution of the lines.
    """

    loss: float
    settled: float
    residual: float
    counts: Mapping[str, Array]
    lines: LineReport | None = None


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
        A phased or continuous estimator, a computed `Reference`, or None for the exact gradient (RBP).
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
    keep_counts
        Report the pulse counts of each array, in situ the net ones of all groups.
    lines
        Line resistance of all arrays, or None. Reads go through it, programming does not.

    Raises
    ------
    ConfigError
        Unknown scope or policy; momentum or weight decay where no digital gradient is formed; arrays whose mapping,
        noise whose scope, or lines, the network does not have.
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
    dropout: Mapping[str, float] = field(default_factory=dict)
    times: Times = INSTANT
    refresh: Refresh | None = None
    lines: PairLines | None = None
    converters: Converters | None = None
    amplifier: Amplifier | None = None

    def __post_init__(self) -> None:
        choose(dict.fromkeys(NOISE_SCOPES), self.noise_scope, "crossbar.read_noise_scope")
        choose(dict.fromkeys(POLICIES), self.on_unsettled, "settle.on_unsettled")
        choose(dict.fromkeys(FEEDBACK), self.feedback, "learning.feedback")
        if self.homeostasis is not None and self.in_situ:
            raise ConfigError(
                "learning.homeostasis: its update has no two phases to program in place; set update = 'differenced'"
            )
        if self.optimiser.digital and (self.in_situ or self.programmer.needs_factors):
            how = "update = 'in_situ'" if self.in_situ else f"programmer = {self.programmer.name!r}"
            raise ConfigError(
                f"train.optimiser = 'adamw', train.momentum, train.weight_decay: need a digital gradient, which "
                f"learning.{how} never forms"
            )
        if self.dropout and not isinstance(self.network, RateNetwork):
            raise ConfigError(
                f"network.dropout: a {type(self.network).__name__} has no neurons to silence; leave it out"
            )
        if self.converters or self.amplifier:
            check_periphery(self)
        self._check_arrays()

    @property
    def _kind(self) -> str:
        return type(self.network).__name__

    def _check_arrays(self) -> None:
        kind, layouts = type(self.network).__name__, self.network.layouts
        if self.lines is not None and not isinstance(self.network, RateNetwork):
            raise ConfigError(
                f"crossbar.wires: a {kind} is not read at virtual grounds, so its lines are no effective conductance; "
                "leave the resistances 0"
            )
        kind, layouts = self._kind, self.network.layouts
        kernels = " with kernels" if self.network.topology.convolutional else ""
        for name, crossbar in self.crossbars.items():
            if (crossbar.mapping, crossbar.scheme) not in layouts:
                allowed = ", ".join(f"{m!r} with scheme {s!r}" for m, s in sorted(layouts))
                raise ConfigError(
                    f"crossbar {name}: mapping = {crossbar.mapping!r} with scheme = {crossbar.scheme!r}: this {kind} "
                    f"has {allowed}"
                )
            if self.noise_scope == "step" and crossbar.read_noise and not self.network.fresh_reads:
                raise ConfigError(
                    f"crossbar.read_noise_scope = 'step': not modelled in a {kind}{kernels}; allowed: 'frozen', 'phase'"
                )

    def weights(self, state: TrainState) -> dict[str, Any]:
        """Return what the network reads of all arrays without noise: weights, or conductances."""
        return {name: self.network.read(self.crossbars[name], pair) for name, pair in self.seen(state).items()}

    def seen(self, state: TrainState) -> Mapping[str, PairState]:
        """Return all pairs as their terminals see them: with line resistance, attenuated as at the last solution."""
        return state.pairs if self.lines is None else through_lines(state.pairs, self._attenuation(state))

    def _attenuation(self, state: TrainState) -> Mapping[str, Array]:
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
        if use == "train" and self.dropout:
            masked = replace(self.network, gain=self._gain(state.step, x))  # a rate network, as __post_init__ saw
            return replace(self, network=masked, dropout={}).bench(state, x, y, use)
        if self.amplifier is not None:
            return replace(self, network=self.loaded(state), amplifier=None).bench(state, x, y, use)
        found = self._analog_bench(state, x, y, use)
        return found if self.converters is None else self.converters.on(found, self.streams, use, state.step)

    def _analog_bench(self, state: TrainState, x: Array, y: Array, use: str) -> Bench:
        """Return the bench without converters."""
        rng = self.streams.generator(f"{use}/state-noise", state.step) if self.options.noise else None
        noisy = any(crossbar.read_noise > 0 for crossbar in self.crossbars.values())
        aged = self._phases(state, use)
        if aged is not None:
            return self._ageing_bench(aged, x, y, rng, noisy)
        if not noisy:
            weights = self.weights(state)
            return Bench(self.network, lambda _: weights, x, y, self.options, rng=rng, feedback=self.feedback)
        if self.noise_scope == "step":
            return self._fresh_bench(state, x, y, rng, use)
        read = self._reading(state, use, per_phase=self.noise_scope == "phase")
        frozen = self.noise_scope == "frozen"
        return Bench(self.network, read, x, y, self.options, rng=rng, one_reading=frozen, feedback=self.feedback)

    def _phases(self, state: TrainState, use: str) -> Phases | None:
        """Return the arrays at each phase of this step; None where all phases find the same."""
        if not (self.times.within_step and any(c.ages for c in self.crossbars.values())):
            return None
        lines = None if self.lines is None else self._attenuation(state)
        return Phases(self.crossbars, self.times, self.streams, use, state.step, lines, [state.pairs])

    def _ageing_bench(self, phases: Phases, x: Array, y: Array, rng: Any, noisy: bool) -> Bench:
        """Return the bench whose phases read conductances of their own age."""
        if noisy and self.noise_scope == "step":
            raise ConfigError(
                "crossbar.read_noise_scope = 'step': not modelled where devices age between phases; allowed: 'frozen', "
                "'phase'"
            )
        read = phases.reading(self.network, noisy, per_phase=self.noise_scope == "phase")
        return Bench(self.network, read, x, y, self.options, rng=rng, one_reading=False, feedback=self.feedback)

    def _gain(self, step: int, x: Array) -> Array:
        """Return 0 for dropped neurons and 1/(1 - p) for others, (batch, nodes): the mean activity is kept."""
        xp, top = namespace(x), self.network.topology
        gain = xp.ones((x.shape[0], top.nodes), dtype=x.dtype)
        for layer, share in self.dropout.items():
            part, rng = top.slices[layer], self.streams.generator(f"dropout/{layer}", step)
            kept = rng.random((x.shape[0], part.stop - part.start), dtype=x.dtype) >= share
            gain[:, part] = kept.astype(x.dtype) * (1 / (1 - share))
        return gain

    def _fresh_bench(self, state: TrainState, x: Array, y: Array, rng: Any, use: str) -> Bench:
        """Return the bench whose every read is noisy anew."""
        weights, top, pairs = self.weights(state), self.network.topology, self.seen(state)
        draw = self.streams.generator(f"{use}/read", state.step)

        def fresh(inputs: Array) -> FreshReadNoise:
            return FreshReadNoise(top, self.crossbars, pairs, inputs, draw)

        readout = FreshReadoutNoise(top, self.crossbars, pairs, draw) if top.readout else None
        return Bench(self.network, lambda _: weights, x, y, self.options, fresh, readout, rng, feedback=self.feedback)

    def _reading(self, state: TrainState, use: str, *, per_phase: bool) -> Callable[[int], Weights]:
        drawn: dict[int, Weights] = {}
        pairs = self.seen(state)

        def read(phase: int) -> Weights:
            key = phase if per_phase else 0
            if key not in drawn:
                drawn[key] = {
                    name: self.network.read(
                        self.crossbars[name], pair, self.streams.generator(f"{use}/read/{name}/{key}", state.step)
                    )
                    for name, pair in pairs.items()
                }
            return drawn[key]

        return read

    def contrast(self, state: TrainState, bench: Bench) -> Contrast:
        """Measure the contrast of this step, holding to the policy for samples that did not settle."""
        if self.estimator is None:
            return measure_rbp(bench)
        found = measure(
            bench,
            self.estimator,
            self.streams.host("estimator", state.step),
            mask=self.on_unsettled == "mask",
        )
        if found.status is Status.DIVERGED:  # no policy can use a state that is not a number
            raise ConvergenceError(f"training step {state.step}: {found.status.value}")
        bad = int((~found.settled).sum())
        if bad and self.on_unsettled == "raise":
            limit = f"; {found.status.value}" if found.status is Status.STEP_LIMIT else ""
            raise ConvergenceError(
                f"training step {state.step}: {bad} of {found.settled.shape[0]} samples did not settle (largest "
                f"residual {float(found.residual.max()):.3g}, settle.tolerance = {self.options.tolerance:g}{limit}). "
                "Allow more settle.free_steps / nudged_steps, use a smaller network.init_gain or learning.beta, or "
                "set settle.on_unsettled = 'mask' or 'accept'"
            )
        return found

    def step(self, state: TrainState, x: Array, y: Array) -> tuple[TrainState, StepReport]:
        """Return the state after one update on inputs x (batch, n_in) and targets y (batch, n_classes)."""
        due = self.lines is not None and (not state.lines or state.step % self.lines.refresh == 0)
        state, lines = self.solved(state) if due else (state, None)
        bench = self.bench(state, x, y)
        contrast = self.contrast(state, bench)
        if self.homeostasis is not None:
            contrast = self.homeostasis.added(contrast, bench, self.streams.generator("homeostasis", state.step))
        loss = float(bench.cost().loss(bench.output(contrast.free_activity), y).mean())
        new, counts = self._program(self._after_phases(state), bench, contrast)
        new = self._wait(self._refreshed(new), self.times.update, "train/time/update")
        return new, StepReport(loss, float(contrast.settled.mean()), float(contrast.residual.max()), counts, lines)

    def apply(self, state: TrainState, bench: Bench, contrast: Contrast) -> TrainState:
        """Return the state after one update by a `contrast` measured elsewhere, such as in a circuit simulator."""
        return self._program(state, bench, contrast)[0]

    def pause(self, state: TrainState) -> TrainState:
        """Return the state after the pause between two epochs."""
        return self._wait(state, self.times.epoch, "train/time/epoch")

    def _wait(self, state: TrainState, seconds: float, name: str) -> TrainState:
        if seconds == 0:
            return state
        return replace(state, pairs=waited(self.crossbars, state.pairs, seconds, self.streams, name, state.step))

    def _after_phases(self, state: TrainState) -> TrainState:
        """Return the state at the end of the last phase of this step, as its bench has seen it grow older."""
        phases = self._phases(state, "train")
        if phases is None:
            return state
        samples = [] if self.estimator is None else self.estimator.samples(self.streams.host("estimator", state.step))
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

    def _program(self, state: TrainState, bench: Bench, contrast: Contrast) -> tuple[TrainState, dict[str, Array]]:
        pairs, velocity = dict(state.pairs), dict(state.velocity)
        counts: dict[str, Array] = {}
        pulses, pulsed = state.pulses, state.pulsed
        for name, crossbar in self.crossbars.items():
            rng = self.streams.generator(f"program/{name}", state.step)
            for change in self._changes(name, contrast, bench, velocity, state.step):
                before = pairs[name]
                done = self.programmer.program(crossbar, before, change, rng)
                pairs[name] = done.state
                if done.counts is not None:
                    pulses += float(abs(done.counts).sum()) * crossbar.devices_per_pulse
                    pulsed += 0.5 * sum(crossbar.pulsed(pair, done.counts) for pair in (before, done.state))
                    if self.keep_counts:
                        counts[name] = counts[name] + done.counts if name in counts else done.counts
        return replace(state, pairs=pairs, velocity=velocity, step=state.step + 1, pulses=pulses, pulsed=pulsed), counts

    def _changes(
        self, name: str, contrast: Contrast, bench: Bench, velocity: dict[str, Array], step: int
    ) -> list[Change]:
        scale = 1 / contrast.batch
        if self.in_situ:
            scale *= self.optimiser.rate(name, step)
            return [Change(group.factors[name], scale) for group in contrast.groups]
        wanted = Change(contrast.factors(name), scale)
        weights = self.network.weight(bench.weights(0)[name])
        change, moved = self.optimiser.change(name, wanted, weights, velocity.get(name), step)
        if moved is not None:
            velocity[name] = moved
        return [change]
