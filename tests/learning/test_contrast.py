"""Factors of the update against explicit sums over phases, samples and synapses."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.learning.contrast import measure, measure_phases
from neurosim.learning.estimators import ESTIMATORS, HolomorphicEP, OscillatingEP
from neurosim.learning.estimators.base import Sample
from neurosim.settle import SettleOptions

TOPOLOGIES = pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)
OPTIONS = {"points": 6, "waveform": "rotation", "dwell": 25, "periods": 2, "discard": 1, "harmonics": 1}
PHASES = [
    (Sample(0.0, -3.0), Sample(0.2, 1.5), Sample(-0.1, 1.5)),
    (Sample(0.2, 2.0), Sample(0.1 + 0.15j, 1.0 - 2.0j), Sample(0.1j, -3.0 + 1.0j)),
]
"""Real and complex phases with coefficients that no estimator has: each must enter as it is."""


class Given:
    """An estimator of given phases."""

    def __init__(self, *samples):
        self.phases = samples

    def samples(self, rng):
        return self.phases


def settled_alone(bench, beta):
    """Settle one phase on its own, from the free state."""
    free = bench.free()
    return free.a if beta == 0 else bench.nudged([beta], free.u, 1).a


def explicit(bench, samples, rows=slice(None)):
    """Return ``Re sum_k c_k dF/dW`` of every array, summed over the samples `rows` one term after the other."""
    top, free = bench.network.topology, bench.free().a
    total = {s.name: np.zeros(top.shape(s)) for s in top.arrays}
    for sample in samples:
        a, c = settled_alone(bench, sample.beta), sample.coefficient
        for name, synapse in ((s.name, s) for s in top.arrays):
            for n in np.arange(len(bench.x))[rows]:
                if synapse.pre == "input":
                    pre = bench.x[n]
                elif synapse.pre == "bias":
                    pre = np.ones(1)
                else:
                    state = a if synapse.reciprocal or synapse.post == "logits" else free
                    pre = state[n, top.slices[synapse.pre]]
                if synapse.post == "logits":  # F holds -beta L, and dL/dlogits = softmax - y
                    w = bench.weights(0)
                    z = np.exp(a[n, top.slices[top.output]] @ w["readout"] + w["b_readout"][0])
                    post = -sample.beta * (z / z.sum() - bench.y[n])
                else:
                    post = a[n, top.slices[synapse.post]]
                for i, one in enumerate(pre):
                    for j, other in enumerate(post):
                        total[name][i, j] += (c * one * other).real
    return total


def product(factors):
    p, q = factors
    return p.T @ q


@TOPOLOGIES
@pytest.mark.parametrize("samples", PHASES, ids=["real", "complex"])
def test_factors_are_the_sum_over_phases_of_pre_times_post(topology, samples):
    bench = bench_of((6, 5, 4, 3), batch=4, **topology)
    contrast = measure_phases(bench, Given(*samples), np.random.default_rng(0))
    expected = explicit(bench, samples)
    gradient = contrast.gradient()
    for name, wanted in expected.items():
        np.testing.assert_allclose(product(contrast.factors(name)), wanted, rtol=0, atol=1e-11, err_msg=name)
        np.testing.assert_allclose(gradient[name], -wanted / 4, rtol=0, atol=1e-11)
        assert contrast.factors(name)[0].dtype == np.float64
    assert contrast.batch == 4


@TOPOLOGIES
@pytest.mark.parametrize("samples", PHASES, ids=["real", "complex"])
def test_groups_hold_the_phases_of_their_sign(topology, samples):
    bench = bench_of((6, 5, 4, 3), batch=3, **topology)
    contrast = measure_phases(bench, Given(*samples), np.random.default_rng(0))
    assert [group.sign for group in contrast.groups] == [1, -1]
    for group in contrast.groups:
        mine = [s for s in samples if (complex(s.coefficient).real >= 0) == (group.sign > 0)]
        for name, wanted in explicit(bench, mine).items():
            np.testing.assert_allclose(product(group.factors[name]), wanted, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_every_estimator_potentiates_first_and_its_coefficients_cancel(name):
    """A quantity that does not depend on beta gives no update; the groups together are the whole update."""
    bench = bench_of((6, 5, 4, 3), options=SettleOptions(free_steps=60, nudged_steps=60), batch=3)
    estimator = ESTIMATORS[name](beta=0.1, **OPTIONS)
    contrast = measure(bench, estimator, np.random.default_rng(0))
    assert [group.sign for group in contrast.groups] == [1, -1]
    samples = estimator.samples(np.random.default_rng(0))
    assert abs(sum(complex(s.coefficient).real for s in samples)) < 1e-12 / 0.1
    response = sum((complex(s.coefficient) * s.beta).real for s in samples)
    assert response == pytest.approx(1)  # d beta / d beta
    for array in bench.weights(0):
        parts = sum(product(group.factors[array]) for group in contrast.groups)
        np.testing.assert_allclose(product(contrast.factors(array)), parts, rtol=0, atol=1e-12)
        assert abs(parts).max() > 1e-6


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_every_estimator_points_down_the_finite_difference_of_the_loss(name):
    bench = bench_of((6, 5, 4, 3), options=SettleOptions(free_steps=100, nudged_steps=100), batch=3)
    estimator = ESTIMATORS[name](beta=0.02, **OPTIONS)
    gradient = measure(bench, estimator, np.random.default_rng(0)).gradient()
    h = 1e-4

    def loss(size):
        weights = {n: w - size * gradient[n] for n, w in bench.weights(0).items()}
        there = replace(bench, weights=lambda _: weights)
        return float(there.cost().loss(there.output(there.free().a), bench.y).mean())

    squared = sum(float((g**2).sum()) for g in gradient.values())
    assert (loss(-h) - loss(h)) / (2 * h) == pytest.approx(squared, rel=0.05)


def test_points_in_quadrature_fall_into_one_group():
    """Their coefficients have no real part but what rounding leaves, which must not decide."""
    rotation = [s for _, s in OscillatingEP(0.2, points=4).schedule()]
    for sample in (HolomorphicEP(0.2, 4).samples(np.random.default_rng(0))[1], rotation[1], rotation[3]):
        assert abs(complex(sample.coefficient).real) < 1e-12
        assert sample.potentiates
    assert not rotation[2].potentiates


def test_readout_factors_carry_minus_c_beta():
    """Symmetric phases have c beta = 1/2 each: the readout gets the mean of the two loss gradients, not their slope."""
    bench = bench_of((6, 5, 3), batch=4, softmax_readout=True)
    samples = (Sample(0.3, 0.5 / 0.3), Sample(-0.3, -0.5 / 0.3))
    gradient = measure_phases(bench, Given(*samples), np.random.default_rng(0)).gradient()["readout"]
    w = bench.weights(0)
    mean = np.zeros_like(gradient)
    for sample in samples:
        a = settled_alone(bench, sample.beta)
        z = np.exp(a @ w["readout"] + w["b_readout"])
        mean += 0.5 * a.T @ (z / z.sum(axis=1, keepdims=True) - bench.y) / 4
    np.testing.assert_allclose(gradient, mean, rtol=0, atol=1e-13)


@TOPOLOGIES
@pytest.mark.parametrize("samples", PHASES, ids=["real", "complex"])
def test_mask_leaves_the_sums_over_the_settled_samples(topology, samples):
    options = SettleOptions(free_steps=5, nudged_steps=5)
    bench = bench_of((6, 5, 4, 3), batch=6, options=options, **topology)
    residual = measure_phases(bench, Given(*samples), np.random.default_rng(0)).residual
    order = np.argsort(residual)
    options = replace(options, tolerance=float(residual[order[[2, 3]]].mean()))
    bench = replace(bench, options=options)
    contrast = measure_phases(bench, Given(*samples), np.random.default_rng(0), mask=True)
    assert contrast.batch == 3
    assert np.array_equal(np.flatnonzero(contrast.settled), np.sort(order[:3]))
    for name, wanted in explicit(bench, samples, order[:3]).items():
        np.testing.assert_allclose(contrast.gradient()[name], -wanted / 3, rtol=0, atol=1e-12, err_msg=name)


def test_residual_is_the_worst_of_all_phases():
    options = SettleOptions(free_steps=6, nudged_steps=6)
    bench = bench_of((6, 5, 4, 3), batch=5, options=options)
    betas = (0.3, -0.3, 0.2 + 0.2j)
    contrast = measure_phases(bench, Given(*(Sample(b, 1.0) for b in betas)), np.random.default_rng(0))
    free = bench.free()
    worst = free.residual
    for beta in betas:
        worst = np.maximum(worst, bench.nudged([beta], free.u, 1).residual)
    np.testing.assert_allclose(contrast.residual, worst, rtol=1e-12)
    assert np.array_equal(contrast.free_activity, free.a)
