"""Untied arrays: the vector-field form, and the shared update that makes pairs alike."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EXACT, batch_of, controller_of, moved
from small_conv_net import bench_of as conv_bench
from small_net import bench_of

from neurosim.errors import ConfigError
from neurosim.learning.computed import REFERENCES
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.programmers import StochasticProgrammer
from neurosim.networks.feedback import KOLEN_POLLACK, as_feedback, feedback_pairs

ESTIMATORS = pytest.mark.parametrize(
    "estimator", [OneSidedEP(0.2), SymmetricEP(0.2), HolomorphicEP(0.2, 5)], ids=lambda e: e.name
)
UNTIED = {"tied": False}


def gradient(bench, estimator):
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


def test_vector_field_form_is_pre_at_the_free_state_and_the_response_of_post():
    """symVF: ``-dL/dW ~ a_pre(s*) x [a_post(s^b) - a_post(s^-b)] / 2b``, for both directions."""
    bench, b = bench_of((6, 5, 4, 3), tied=False), 0.3
    free = bench.free()
    up, down = (bench.nudged([beta], free.u, 1).a for beta in (b, -b))
    found, top = gradient(bench, SymmetricEP(b)), bench.network.topology
    for name, pre, post in (("W2", "h1", "h2"), ("B2", "h2", "h1"), ("W3", "h2", "out"), ("B3", "out", "h2")):
        slow, fast = top.slices[pre], top.slices[post]
        expected = -free.a[:, slow].T @ (up - down)[:, fast] / (2 * b) / len(bench.x)
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-13, err_msg=name)


@ESTIMATORS
def test_shared_update_is_that_of_one_array_read_both_ways(estimator):
    """symKP-VF: both gradients at the nudged states, equal up to the transpose, so also equal to their mean."""
    bench = replace(bench_of((6, 5, 4, 3), tied=False), feedback=KOLEN_POLLACK)
    free, top = bench.free(), bench.network.topology
    found = gradient(bench, estimator)
    total = {"W2": 0, "W3": 0}
    for sample in estimator.samples(np.random.default_rng(0)):
        a = free.a if sample.beta == 0 else bench.nudged([sample.beta], free.u, 1).a
        for name, pre, post in (("W2", "h1", "h2"), ("W3", "h2", "out")):
            product = a[:, top.slices[pre]].T @ a[:, top.slices[post]]
            total[name] = total[name] - (sample.coefficient * product).real / len(bench.x)
    for name, expected in total.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found[f"B{name[1]}"], expected.T, rtol=0, atol=1e-13)


@ESTIMATORS
def test_shared_update_is_the_sum_of_the_vector_fields_of_both_directions_up_to_beta_squared(estimator):
    errors = []
    for scale in (0.05, 0.1):
        bench = bench_of((6, 5, 4, 3), tied=False)
        small = replace(estimator, beta=scale)
        apart, shared = gradient(bench, small), gradient(replace(bench, feedback=KOLEN_POLLACK), small)
        errors.append(abs(shared["W2"] - apart["W2"] - apart["B2"].T).max() / abs(shared["W2"]).max())
        assert all(np.array_equal(shared[n], apart[n]) for n in ("W1", "b1", "b2"))
    order = {"one_sided": 1, "symmetric": 2, "holomorphic": 5}[estimator.name]
    assert np.log2(errors[1] / errors[0]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("pool", ["max", "softmax", "average"])
def test_kernels_of_a_pair_get_the_same_update(pool):
    bench = replace(conv_bench(pool, tied=False), feedback=KOLEN_POLLACK)
    found = gradient(bench, SymmetricEP(0.1))
    for forward, back in feedback_pairs(bench.network.topology):
        np.testing.assert_array_equal(as_feedback(forward, found[forward.name]), found[back.name])
        assert abs(found[back.name]).max() > 1e-6


@pytest.mark.parametrize("estimator", [SymmetricEP(0.2), REFERENCES["true_response"]], ids=lambda e: e.name)
@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_pairs_approach_each_other_by_the_leak_alone(estimator, decay):
    """On ideal devices ``W - B^T`` after n steps is ``(1 - lr decay)^n`` of what it was, whatever is learned."""
    lr, steps = 0.5, 12
    controller, state = controller_of(
        (6, 5, 4, 3), lr=lr, weight_decay=decay, options=EXACT, topology=UNTIED, feedback=KOLEN_POLLACK,
        estimator=estimator,
    )  # fmt: skip
    first = controller.weights(state)
    batch = batch_of(controller)
    for _ in range(steps):
        state, _ = controller.step(state, *batch)
    last = controller.weights(state)
    for k in (2, 3):
        before, after = (w[f"W{k}"] - w[f"B{k}"].T for w in (first, last))
        np.testing.assert_allclose(after, before * (1 - lr * decay) ** steps, rtol=0, atol=1e-12)
        assert abs(last[f"W{k}"] - first[f"W{k}"]).max() > 1e-3  # and it did learn


def test_without_sharing_pairs_do_not_approach_each_other_by_the_leak():
    controller, state = controller_of((6, 5, 4, 3), lr=0.5, weight_decay=0.02, options=EXACT, topology=UNTIED)
    first = controller.weights(state)
    state, _ = controller.step(state, *batch_of(controller))
    last = controller.weights(state)
    expected = (first["W2"] - first["B2"].T) * (1 - 0.5 * 0.02)
    assert abs(last["W2"] - last["B2"].T - expected).max() > 1e-4


def test_pulse_trains_program_both_arrays_of_a_pair_in_the_mean_alike():
    controller, state = controller_of(
        topology=UNTIED, feedback=KOLEN_POLLACK, options=EXACT, lr=20.0, programmer=StochasticProgrammer(31)
    )
    batch, changes = batch_of(controller), {"W2": 0, "B2": 0}
    for step in range(200):
        after, _ = controller.step(replace(state, step=step), *batch)
        for name, change in moved(controller, state, after).items():
            if name in changes:
                changes[name] = changes[name] + change / 200
    forward, back = changes["W2"].ravel(), changes["B2"].T.ravel()
    assert np.corrcoef(forward, back)[0, 1] > 0.99
    assert np.linalg.norm(forward) == pytest.approx(np.linalg.norm(back), rel=0.05)


def test_an_unknown_way_to_learn_is_refused():
    with pytest.raises(ConfigError, match=r"learning\.feedback: unknown 'kolen'.*allowed: vector_field, kolen_pollack"):
        controller_of(feedback="kolen")
