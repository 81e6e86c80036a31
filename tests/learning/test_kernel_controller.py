"""Training steps of a convolutional network through the controller: devices, programmers, noise."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import G_REF, device_of
from small_conv_net import topology_of

from neurosim.crossbar import Crossbar
from neurosim.errors import ConfigError
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.optimiser import SGD
from neurosim.learning.programmers import IdealProgrammer, RoundedProgrammer, StochasticProgrammer
from neurosim.learning.reference import alignment
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.rng import Streams
from neurosim.settle import SettleOptions

SOFT = device_of("soft_bounds", step=1e-9, c2c=0.2, step_d2d=0.1, asymmetry=0.1)
STRAIGHT = device_of("constant_step", step=1e-9)


def controller_of(pool="max", *, device=None, programmer=None, read_noise=0.0, lr=0.5, topology=None, **fields):
    top, streams = topology_of(pool, padding=1, **(topology or {})), Streams(2)
    layout = {"mapping": "balanced", "scheme": "push_pull", "g_ref": G_REF, "read_noise": read_noise}
    crossbars = {
        s.name: Crossbar.build(
            s.name, top.shape(s), device=device or device_of(), streams=streams, dtype="float64", **layout
        )
        for s in top.arrays
    }
    network = RateNetwork(top, ACTIVATIONS["steep_logistic"])
    options = SettleOptions(free_steps=40, nudged_steps=20)
    optimiser, programmer = SGD(dict.fromkeys(crossbars, lr)), programmer or IdealProgrammer()
    controller = Controller(
        network, crossbars, SymmetricEP(0.2), programmer, optimiser, options, streams,
        **{"on_unsettled": "accept", **fields},
    )  # fmt: skip
    rng = np.random.default_rng(1)
    pairs = {
        name: bar.encode(0.4 * rng.standard_normal(bar.shape) / np.sqrt(bar.shape[0]), streams.generator(name))
        for name, bar in crossbars.items()
    }
    return controller, TrainState(pairs)


def batch_of(controller, size=8):
    rng = np.random.default_rng(7)
    x = rng.random((size, controller.network.topology.by_name["input"].size))
    return x, np.eye(3)[np.arange(size) % 3]


def loss_of(controller, state, x, y):
    bench = controller.bench(state, x, y).exact(1e-9)
    return float(bench.cost().loss(bench.output(bench.free().a), y).mean())


@pytest.mark.parametrize("pool", ["none", "max", "average", "softmax"])
@pytest.mark.parametrize("topology", [{}, {"readout": "softmax"}], ids=str)
def test_steps_lower_the_loss(pool, topology):
    controller, state = controller_of(pool, topology=topology)
    x, y = batch_of(controller)
    before = loss_of(controller, state, x, y)
    for _ in range(30):
        state, report = controller.step(state, x, y)
    assert report.settled == 1
    assert loss_of(controller, state, x, y) < 0.99 * before


PROGRAMMERS = {
    "rounded": (RoundedProgrammer("stochastic"), SOFT, 1.0, {}, 0.95),
    # what both phases have in common is pulsed too, in opposite directions, at every position: much noise
    "pulse trains": (StochasticProgrammer(63), SOFT, 1.0, {}, 0.5),
    # they would saturate at a rate of 1
    "rounded in situ": (RoundedProgrammer("stochastic"), STRAIGHT, 0.1, {"in_situ": True}, 0.95),
}


@pytest.mark.parametrize("case", PROGRAMMERS)
def test_pulses_move_the_weights_in_the_wanted_direction(case):
    programmer, device, lr, fields, least = PROGRAMMERS[case]
    controller, state = controller_of(device=device, programmer=programmer, lr=lr, keep_counts=True, **fields)
    x, y = batch_of(controller)
    wanted = controller.contrast(state, controller.bench(state, x, y)).gradient()
    after, report = controller.step(state, x, y)
    assert after.pulses > 0
    moved = {n: controller.weights(after)[n] - w for n, w in controller.weights(state).items()}
    assert all((counts != 0).any() for counts in report.counts.values())
    assert report.counts.keys() == moved.keys()
    assert alignment(moved, wanted)["total"] < -least


def test_a_step_of_an_ideal_array_is_minus_the_rate_times_the_gradient():
    controller, state = controller_of(lr=0.01)
    x, y = batch_of(controller)
    gradient = controller.contrast(state, controller.bench(state, x, y)).gradient()
    after, _ = controller.step(state, x, y)
    for name, w in controller.weights(after).items():
        np.testing.assert_allclose(w - controller.weights(state)[name], -0.01 * gradient[name], rtol=0, atol=1e-12)


def test_noise_of_each_phase_reads_other_kernels_and_frozen_noise_the_same():
    controller, state = controller_of(read_noise=0.05)
    x, y = batch_of(controller)
    for scope, same in (("frozen", True), ("phase", False)):
        bench = replace(controller, noise_scope=scope).bench(state, x, y)
        assert np.array_equal(bench.weights(1)["W2"], bench.weights(2)["W2"]) is same
        replace(controller, noise_scope=scope).step(state, x, y)


def test_noise_fresh_at_every_read_is_refused():
    with pytest.raises(ConfigError, match=r"'step': not modelled in a RateNetwork with kernels; allowed: 'frozen'"):
        controller_of(read_noise=0.05, noise_scope="step")
    controller_of(read_noise=0.0, noise_scope="step")  # no noise, nothing to refuse
