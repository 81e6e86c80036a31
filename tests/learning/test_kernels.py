"""Gradients of convolutional networks: nested loops, finite differences, and the estimators' orders of error."""

from dataclasses import replace

import numpy as np
import pytest
from convolution_loops import Loops, kernel_gradient, unpooled
from small_conv_net import bench_of
from small_net import EXACT

from neurosim.gradcheck import fitted_slope
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.estimators.base import Sample
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.networks.pools import POOLS

POOL = pytest.mark.parametrize("pool", list(POOLS))
REAL = (Sample(0.0, -3.0), Sample(0.2, 1.5), Sample(-0.1, 1.5))
COMPLEX = (Sample(0.2, 2.0), Sample(0.1 + 0.15j, 1.0 - 2.0j), Sample(0.1j, -3.0 + 1.0j))


class Given:
    """An estimator of given phases."""

    def __init__(self, *samples):
        self.phases = samples

    def samples(self, rng):
        return self.phases


def settled(bench, beta):
    free = bench.free()
    return free.a if beta == 0 else bench.nudged([beta], free.u, 1).a


def gradient(bench, estimator):
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


CASES = [(pool, REAL) for pool in POOLS] + [(pool, COMPLEX) for pool in POOLS if pool != "max"]


@pytest.mark.parametrize(
    ("pool", "samples"), CASES, ids=[f"{p} {'real' if s is REAL else 'complex'}" for p, s in CASES]
)
@pytest.mark.parametrize(("stride", "padding"), [(1, 2), (2, 1)])
def test_factors_are_the_nested_loops_over_samples_positions_and_windows(pool, samples, stride, padding):
    bench = bench_of(pool, stride=stride, padding=padding, batch=2, gain=0.4)
    top = bench.network.topology
    contrast = measure_phases(bench, Given(*samples), np.random.default_rng(0))
    loops = Loops(top, bench.weights(0), bench.x)
    for synapse in top.synapses:
        total = np.zeros(top.shape(synapse))
        for sample in samples:
            a = settled(bench, sample.beta)
            total += sum((sample.coefficient * loops.observable(synapse, a, n)).real for n in range(2))
        p, q = contrast.factors(synapse.name)
        np.testing.assert_allclose(p.T @ q, total, rtol=0, atol=1e-10, err_msg=synapse.name)
        np.testing.assert_allclose(contrast.gradient()[synapse.name], -total / 2, rtol=0, atol=1e-10)
        assert p.dtype == q.dtype == np.float64
        assert abs(total).max() > 1e-4


@POOL
def test_a_kernel_has_one_presentation_per_sample_and_position(pool):
    bench = bench_of(pool, padding=1, batch=2)
    contrast = measure_phases(bench, SymmetricEP(0.1), np.random.default_rng(0))
    (p1, q1), (p2, q2) = contrast.factors("W1"), contrast.factors("W2")
    assert (p1.shape, q1.shape) == ((2 * 12 * 10, 4), (2 * 12 * 10, 2))  # the same patches in all phases
    one = 6 * 5 if pool != "none" else 12 * 10
    assert (p2.shape, q2.shape) == ((2 * 2 * one, 18), (2 * 2 * one, 3))


@POOL
def test_untied_kernels_have_the_vector_field_form_at_the_free_state(pool):
    """(dF/dtheta)^T times the response, with the pool of the forward array at the free state in both directions."""
    bench = bench_of(pool, padding=1, tied=False, batch=2)
    top = bench.network.topology
    contrast = measure_phases(bench, Given(*REAL), np.random.default_rng(0))
    response = sum(s.coefficient * settled(bench, s.beta) for s in REAL)
    free, loops = settled(bench, 0), Loops(top, bench.weights(0), bench.x)
    forward, feedback = np.zeros((18, 3)), np.zeros((18, 3))
    kernel = next(s for s in top.synapses if s.name == "W2")
    for n in range(2):
        z, _, slopes = loops.state(kernel, free, n)
        u = unpooled(loops.activity("h2", response, n), slopes, z.shape)
        forward += kernel_gradient(loops.activity("h1", free, n), u, 3, 1, 1)
        u = unpooled(loops.activity("h2", free, n), slopes, z.shape)
        feedback += kernel_gradient(loops.activity("h1", response, n), u, 3, 1, 1)
    for name, expected in (("W2", forward), ("B2", feedback)):
        p, q = contrast.factors(name)
        np.testing.assert_allclose(p.T @ q, expected, rtol=0, atol=1e-10, err_msg=name)


def test_samples_that_do_not_count_leave_no_presentation_of_theirs():
    options = replace(EXACT, method="transient", free_steps=5, nudged_steps=5)
    bench = bench_of("max", padding=1, batch=4, options=options)
    residual = np.sort(measure_phases(bench, SymmetricEP(0.2), np.random.default_rng(0)).residual)
    bench = replace(bench, options=replace(options, tolerance=float(residual[1:3].mean())))
    masked = measure_phases(bench, SymmetricEP(0.2), np.random.default_rng(0), mask=True)
    kept = replace(bench, x=bench.x[masked.settled], y=bench.y[masked.settled])
    alone = gradient(kept, SymmetricEP(0.2))
    assert masked.batch == 2
    for name, g in alone.items():
        np.testing.assert_allclose(masked.gradient()[name], g, rtol=0, atol=1e-13, err_msg=name)


