"""EP over nudge time against back-propagation through time: the theorem, and the two numbers of the GDU check."""

import numpy as np
import pytest
from small_net import bench_of

from neurosim.learning.bptt import gradients_over_time
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.process import Agreement, agreement, estimates_over_time
from neurosim.learning.reference import relative_error
from neurosim.settle import SettleOptions

T, K = 400, 10
OPTIONS = SettleOptions(free_steps=T, nudged_steps=K)
TOPOLOGIES = pytest.mark.parametrize("topology", [{}, {"softmax_readout": True}], ids=str)


@TOPOLOGIES
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_over_time_a_small_nudge_gives_the_truncated_gradients(topology, dt):
    bench = bench_of((6, 5, 4, 3), "tanh", SettleOptions(free_steps=T, nudged_steps=K, dt=dt), gain=0.5, **topology)
    reference = gradients_over_time(bench, K)
    errors = {}
    for make, beta in ((OneSidedEP, 1e-3), (OneSidedEP, 2e-3), (SymmetricEP, 1e-3), (SymmetricEP, 2e-3)):
        found = estimates_over_time(bench, make(beta), K)
        errors[make, beta] = [relative_error(f, r) for f, r in zip(found, reference, strict=True)]
    for t in range(K):  # at every time the error has the order of the estimator
        assert errors[OneSidedEP, 1e-3][t] < 5e-3
        assert errors[OneSidedEP, 2e-3][t] / errors[OneSidedEP, 1e-3][t] == pytest.approx(2, rel=0.05)
        assert errors[SymmetricEP, 2e-3][t] / errors[SymmetricEP, 1e-3][t] == pytest.approx(4, rel=0.05)


def test_untied_weights_do_not_follow_it():
    bench = bench_of((6, 5, 4, 3), "tanh", OPTIONS, gain=0.5, tied=False)
    found = agreement(estimates_over_time(bench, SymmetricEP(1e-3), K), gradients_over_time(bench, K))
    assert found["W1"].rmse > 0.3


@pytest.mark.parametrize("beta", [0.01, 0.1])
def test_symmetric_follows_more_closely_than_one_sided(beta):
    """The setting of L21: an MLP with tanh, T = 30, K = 10."""
    bench = bench_of((20, 12, 8, 4), "tanh", SettleOptions(free_steps=30, nudged_steps=10), gain=0.3, batch=8)
    reference = gradients_over_time(bench, 10)
    one, two = (agreement(estimates_over_time(bench, make(beta), 10), reference) for make in (OneSidedEP, SymmetricEP))
    for name in reference[0]:
        assert two[name].rmse < 0.5 * one[name].rmse, name
    assert sum(a.wrong_signs for a in two.values()) < sum(a.wrong_signs for a in one.values())


@pytest.mark.parametrize("estimator", [OneSidedEP(0.2), SymmetricEP(0.2), HolomorphicEP(0.2, 4)], ids=lambda e: e.name)
def test_the_last_time_is_the_estimate_of_a_training_step(estimator):
    bench = bench_of((6, 5, 4, 3), "tanh", OPTIONS)
    last = estimates_over_time(bench, estimator, K)[-1]
    whole = measure_phases(bench, estimator, np.random.default_rng(0)).gradient()
    for name, g in whole.items():
        np.testing.assert_allclose(last[name], g, rtol=0, atol=1e-13, err_msg=name)


def test_the_two_numbers():
    reference = [{"W": np.array([[3.0, 1.0, 0.0]])}, {"W": np.array([[4.0, 1.0, 0.0]])}]
    estimate = [{"W": np.array([[3.0, -1.0, 0.0]])}, {"W": np.array([[0.0, 1.0, 0.0]])}]
    # weight 1: rms error sqrt(16/2), largest rms 5/sqrt(2); weight 2: sqrt(4/2) over 1; weight 3 has no gradient
    expected = (4 / 5 + np.sqrt(2) + 0) / 3
    assert agreement(estimate, reference) == {"W": Agreement(pytest.approx(expected), pytest.approx(1 / 6))}
    assert agreement(reference, reference) == {"W": Agreement(0.0, 0.0)}
