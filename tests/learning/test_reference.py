"""The implicit-function gradient against finite differences of the loss at the operating point."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.errors import ConvergenceError
from neurosim.learning.reference import alignment, measure_rbp


def loss_at(bench, weights):
    shifted = replace(bench, weights=lambda _: weights)
    free = shifted.free()
    return float(shifted.cost().loss(shifted.output(free.a), shifted.y).mean())


@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}, {"bias": False}])
@pytest.mark.parametrize("activation", ["steep_logistic", "tanh", "dsilu"])
def test_rbp_equals_central_differences(topology, activation):
    bench = bench_of((6, 5, 4, 3), activation, **topology)
    gradient = measure_rbp(bench, 1e-13).gradient()
    weights, h = bench.weights(0), 1e-5
    rng = np.random.default_rng(0)
    for name, w in weights.items():
        for _ in range(3):
            i, j = rng.integers(0, w.shape[0]), rng.integers(0, w.shape[1])
            step = np.zeros_like(w)
            step[i, j] = h
            up = loss_at(bench, {**weights, name: w + step})
            down = loss_at(bench, {**weights, name: w - step})
            assert gradient[name][i, j] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-9)


def test_rbp_of_an_unsettled_network_is_an_error():
    bench = bench_of((6, 5, 5, 3), gain=40.0, tied=False)
    bench = replace(bench, options=replace(bench.options, max_sweeps=3))
    with pytest.raises(ConvergenceError, match="residual"):
        measure_rbp(replace(bench, options=replace(bench.options, max_sweeps=3)), 1e-15)


def test_a_masked_bench_keeps_the_gains_of_its_samples():
    bench = bench_of((6, 5, 4, 3), batch=4)
    gain = np.random.default_rng(0).random((4, 12))
    part = replace(bench, network=replace(bench.network, gain=gain)).part(np.array([False, True, True, False]))
    assert np.array_equal(part.network.gain, gain[1:3])
    assert np.array_equal(part.y, bench.y[1:3])


def test_alignment_of_a_gradient_with_itself_and_its_negative():
    bench = bench_of()
    gradient = measure_rbp(bench).gradient()
    assert alignment(gradient, gradient)["total"] == pytest.approx(1)
    flipped = {name: -g for name, g in gradient.items()}
    assert alignment(flipped, gradient)["W1"] == pytest.approx(-1)


def test_alignment_of_nothing_is_zero_and_of_no_number_none():
    gradient = {"W1": np.ones((2, 2)), "W2": np.ones((2, 2))}
    found = alignment({"W1": np.zeros((2, 2)), "W2": np.full((2, 2), np.nan)}, gradient)
    assert found["W1"] == 0
    assert np.isnan(found["W2"])
    assert np.isnan(found["total"])
