"""Weights that move during the nudged phase (C-EP)."""

from dataclasses import replace

import numpy as np
import pytest
from experiment.tiny import tiny
from small_controller import EXACT, batch_of, controller_of, device_of, moved
from standard_errors import check_mean

from neurosim.errors import ConfigError, ConvergenceError
from neurosim.experiment import run
from neurosim.learning.computed import REFERENCES
from neurosim.learning.continual import Continual
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, RandomSignEP, SymmetricEP
from neurosim.learning.homeostasis import Homeostasis
from neurosim.learning.programmers import RoundedProgrammer, StochasticProgrammer
from neurosim.learning.times import Times
from neurosim.settle import SettleOptions

BETA = 0.2
ONE_SIDED = OneSidedEP(BETA)
EVERY_STEP = Continual()


def changes(continual, *, estimator=ONE_SIDED, batch=7, **fields):
    controller, state = controller_of(estimator=estimator, continual=continual, **fields)
    new, report = controller.step(state, *batch_of(controller, batch))
    assert new.step == state.step + 1
    return moved(controller, state, new), new, report


def distance(one, other):
    return np.sqrt(sum(((one[k] - other[k]) ** 2).sum() for k in one) / sum((other[k] ** 2).sum() for k in one))


@pytest.mark.parametrize(
    "topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=["tied", "untied", "readout"]
)
@pytest.mark.parametrize("estimator", [ONE_SIDED, RandomSignEP(BETA)], ids=lambda e: e.name)
def test_all_steps_at_once_are_the_ordinary_update_bit_for_bit(estimator, topology):
    sizes = (6, 5, 4, 3)
    once, _, told = changes(Continual(10), estimator=estimator, topology=topology, sizes=sizes)
    ordinary, _, report = changes(None, estimator=estimator, topology=topology, sizes=sizes)
    for name, change in ordinary.items():
        np.testing.assert_array_equal(once[name], change, err_msg=name)
    assert (told.loss, told.residual, told.settled) == (report.loss, report.residual, report.settled)


@pytest.mark.parametrize("every", [1, 5])
def test_difference_from_ep_is_of_second_order_in_the_learning_rate(every):
    """Weights move by O(lr) in a phase, so the increments change by O(lr) of themselves: a slope of 1, relative."""
    errors = []
    for lr in (1e-5, 1e-4, 1e-3):
        ordinary, _, _ = changes(None, lr=lr)
        errors.append(distance(changes(Continual(every), lr=lr)[0], ordinary))
    assert np.diff(np.log10(errors)) == pytest.approx([1, 1], abs=0.05)
    assert errors[-1] > 1e-3


def test_update_is_that_of_the_published_loop():
    """``s <- sigma(drive of W_t)``, ``W <- W + lr (s s^T - s_old s_old^T) / beta``, written out on its own."""
    lr = 0.02
    controller, state = controller_of(estimator=ONE_SIDED, lr=lr, continual=EVERY_STEP)
    x, y = batch_of(controller)
    w = {name: value.copy() for name, value in controller.weights(state).items()}

    def sigma(u):
        return 1 / (1 + np.exp(2 - 4 * u))

    def drives(h, out, beta):
        return x @ w["W1"] + out @ w["W2"].T + w["b1"], h @ w["W2"] + w["b2"] - beta * (out - y)

    u = np.zeros((len(x), 5)), np.zeros((len(x), 4))
    for _ in range(30):
        u = drives(*map(sigma, u), 0.0)
    for _ in range(10):
        h, out = map(sigma, u)
        u = drives(h, out, BETA)
        h2, out2 = map(sigma, u)
        gain = lr / BETA / len(x)
        w["W1"] += gain * x.T @ (h2 - h)
        w["W2"] += gain * (h2.T @ out2 - h.T @ out)
        w["b1"] += gain * (h2 - h).sum(axis=0, keepdims=True)
        w["b2"] += gain * (out2 - out).sum(axis=0, keepdims=True)
    new, _ = controller.step(state, x, y)
    for name, value in controller.weights(new).items():
        np.testing.assert_allclose(value, w[name], rtol=0, atol=1e-12, err_msg=name)


def test_weights_that_move_too_fast_change_what_the_states_relax_to():
    """The gain of the loop through states and weights grows with lr / beta: small, then far from EP."""
    slow, fast = (distance(changes(EVERY_STEP, lr=lr)[0], changes(None, lr=lr)[0]) for lr in (1e-3, 0.3))
    assert slow < 0.05
    assert fast > 1


def test_rounded_pulses_are_counted_over_the_whole_phase():
    device = device_of("constant_step")
    programmer = RoundedProgrammer("stochastic")
    change, new, report = changes(EVERY_STEP, device=device, programmer=programmer, lr=0.01, keep_counts=True)
    controller, _ = controller_of(device=device)
    assert new.pulses > 0
    for name, counts in report.counts.items():
        step = controller.crossbars[name].weight_step
        np.testing.assert_allclose(change[name], counts * step, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    "programmer", [RoundedProgrammer("stochastic"), StochasticProgrammer(31)], ids=lambda p: p.name
)
def test_pulses_make_in_the_mean_the_change_of_an_exact_write(programmer):
    device, lr, draws = device_of("constant_step", step=2e-10), 1e-3, 30
    exact = changes(EVERY_STEP, device=device, lr=lr)[0]["W2"]
    controller, state = controller_of(
        estimator=ONE_SIDED, continual=EVERY_STEP, device=device, programmer=programmer, lr=lr
    )
    x, y = batch_of(controller)
    found = [
        moved(controller, state, controller.step(replace(state, step=k), x, y)[0])["W2"].ravel() for k in range(draws)
    ]
    check_mean(found, exact.ravel())