def test_phases_that_read_other_weights_have_other_pools():
    """With weights drawn per phase, patches and pools of each phase are those of its own reading."""
    base = bench_of("max", padding=1, batch=2)
    rng = np.random.default_rng(9)
    drawn = [{n: w + 0.3 * rng.standard_normal(w.shape) for n, w in base.weights(0).items()} for _ in range(3)]
    bench = replace(base, weights=drawn.__getitem__, one_reading=False)
    samples = (Sample(0.2, 2.5), Sample(-0.2, -2.5))
    contrast = measure_phases(bench, Given(*samples), np.random.default_rng(0))
    free = bench.free()
    for synapse in bench.network.topology.synapses:
        total = 0.0
        for phase, sample in enumerate(samples, start=1):
            a = bench.nudged([sample.beta], free.u, phase).a
            loops = Loops(bench.network.topology, drawn[phase], bench.x)
            total = total + sum(sample.coefficient * loops.observable(synapse, a, n) for n in range(2))
        p, q = contrast.factors(synapse.name)
        np.testing.assert_allclose(p.T @ q, total, rtol=0, atol=1e-10, err_msg=synapse.name)


# --- the exact gradient


def loss_at(bench, weights):
    there = replace(bench, weights=lambda _: weights)
    return float(there.cost().loss(there.output(there.free().a), there.y).mean())


@POOL
@pytest.mark.parametrize(
    "options", [{}, {"tied": False}, {"readout": "softmax"}, {"stride": 2, "bias": False}], ids=str
)
def test_rbp_equals_central_differences_of_the_loss(pool, options):
    settings = {"gain": 0.25} if pool != "softmax" else {"gain": 0.8, "temperature": 0.3}  # where its curvature counts
    bench = bench_of(pool, padding=1, **settings, **options)
    found = measure_rbp(bench, 1e-13).gradient()
    weights, h, rng = bench.weights(0), 1e-5, np.random.default_rng(0)
    for name, w in weights.items():
        for _ in range(3):
            i, j = rng.integers(0, w.shape[0]), rng.integers(0, w.shape[1])
            step = np.zeros_like(w)
            step[i, j] = h
            up, down = (loss_at(bench, {**weights, name: w + sign * step}) for sign in (1, -1))
            assert found[name][i, j] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-9), name


@pytest.mark.parametrize("pool", [name for name in POOLS if name != "max"])
@pytest.mark.parametrize("readout", ["dense", "softmax"])
@pytest.mark.parametrize(
    ("make", "order"),
    [(OneSidedEP, 1), (SymmetricEP, 2), (lambda b: HolomorphicEP(b, 4), 4)],
    ids=["one", "two", "four"],
)
def test_bias_of_the_estimators_has_their_order(pool, readout, make, order):
    bench = bench_of(pool, padding=1, readout=readout, gain=0.3)
    exact = measure_rbp(bench, 1e-14).gradient()
    betas = [(4 if readout == "softmax" else 1) * b for b in (0.05, 0.08, 0.12, 0.16)]
    errors = [relative_error(gradient(bench, make(b)), exact) for b in betas]
    assert fitted_slope(betas, errors) == pytest.approx(order, abs=0.15)


def test_max_pool_between_two_switches_has_the_orders_of_real_beta():
    bench = bench_of("max", padding=1, gain=0.3)
    exact = measure_rbp(bench, 1e-14).gradient()
    betas = (0.02, 0.03, 0.05)
    for make, order in ((OneSidedEP, 1), (SymmetricEP, 2)):
        errors = [relative_error(gradient(bench, make(b)), exact) for b in betas]
        assert fitted_slope(betas, errors) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("activation", ["steep_logistic", "dsilu"])
def test_four_complex_points_with_a_softmax_pool_give_the_exact_gradient(activation):
    bench = bench_of("softmax", padding=1, gain=0.3, temperature=1.0, activation=activation)
    exact = measure_rbp(bench, 1e-14).gradient()
    assert relative_error(gradient(bench, HolomorphicEP(0.02, 4)), exact) <= 1e-6


def test_untied_kernels_with_equal_arrays_give_the_tied_gradient_in_sum():
    tied = bench_of("average", padding=1)
    untied = bench_of("average", padding=1, tied=False)
    both = {**tied.weights(0), "B2": tied.weights(0)["W2"], "B3": tied.weights(0)["W3"].T.copy()}
    untied = replace(untied, weights=lambda _: both, x=tied.x, y=tied.y)
    a, b = gradient(tied, SymmetricEP(0.01)), gradient(untied, SymmetricEP(0.01))
    np.testing.assert_allclose(b["W2"] + b["B2"], a["W2"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(b["W1"], a["W1"], rtol=0, atol=1e-7)
    exact_tied, exact_untied = measure_rbp(tied).gradient(), measure_rbp(untied).gradient()
    np.testing.assert_allclose(exact_untied["W2"] + exact_untied["B2"], exact_tied["W2"], rtol=0, atol=1e-12)
