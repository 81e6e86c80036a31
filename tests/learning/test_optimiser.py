"""Optimisers and schedules against their formulas, written out update by update."""

import math
from dataclasses import replace

import numpy as np
import pytest
from small_controller import EXACT, batch_of, controller_of, moved

from neurosim.errors import ConfigError
from neurosim.learning.computed import REFERENCES
from neurosim.learning.optimiser import OPTIMISERS, SGD, AdamW
from neurosim.learning.programmers import Change, StochasticProgrammer
from neurosim.learning.reference import measure_rbp
from neurosim.learning.schedule import CONSTANT, SCHEDULES, CosineRate

LR = {"W1": 0.3, "b1": 0.3}
KEYS = {"momentum": 0.9, "weight_decay": 0.1, "decoupled": False, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}


def gradients(steps=5, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((7, 4)), rng.standard_normal((7, 3))) for _ in range(steps)]


def trained(optimiser, name="W1", steps=5):
    """Return the weights after each update by random gradients ``-P^T Q / 7``."""
    w, memory, found = np.full((4, 3), 0.5), None, []
    for step, (p, q) in enumerate(gradients(steps)):
        change, memory = optimiser.change(name, Change((p, q), 1 / 7), w, memory, step)
        w = w + change.weights()
        found.append(w)
    return found


def plain_sgd(momentum, decay, decoupled, lr=lambda step: 0.3):
    w, v, found = np.full((4, 3), 0.5), 0.0, []
    for step, (p, q) in enumerate(gradients()):
        g = -p.T @ q / 7
        v = momentum * v + g + (0 if decoupled else decay * w)
        w = w * (1 - (lr(step) * decay if decoupled else 0)) - lr(step) * v
        found.append(w)
    return found


def plain_adamw(decay, beta1=0.8, beta2=0.95, epsilon=1e-3, lr=lambda step: 0.3):
    w, m, v, found = np.full((4, 3), 0.5), 0.0, 0.0, []
    for t, (p, q) in enumerate(gradients(), start=1):
        g = -p.T @ q / 7
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        w = w - lr(t - 1) * (m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + epsilon) + decay * w)
        found.append(w)
    return found


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("decoupled", [False, True])
def test_sgd(momentum, decay, decoupled):
    found = trained(SGD(LR, momentum, decay, decoupled))
    np.testing.assert_allclose(found, plain_sgd(momentum, decay, decoupled), rtol=0, atol=1e-14)


@pytest.mark.parametrize("decoupled", [False, True])
def test_biases_decay_when_they_are_to(decoupled):
    found = trained(SGD(LR, 0.9, 0.1, decoupled, decay_biases=True), "b1")
    np.testing.assert_allclose(found, plain_sgd(0.9, 0.1, decoupled), rtol=0, atol=1e-14)
    np.testing.assert_allclose(trained(SGD(LR, 0.9, 0.1, decoupled), "b1"), plain_sgd(0.9, 0.0, False), atol=1e-14)
    adamw = trained(AdamW(LR, 0.1, 0.8, 0.95, 1e-3, decay_biases=True), "b1")
    np.testing.assert_allclose(adamw, plain_adamw(0.1), rtol=0, atol=1e-14)


def test_decoupled_and_coupled_decay_differ_only_under_momentum():
    apart = [abs(np.subtract(*(trained(SGD(LR, m, 0.1, d)) for d in (False, True)))).max() for m in (0.0, 0.9)]
    assert apart[0] < 1e-14
    assert apart[1] > 1e-2


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw(decay):
    optimiser = AdamW(LR, decay, 0.8, 0.95, 1e-3)
    np.testing.assert_allclose(trained(optimiser), plain_adamw(decay), rtol=0, atol=1e-13)