@pytest.mark.parametrize("scope", ["frozen", "phase"])
def test_one_draw_of_read_noise_serves_all_readings_of_the_moving_weights(scope):
    """Drawn anew after each of the ten updates, it would not cancel between their increments."""
    noisy = {"read_noise": 0.1, "noise_scope": scope, "lr": 1e-4}
    assert distance(changes(EVERY_STEP, **noisy)[0], changes(None, **noisy)[0]) < 0.01


def test_samples_whose_free_phase_did_not_settle_do_not_count():
    short = SettleOptions(free_steps=4, nudged_steps=4, tolerance=0.02)
    controller, state = controller_of(
        estimator=ONE_SIDED, continual=EVERY_STEP, options=short, on_unsettled="mask", lr=1e-3
    )
    x, y = batch_of(controller, 12)
    settled = controller.bench(state, x, y).free().settled
    assert 0 < settled.sum() < 12
    masked, _ = controller.step(state, x, y)
    alone, _ = controller.step(state, x[settled], y[settled])
    for name, weights in controller.weights(masked).items():
        np.testing.assert_allclose(weights, controller.weights(alone)[name], rtol=0, atol=1e-12, err_msg=name)
    with pytest.raises(ConvergenceError, match="samples did not settle"):
        replace(controller, on_unsettled="raise").step(state, x, y)


FRESH = {"noise_scope": "step", "read_noise": 0.1}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"estimator": SymmetricEP(BETA)}, "estimator = 'symmetric'.*one_sided, random_sign"),
        ({"estimator": HolomorphicEP(BETA, 4)}, "estimator = 'holomorphic'"),
        ({"estimator": REFERENCES["rbp"]}, "estimator = 'rbp'"),
        ({"estimator": ONE_SIDED, "options": EXACT}, "operating_point.*'transient'"),
        ({"estimator": ONE_SIDED, "momentum": 0.5}, "train.momentum"),
        ({"estimator": ONE_SIDED, "homeostasis": Homeostasis(1.0), "topology": {"tied": False}}, "homeostasis"),
        ({"estimator": ONE_SIDED, "in_situ": True}, "in_situ = True"),
        ({"estimator": ONE_SIDED, "times": Times(nudged_phase=1.0)}, "crossbar.times"),
        ({"estimator": ONE_SIDED, **FRESH}, "read_noise_scope = 'step'.*'frozen', 'phase'"),
        ({"estimator": ONE_SIDED, "continual": Continual(3)}, "update_every = 3.*nudged_steps = 10"),
    ],
)
def test_what_has_no_meaning_while_the_weights_move_is_refused(fields, says):
    with pytest.raises(ConfigError, match=f"learning.update = 'continual': .*{says}"):
        controller_of(**{"continual": EVERY_STEP, **fields})


CONTINUAL = {"update": "continual", "estimator": "one_sided", "programmer": "ideal"}


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"learning": {"estimator": "symmetric"}},
            r"\[learning\] estimator = 'symmetric'.*'one_sided' or 'random_sign'",
        ),
        ({"learning": {"estimator": "oscillating"}}, r"\[learning\] estimator = 'oscillating'"),
        ({"settle": {"method": "operating_point"}}, r"\[settle\] method = 'operating_point'.*'transient'"),
        ({"learning": {"update_every": 7}}, r"\[learning\] update_every = 7.*divisor of \[settle\] nudged_steps"),
        ({"learning": {"update": "differenced", "update_every": 2}}, "update_every = 2.*no effect"),
        ({"train": {"momentum": 0.9}}, r"\[train\] momentum = 0.9.*update = 'continual'"),
        (
            {"learning": {"homeostasis": 1.0}, "network": {"tied": False}},
            r"\[learning\] homeostasis = 1.0.*never forms",
        ),
        (
            {"crossbar": {"read_noise": 0.1, "read_noise_scope": "step"}, "settle": {"on_unsettled": "accept"}},
            r"\[crossbar\] read_noise_scope = 'step'.*'frozen' or 'phase'",
        ),
    ],
)
def test_contradicting_keys_are_refused(tables, says):
    with pytest.raises(ConfigError, match=says):
        tiny(**{**tables, "learning": {**CONTINUAL, **tables.get("learning", {})}})


def test_an_experiment_trains_so(tmp_path):
    found = {}
    for every in (1, 8):
        experiment = tiny(learning={**CONTINUAL, "update_every": every}, train={"lr": 1e-3}, settle={"nudged_steps": 8})
        found[every] = run(experiment, tmp_path / f"{every}.h5")
    assert found[1]["steps"] == found[8]["steps"]
    assert found[1]["train_loss"] == pytest.approx(found[8]["train_loss"], rel=0.05)
    assert found[1]["train_loss"] != found[8]["train_loss"]
