"""The bound field against a plain nested-loop reading of the equation, real and complex, tied and untied."""

import numpy as np
import pytest

from neurosim.errors import ShapeError
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.cost import SoftmaxCrossEntropy, SquaredError, bind_cost
from neurosim.networks.nudge import Nudge
from neurosim.networks.product import product
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import layered


def drive_by_loops(top, weights, x, a, beta, y):
    """Sum currents neuron by neuron: what equation (1) says, without a matrix product."""
    out = np.zeros_like(a)
    for s in top.synapses:
        w = weights[s.name]
        for b in range(a.shape[0]):
            pre = x[b] if s.pre == "input" else [1.0] if s.pre == "bias" else a[b, top.slices[s.pre]]
            for j in range(w.shape[1]):
                for i in range(w.shape[0]):
                    out[b, top.slices[s.post].start + j] += pre[i] * w[i, j]
                    if s.reciprocal:
                        out[b, top.slices[s.pre].start + i] += a[b, top.slices[s.post].start + j] * w[i, j]
    part = top.slices[top.output]
    out[:, part] -= beta * (a[:, part] - y)
    return out


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def case(request):
    rng = np.random.default_rng(1)
    top = layered([5, 4, 3, 2], tied=request.param)
    weights = {s.name: rng.standard_normal(top.shape(s)) for s in top.arrays}
    x, y = rng.random((3, 5)), rng.random((3, 2))
    return RateNetwork(top, ACTIVATIONS["tanh"]), weights, x, y, rng


@pytest.mark.parametrize("beta", [0.0, 0.7, 0.3 + 0.4j])
def test_target_is_the_sum_of_currents(case, beta):
    network, weights, x, y, rng = case
    u = rng.standard_normal((3, 9)) + (0.2j * rng.standard_normal((3, 9)) if isinstance(beta, complex) else 0)
    field = network.bind(weights, network.static_drive(weights, x), nudge=Nudge(SquaredError(), y, beta))
    found = field.target(0.0, u, np.empty_like(u))
    expected = drive_by_loops(network.topology, weights, x, np.tanh(u), beta, y)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_relaxing_a_block_sets_it_to_its_target_and_leaves_the_rest(case):
    network, weights, x, y, rng = case
    field = network.bind(weights, network.static_drive(weights, x), nudge=Nudge(SquaredError(), y, 0.4))
    u = rng.standard_normal((3, 9))
    a = field.activity(u).copy()
    full = field.target(0.0, u, np.empty_like(u))
    for block, names in enumerate(network.topology.blocks):
        moved, act = u.copy(), a.copy()
        change = field.relax(block, 0.0, moved, act)
        columns = np.concatenate([np.arange(9)[network.topology.slices[n]] for n in names])
        rest = np.setdiff1d(np.arange(9), columns)
        np.testing.assert_allclose(moved[:, columns], full[:, columns], rtol=1e-13)
        assert np.array_equal(moved[:, rest], u[:, rest])
        np.testing.assert_allclose(act, np.tanh(moved), rtol=1e-15)
        np.testing.assert_allclose(change, abs(full - u)[:, columns].max(axis=1), rtol=1e-12)


def test_work_is_counted_in_evaluations_of_the_whole_drive(case):
    network, weights, x, _, rng = case
    field = network.bind(weights, network.static_drive(weights, x))
    u = rng.standard_normal((3, 9))
    a = field.activity(u).copy()
    for block in range(field.blocks):
        field.relax(block, 0.0, u, a)
    field.target(0.0, u, np.empty_like(u))
    assert field.evaluations == 2
    assert field.products == 2 * (4 * 3 + 3 * 2)  # both directions of both pairs of free layers


def test_a_layer_without_free_neighbours_gets_its_static_drive():
    top = layered([4, 3])
    rng = np.random.default_rng(0)
    weights = {s.name: rng.standard_normal(top.shape(s)) for s in top.arrays}
    network = RateNetwork(top, ACTIVATIONS["tanh"])
    x = rng.random((2, 4))
    field = network.bind(weights, network.static_drive(weights, x))
    u = field.target(0.0, np.zeros((2, 3)), np.full((2, 3), np.nan))
    np.testing.assert_allclose(u, x @ weights["W1"] + weights["b1"])


def test_complex_product_equals_promotion():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((4, 5)) + 1j * rng.standard_normal((4, 5))
    w = rng.standard_normal((5, 3))
    np.testing.assert_allclose(product(a, w), a @ w, rtol=1e-13)
    out = np.empty((4, 6), complex)
    product(a, w, out=out[:, 2:5])
    np.testing.assert_allclose(out[:, 2:5], a @ w, rtol=1e-13)


def test_wrong_input_width_is_named(case):
    network, weights, *_ = case
    with pytest.raises(ShapeError, match=r"expected \(batch, 5\)"):
        network.static_drive(weights, np.zeros((2, 6)))


@pytest.mark.parametrize("readout", [False, True])
def test_force_is_the_gradient_of_the_loss(readout):
    rng = np.random.default_rng(3)
    y = np.eye(4)[[0, 2, 3]]
    width = 5 if readout else 4
    a = rng.random((3, width))
    cost = SoftmaxCrossEntropy(rng.standard_normal((5, 4)), rng.standard_normal((1, 4))) if readout else SquaredError()
    force, h = cost.force(a, y), 1e-6
    for j in range(width):
        step = np.zeros(width)
        step[j] = h
        numeric = (cost.loss(a + step, y) - cost.loss(a - step, y)) / (2 * h)
        np.testing.assert_allclose(force[:, j], numeric, rtol=1e-7, atol=1e-9)
        complex_step = cost.loss((a + 1j * step).astype(complex), y).imag / h
        np.testing.assert_allclose(force[:, j], complex_step, rtol=1e-9, atol=1e-12)


def test_bind_cost_follows_the_topology():
    top = layered([4, 3, 2], softmax_readout=True)
    weights = {s.name: np.zeros(top.shape(s)) for s in top.arrays}
    assert bind_cost(top, weights).name == "softmax"
    assert bind_cost(layered([4, 2]), {}).name == "squared_error"
