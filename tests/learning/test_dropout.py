"""Dropout: silent neurons, the same ones in all phases of a step, none outside training."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import network_of
from small_controller import EULER, EXACT, batch_of, controller_of, moved
from small_net import bench_of

from neurosim.config import hidden_layers
from neurosim.errors import ConfigError
from neurosim.learning.bptt import measure_bptt
from neurosim.learning.controller import Controller
from neurosim.learning.estimators import HolomorphicEP, OscillatingEP, SymmetricEP
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.learning.response import measure_response
from neurosim.networks.topology import layered
from neurosim.settle import SettleOptions

DROPOUT = {"h1": 0.4, "h2": 0.2}
by_estimator = pytest.mark.parametrize(
    "estimator",
    [SymmetricEP(0.02), HolomorphicEP(0.1, 4), OscillatingEP(0.1, points=4, dwell=60)],
    ids=lambda e: e.name,
)


def controller(**fields):
    return controller_of((6, 8, 7, 4), **{"dropout": DROPOUT, **fields})


def masked_bench(options=EXACT, **topology):
    bench = bench_of((6, 8, 7, 4), "tanh", options, **topology)
    gain = (np.random.default_rng(2).random((5, bench.network.topology.nodes)) > 0.3) / 0.7
    gain[:, bench.network.topology.slices[bench.network.topology.output]] = 1.0
    return replace(bench, network=replace(bench.network, gain=gain))


def test_gain_is_zero_or_the_inverse_of_what_is_kept_and_is_drawn_per_step_and_layer():
    used, state = controller()
    x, y = batch_of(used, batch=2000)
    gain, again, later = (used.bench(replace(state, step=k), x, y).network.gain for k in (3, 3, 4))
    assert np.array_equal(gain, again)
    assert not np.array_equal(gain, later)
    for layer, share in DROPOUT.items():
        values = gain[:, used.network.topology.slices[layer]]
        assert set(np.unique(values)) == {0.0, 1 / (1 - share)}
        assert values.mean() == pytest.approx(1, abs=4 * np.sqrt(share / (1 - share) / values.size))
    assert (gain[:, used.network.topology.slices["out"]] == 1).all()
    alone = controller(dropout={"h2": 0.2})[0].bench(replace(state, step=3), x, y).network.gain
    part = used.network.topology.slices["h2"]
    assert np.array_equal(alone[:, part], gain[:, part])


@pytest.mark.parametrize("use", ["test", "probe", "trace"])
def test_outside_training_no_neuron_is_silent(use):
    used, state = controller()
    assert used.bench(state, *batch_of(used), use).network.gain is None


@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)
def test_exact_gradient_of_the_masked_network_is_its_finite_difference(topology):
    bench, h = masked_bench(**topology), 1e-5
    gradient, weights = measure_rbp(bench, 1e-13).gradient(), bench.weights(0)
    rng = np.random.default_rng(0)

    def loss(name, step):
        there = replace(bench, weights=lambda _: {**weights, name: weights[name] + step})
        return float(there.cost().loss(there.output(there.free().a), bench.y).mean())

    for name, w in weights.items():
        step = np.zeros_like(w)
        index = rng.integers(0, w.shape[0]), rng.integers(0, w.shape[1])
        step[index] = h
        slope = (loss(name, step) - loss(name, -step)) / (2 * h)
        assert gradient[name][index] == pytest.approx(slope, rel=1e-5, abs=1e-9)
    if topology.get("tied", True):
        assert relative_error(measure_response(bench, 1e-13).gradient(), gradient) < 1e-11
    options = SettleOptions(free_steps=400, nudged_steps=200)
    assert relative_error(measure_bptt(masked_bench(options, **topology)).gradient(), gradient) < 1e-8


@by_estimator
def test_all_phases_of_a_step_have_the_same_silent_neurons(estimator):
    """Another mask in the nudged phases would be a first-order error over beta."""
    options = replace(EULER, free_steps=200, nudged_steps=200)
    used, state = controller(estimator=estimator, options=options)
    batch = batch_of(used)
    bench = used.bench(state, *batch)
    exact = measure_rbp(bench).gradient()
    assert relative_error(used.contrast(state, bench).gradient(), exact) < 0.01
    after, _ = used.step(state, *batch)
    for name, change in moved(used, state, after).items():
        np.testing.assert_allclose(change, -0.1 * exact[name], rtol=0, atol=0.01 * 0.1 * abs(exact[name]).max() + 1e-6)


def test_weights_of_a_silent_neuron_do_not_move():
    used, state = controller(estimator=SymmetricEP(0.2), options=EXACT)
    x, y = batch_of(used, batch=1)
    gain = used.bench(state, x, y).network.gain[0, used.network.topology.slices["h1"]]
    assert 0 < (gain == 0).sum() < 8
    change = moved(used, state, used.step(state, x, y)[0])
    assert abs(change["W2"][gain == 0]).max() < 1e-12
    assert abs(change["W1"][:, gain == 0]).max() < 1e-12
    assert abs(change["W2"][gain > 0]).max() > 1e-4


def test_hidden_layers():
    assert hidden_layers(layered((6, 5, 4, 3))) == ("h1", "h2")
    assert hidden_layers(layered((6, 5, 4, 3), softmax_readout=True)) == ("h1", "h2")
    assert hidden_layers(layered((6, 3))) == ()


def test_resistive_networks_are_refused():
    used, _ = controller()
    fields = {name: getattr(used, name) for name in ("estimator", "programmer", "optimiser", "options", "streams")}
    with pytest.raises(ConfigError, match=r"network\.dropout: a ResistiveNetwork has no neurons to silence"):
        Controller(network_of("sinh"), {}, dropout=DROPOUT, **fields)
