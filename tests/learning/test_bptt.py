"""Back-propagation through time against finite differences of the loss after T steps, and against RBP."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import bench_of as resistive_bench
from small_net import bench_of

from neurosim.errors import ConfigError
from neurosim.learning.bptt import gradients_over_time, measure_bptt
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.settle import SettleOptions, transient

SHORT = SettleOptions(free_steps=7, nudged_steps=3, dt=0.7)
TOPOLOGIES = pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)


def short(topology, options=SHORT):
    bench = bench_of((6, 5, 4, 3), "tanh", options, gain=0.8, **topology)
    spread = np.random.default_rng(1).uniform(0.6, 1.2, bench.network.topology.nodes)
    return replace(bench, network=replace(bench.network, rate=spread))


def loss_after(bench, first, then, steps):
    """Return the loss of a free phase whose last `steps` steps read other weights than those before."""
    early = bench.options.free_steps - steps
    start = transient(replace(bench, weights=lambda _: first).field(), bench.start(), early, bench.options).u
    late = replace(bench, weights=lambda _: then)
    end = transient(late.field(), start, steps, bench.options).a
    return float(late.cost().loss(late.output(end), late.y).mean())


@TOPOLOGIES
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_gradient_is_the_finite_difference_by_the_weights_of_the_last_steps(topology, steps):
    bench, h = short(topology), 1e-6
    weights, rng = bench.weights(0), np.random.default_rng(0)
    gradient = measure_bptt(bench, steps).gradient()
    for name, w in weights.items():
        for _ in range(3):
            step = np.zeros_like(w)
            i, j = rng.integers(0, w.shape[0]), rng.integers(0, w.shape[1])
            step[i, j] = h
            up, down = (loss_after(bench, weights, {**weights, name: w + s}, steps) for s in (step, -step))
            assert gradient[name][i, j] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9), name


@TOPOLOGIES
def test_gradients_over_time_are_those_of_each_truncation(topology):
    bench = short(topology)
    found = gradients_over_time(bench, 5)
    assert len(found) == 5
    for t, gradient in enumerate(found, start=1):
        alone = measure_bptt(bench, t).gradient()
        for name, g in alone.items():
            np.testing.assert_allclose(gradient[name], g, rtol=0, atol=1e-15, err_msg=name)
    assert abs(found[1]["W1"] - found[4]["W1"]).max() > 1e-6
    assert not found[0]["W1"].any()  # the error has not come so far back


@TOPOLOGIES
@pytest.mark.parametrize("dt", [1.0, 0.6])
def test_through_a_settled_network_it_is_the_implicit_gradient(topology, dt):
    options = SettleOptions(free_steps=600, nudged_steps=300, dt=dt)
    bench = bench_of((6, 5, 4, 3), "tanh", options, **topology)
    exact = measure_rbp(bench, 1e-13).gradient()
    assert relative_error(measure_bptt(bench).gradient(), exact) < 1e-8
    assert relative_error(measure_bptt(bench, 2).gradient(), exact) > 1e-3


def test_noise_and_the_operating_point_are_left_out():
    bench = short({})
    noisy = replace(bench, options=replace(SHORT, noise=0.3), rng=np.random.default_rng(0))
    solved = replace(bench, options=replace(SHORT, method="operating_point"))
    for other in (noisy, solved):
        assert relative_error(measure_bptt(other).gradient(), measure_bptt(bench).gradient()) == 0


@pytest.mark.parametrize("steps", [0, 8])
def test_steps_that_the_free_phase_does_not_have_are_refused(steps):
    with pytest.raises(ConfigError, match=f"last {steps} steps: .*free_steps = 7; expected 1 to 7"):
        measure_bptt(short({}), steps)


def test_other_integrators_and_networks_are_refused():
    with pytest.raises(ConfigError, match="integrator = 'heun': bptt goes back through explicit Euler steps"):
        measure_bptt(short({}, replace(SHORT, integrator="heun")))
    with pytest.raises(ConfigError, match="rate networks, got a ResistiveNetwork"):
        measure_bptt(resistive_bench("sinh"))