def test_first_update_of_adamw_is_the_sign_of_the_gradient():
    p, q = gradients(1)[0]
    change, memory = AdamW(LR, epsilon=1e-12).change("W1", Change((p, q), 1 / 7), np.zeros((4, 3)), None, 0)
    np.testing.assert_allclose(change.weights(), 0.3 * np.sign(p.T @ q), rtol=1e-9)
    assert memory.shape == (2, 4, 3)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_biases_do_not_decay_and_the_rate_is_that_of_the_schedule(name):
    schedule = CosineRate(4, 1, 0.01)
    with_decay, without = (
        OPTIMISERS[name](lr=LR, schedule=schedule, **{**KEYS, "weight_decay": decay}) for decay in (0.1, 0.0)
    )
    assert np.array_equal(trained(with_decay, "b1"), trained(without, "b1"))
    assert not np.array_equal(trained(with_decay), trained(without))
    rates = [0.01 + 0.29 * (1 + math.cos(math.pi * min(k, 4) / 4)) / 2 for k in range(5)]
    assert [with_decay.rate("W1", k) for k in range(5)] == pytest.approx(rates, rel=1e-14)
    plain = {"sgd": lambda: plain_sgd(0.9, 0.1, False, rates.__getitem__)}
    plain["adamw"] = lambda: plain_adamw(0.1, lr=rates.__getitem__)
    np.testing.assert_allclose(trained(with_decay), plain[name](), rtol=0, atol=1e-13)


def test_cosine_per_epoch_holds_the_rate_and_stays_at_the_end():
    per_epoch = SCHEDULES["cosine"](epochs=4, batches=3, per="epoch", lr_min=0.1)
    found = [per_epoch.rate(1.1, step) for step in range(20)]
    ends = [1.1, 0.1 + (1 + math.sqrt(0.5)) / 2, 0.6, 0.1 + (1 - math.sqrt(0.5)) / 2]
    assert found[:12] == pytest.approx(np.repeat(ends, 3))
    assert found[12:] == [0.1] * 8
    per_step = SCHEDULES["cosine"](epochs=4, batches=3, per="step", lr_min=0.1)
    assert [per_step.rate(1.1, step) for step in (0, 6, 12, 99)] == pytest.approx([1.1, 0.6, 0.1, 0.1])
    assert all(a > b for a, b in zip(found[:12:3], found[3:13:3], strict=False))
    assert per_step.rate(0.0, 5) == 0.0  # an array that does not learn never does
    assert SCHEDULES["constant"](epochs=4, batches=3, per="step", lr_min=0.1) is CONSTANT
    assert CONSTANT.rate(0.7, 10**6) == 0.7


def test_controller_hands_on_memory_and_step():
    controller, state = controller_of(options=EXACT, optimiser=AdamW(dict.fromkeys(("W1", "b1", "W2", "b2"), 0.01)))
    batch, memory = batch_of(controller), {}
    for step in range(3):
        gradient = measure_rbp(controller.bench(state, *batch)).gradient()
        expected = {}
        for name, g in gradient.items():
            change = Change(matrix=-g)
            done, memory[name] = controller.optimiser.change(name, change, 0 * g, memory.get(name), step)
            expected[name] = done.weights()
        exact = replace(controller, estimator=REFERENCES["rbp"])
        after, _ = exact.step(state, *batch)
        for name, change in moved(controller, state, after).items():
            np.testing.assert_allclose(change, expected[name], rtol=0, atol=1e-9, err_msg=name)
        state = after


def test_in_situ_updates_follow_the_schedule_too():
    rates = dict.fromkeys(("W1", "b1", "W2", "b2"), 0.1)
    changes = []
    for step in (0, 2):
        controller, state = controller_of(options=EXACT, optimiser=SGD(rates, schedule=CosineRate(4)), in_situ=True)
        at = replace(state, step=step)
        changes.append(moved(controller, at, controller.step(at, *batch_of(controller))[0])["W1"])
    np.testing.assert_allclose(changes[1], 0.5 * changes[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("fields", [{"in_situ": True}, {"programmer": StochasticProgrammer()}])
def test_adamw_needs_a_digital_gradient(fields):
    with pytest.raises(ConfigError, match=r"optimiser = 'adamw'.*never forms"):
        controller_of(optimiser=AdamW({}), **fields)
