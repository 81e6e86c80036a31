"""What is measured beside training: accuracy, gradient alignment, and one settling trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from neurosim.backend import Array, Backend, namespace
from neurosim.errors import ConvergenceError
from neurosim.learning.bench import Bench
from neurosim.learning.contrast import measure
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.coupling import HeldCoupling, coupling, estimated_asymmetry, homeostatic_loss, jacobian, symmetry
from neurosim.learning.reference import alignment, measure_rbp
from neurosim.networks.feedback import angle, as_feedback, feedback_pairs
from neurosim.networks.nudge import Nudge
from neurosim.networks.rate import RateNetwork
from neurosim.numerics.status import Status
from neurosim.settle import transient
from neurosim.traces import TraceWriter
from neurosim.units import Scale

EVALUATION_BATCH = 256
ASYMMETRY_DRAWS = 8
"""Noise draws per sample for the asymmetry of kernels; a draw counts once for every neuron."""


def evaluate(
    controller: Controller, state: TrainState, x: Array, y: Array, labels: np.ndarray, backend: Backend
) -> tuple[float, float, float]:
    """Return (mean loss, accuracy, settled fraction) of the free phase on inputs x, targets y and integer labels."""
    losses, hits, settled = 0.0, 0, 0
    noise = None
    for start in range(0, len(labels), EVALUATION_BATCH):
        rows = slice(start, start + EVALUATION_BATCH)
        bench = controller.bench(state, x[rows], y[rows], "test")
        noise = noise or bench.rng  # one stream of state noise runs on over all batches
        free = replace(bench, rng=noise).free()
        a, cost = bench.output(bench.reading(free.a)), bench.cost()
        settled += int(free.settled.sum())
        losses += float(cost.loss(a, bench.y).sum())
        hits += int((backend.to_host(cost.scores(a)).argmax(axis=1) == labels[rows]).sum())
    return losses / len(labels), hits / len(labels), settled / len(labels)


def gradient_alignment(controller: Controller, state: TrainState, x: Array, y: Array) -> dict[str, float]:
    """Return the cosine of the estimator's gradient, as the hardware measures it, with the exact one.

    Keys are the arrays and ``total``; all are NaN where a gradient does not exist: a free state that does not settle,
    or a running network that diverged. Where training goes on with unsettled samples, those without a steady state are
    left out on both sides.
    """
    weights = controller.weights(state)
    ideal = Bench(controller.loaded(state), lambda _: weights, x, y, controller.options)
    try:
        exact = measure_rbp(ideal, mask=controller.on_unsettled != "raise")
        if not bool(exact.settled.all()):
            x, y = x[exact.settled], y[exact.settled]
        bench = controller.bench(state, x, y, "probe")
        rng = controller.streams.host("estimator", state.step)
        contrast = measure(bench, controller.estimator, rng, mask=controller.leaves_out)
    except ConvergenceError:
        return {**dict.fromkeys(controller.crossbars, float("nan")), "total": float("nan")}
    return alignment(contrast.gradient(), exact.gradient())


def upkeep(controller: Controller, state: TrainState) -> dict[str, float]:
    """Return what arrays that are refreshed or wear out have gone through; nothing for others.

    Keys: ``refreshes``; and ``worn_<array>``, the share of devices that have stopped, ``writes_max_<array>`` and
    ``writes_mean_<array>``, pulses per device.
    """
    found: dict[str, float] = {} if controller.refresh is None else {"refreshes": state.refreshes}
    for name, crossbar in controller.crossbars.items():
        if not crossbar.wears:
            continue
        pair = state.pairs[name]
        planes = [(crossbar.plus, pair.plus), (crossbar.minus, pair.minus)][: 2 if crossbar.layout.signed else 1]
        writes = [now.past.writes for _, now in planes]
        devices = sum(count.size for count in writes)
        found[f"worn_{name}"] = sum(float(plane.stopped(now).sum()) for plane, now in planes) / devices
        found[f"writes_max_{name}"] = max(float(count.max()) for count in writes)
        found[f"writes_mean_{name}"] = sum(float(count.sum()) for count in writes) / devices
    return found


def asymmetry(controller: Controller, state: TrainState, x: Array, y: Array) -> dict[str, float]:
    """Return how far an untied network is from a symmetric one; nothing for a network of tied arrays.

    Keys: ``angle_<feedback array>`` [degrees] to its forward array, and ``coupling_symmetry``,
    ``jacobian_symmetry`` (with the leak) and ``homeostatic_loss`` of the coupling of the free layers: of dense layers
    from the matrix itself; with kernels means over the samples `x`, `y`, with the pools at the end of their free
    phases, estimated from noise (NaN if a state is not finite).
    """
    network, weights = controller.network, controller.weights(state)
    if not isinstance(network, RateNetwork):
        return {}
    top = network.topology
    found = {
        f"angle_{back.name}": angle(as_feedback(forward, weights[forward.name]), weights[back.name])
        for forward, back in feedback_pairs(top)
    }
    if all(s.reciprocal or top.by_name[s.pre].clamped for s in top.synapses):
        return found
    if top.convolutional:
        bench = Bench(network, lambda _: weights, x, y, replace(controller.options, noise=0.0))
        values = _estimated(bench, controller.streams.generator("probe/asymmetry", state.step))
    else:
        m = coupling(network, weights)
        values = symmetry(m), symmetry(jacobian(network, m)), homeostatic_loss(m)
    names = "coupling_symmetry", "jacobian_symmetry", "homeostatic_loss"
    return found | dict(zip(names, values, strict=True))


def _estimated(bench: Bench, rng: Any) -> tuple[float, float, float]:
    """Return both symmetries and the homeostatic loss of the coupling of kernels at the end of the free phase."""
    network, free = cast("RateNetwork", bench.network), bench.free()
    if free.status is Status.DIVERGED:
        return float("nan"), float("nan"), float("nan")
    a = namespace(free.a).tile(free.a, (ASYMMETRY_DRAWS, 1))
    noise = rng.standard_normal(a.shape, dtype=a.dtype)
    return estimated_asymmetry(HeldCoupling(network, bench.weights(0), a), noise)


def record_settling(
    controller: Controller, state: TrainState, x: Array, y: Array, writer: TraceWriter, scale: Scale
) -> None:
    """Write one settling of the batch x, y under the experiment's teaching signal to the trace, in SI units.

    Phased estimators: the free phase, then each nudged phase restarted from the free state, one after the other.
    Continuous ones: the run under the oscillating beta. Always integrated in time.
    """
    bench = controller.bench(state, x, y, "trace")
    recorder = _Recorder(controller, bench, writer, scale)
    estimator, options = controller.estimator, controller.options
    if hasattr(estimator, "schedule"):
        signal = estimator.signal(options.dt)
        recorder.phase(bench.start(), max(dict(estimator.schedule())), signal)
        return
    samples = estimator.samples(controller.streams.host("estimator", state.step))
    nudged = [s for s in samples if s.beta != 0]
    recorder.is_complex = any(isinstance(s.beta, complex) for s in nudged)
    free = recorder.phase(bench.start(), options.free_steps, None)
    for sample in nudged:
        recorder.phase(free, options.nudged_steps, sample.beta)


class _Recorder:
    """Integrates phase after phase on one time axis and hands every step to the trace."""

    def __init__(self, controller: Controller, bench: Bench, writer: TraceWriter, scale: Scale) -> None:
        self.controller, self.bench, self.writer, self.scale = controller, bench, writer, scale
        self.to_host = controller.streams.backend.to_host
        self.is_complex = False
        self.time = 0.0
        self.phases = 0

    def phase(self, start: Array, steps: int, beta: Any) -> Array:
        """Integrate `steps` from `start` under `beta` (None, a number or a function of time); return the end."""
        bench = self.bench
        at = beta if callable(beta) else lambda _: 0.0 if beta is None else beta
        self.is_complex = self.is_complex or isinstance(at(0.0), complex)
        nudge = None if beta is None else Nudge(bench.cost(self.phases), bench.y, beta)
        field = bench.field(nudge, self.phases)
        self.phases += 1
        if isinstance(at(0.0), complex):
            start = start.astype(np.result_type(start.dtype, np.complex64))
        offset = self.time

        def observe(step: int, t: float, u: Array) -> None:
            self._record(offset + t, u, at(t))

        self._record(offset, start, at(0.0))
        result = transient(field, start, steps, bench.options, rng=bench.rng, observe=observe)
        self.time = offset + steps * self.controller.options.dt
        return result.u

    def _record(self, t: float, u: Array, beta: complex) -> None:
        network = self.bench.network
        a, v = network.activity(u), network.voltage(u)
        states = {
            layer: (self._volts(v[:, part]), self._volts(a[:, part])) for layer, part in network.topology.slices.items()
        }
        self.writer.settling_record(t * self.scale.tau, states, complex(beta))

    def _volts(self, values: Array) -> np.ndarray:
        host = self.to_host(values) * self.scale.v_ref
        return host.astype(np.complex64) if self.is_complex else host
