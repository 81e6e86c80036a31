"""What is measured beside training."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EULER, batch_of, controller_of

from neurosim.backend import NUMPY
from neurosim.experiment.probe import evaluate, gradient_alignment, record_settling
from neurosim.learning.bench import Bench
from neurosim.learning.computed import REFERENCES
from neurosim.learning.controller import NOISE_SCOPES
from neurosim.learning.estimators import OscillatingEP, SymmetricEP
from neurosim.networks.neurons import Amplifier
from neurosim.networks.nudge import Nudge
from neurosim.numerics.status import Status
from neurosim.units import Scale


def test_alignment_of_the_exact_gradient_is_one():
    controller, state = controller_of(estimator=REFERENCES["rbp"])
    found = gradient_alignment(controller, state, *batch_of(controller))
    assert set(found) == {*controller.crossbars, "total"}
    assert list(found.values()) == pytest.approx([1.0] * len(found))


def test_alignment_falls_with_the_noise_that_the_estimator_sees():
    """The reference is the noise-free gradient, so that what the hardware measures is judged by it."""
    cosine = {}
    for noise in (0.0, 0.05):
        options = replace(EULER, free_steps=60, nudged_steps=60)
        controller, state = controller_of(
            estimator=SymmetricEP(0.05), read_noise=noise, noise_scope="phase", options=options
        )
        cosine[noise] = gradient_alignment(controller, state, *batch_of(controller))["total"]
    assert cosine[0.0] > 0.999
    assert abs(cosine[0.05]) < 0.9


@pytest.mark.parametrize("estimator", [SymmetricEP(0.2), OscillatingEP(0.2, points=4, dwell=30)], ids=lambda e: e.name)
def test_alignment_of_a_diverged_measurement_is_not_a_number(estimator):
    controller, state = controller_of(estimator=estimator)
    x, y = batch_of(controller)
    y[0, 0] = np.nan
    found = gradient_alignment(controller, state, x, y)
    assert all(np.isnan(value) for value in found.values())


def test_samples_without_a_steady_state_are_left_out_of_both_gradients_unless_they_stop_training(monkeypatch):
    controller, state = controller_of(on_unsettled="mask")
    x, y = batch_of(controller)
    keep = np.arange(len(x)) != 1
    expected = gradient_alignment(controller, state, x[keep], y[keep])
    assert expected != gradient_alignment(controller, state, x, y)
    found = Bench.operating_point

    def one_missing(self, start=None):
        free = found(self, start)
        settled = keep if len(keep) == len(free.settled) else free.settled
        return replace(free, settled=settled, status=Status.UNSETTLED)

    monkeypatch.setattr(Bench, "operating_point", one_missing)
    masked = gradient_alignment(controller, state, x, y)
    assert masked == pytest.approx(expected, abs=1e-12)
    stopped = gradient_alignment(replace(controller, on_unsettled="raise"), state, x, y)
    assert all(np.isnan(value) for value in stopped.values())


class Heard:
    """Stands for a trace: keeps the instants that are recorded."""

    def __init__(self):
        self.u, self.beta = [], []

    def settling_record(self, time_s, states, beta):
        self.u.append(np.concatenate([u for u, _ in states.values()], axis=1) / 0.2)
        self.beta.append(beta)


def settling(scope, options):
    controller, state = controller_of(read_noise=0.05, noise_scope=scope, options=options)
    heard = Heard()
    record_settling(controller, state, *batch_of(controller), heard, Scale(v_ref=0.2, g_ref=1e-6, c_node=1e-12))
    return heard, controller, state


def test_recorded_voltages_are_those_behind_loaded_amplifiers():
    options = replace(EULER, dt=0.1, free_steps=300, nudged_steps=1)
    controller, state = controller_of(options=options, amplifier=Amplifier(30.0))
    x, y = batch_of(controller)
    heard = Heard()
    record_settling(controller, state, x, y, heard, Scale(v_ref=0.2, g_ref=1e-6, c_node=1e-12))
    bench = controller.bench(state, x, y)
    free = bench.exact(1e-12).free()
    assert heard.u[300] == pytest.approx(bench.network.voltage(free.u), abs=1e-6)
    assert (abs(heard.u[300]) < 0.8 * abs(free.u)).all()


def test_recorded_settling_shows_the_read_noise_of_its_scope():
    """Frozen and per phase the network comes to rest, with fresh noise at every read it never does."""
    options = replace(EULER, free_steps=60, nudged_steps=60)
    rest = {scope: abs(np.diff(settling(scope, options)[0].u[50:61], axis=0)).max() for scope in NOISE_SCOPES}
    assert rest["frozen"] < 1e-6
    assert rest["phase"] < 1e-6
    assert rest["step"] > 1e-2


def test_recorded_phases_read_the_weights_of_their_phase():
    steps = 300  # one sample relaxes slowly
    heard, controller, state = settling("phase", replace(EULER, free_steps=steps, nudged_steps=steps))
    bench = controller.bench(state, *batch_of(controller), "trace")
    samples = (0.0, 0.2, -0.2)
    assert heard.beta == [b for b in samples for _ in range(steps + 1)]
    for phase, beta in enumerate(samples):
        end = heard.u[(steps + 1) * phase + steps]
        nudge = Nudge(bench.cost(phase), bench.y, beta)
        residual = bench.field(nudge, phase).target(0.0, end, np.empty_like(end)) - end
        assert abs(residual).max() < 1e-6


def test_evaluation_does_not_depend_on_how_the_samples_are_cut_into_batches(monkeypatch):
    from neurosim.experiment import probe

    controller, state = controller_of(read_noise=0.05)
    x, y = batch_of(controller, batch=20)
    labels = y.argmax(axis=1)
    whole = evaluate(controller, state, x, y, labels, NUMPY)
    monkeypatch.setattr(probe, "EVALUATION_BATCH", 7)
    assert evaluate(controller, state, x, y, labels, NUMPY) == pytest.approx(whole, rel=1e-12)
    assert 0 <= whole[1] <= 1
    assert whole[2] == 1.0
    hasty = replace(controller, options=replace(controller.options, free_steps=1, method="transient", tolerance=1e-6))
    assert evaluate(hasty, state, x, y, labels, NUMPY)[2] == 0.0


def test_measuring_beside_training_draws_its_own_noise():
    controller, state = controller_of(read_noise=0.05)
    x, y = batch_of(controller, batch=4)
    seen = [controller.bench(state, x, y, use).weights(0)["W1"] for use in ("train", "test", "probe", "test")]
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])
    assert np.array_equal(seen[1], seen[3])
