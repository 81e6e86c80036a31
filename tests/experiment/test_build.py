"""What the keys of an experiment become: learning rates, targets, time constants."""

import numpy as np
import pytest
from experiment.tiny import tiny

from neurosim.backend import NUMPY
from neurosim.config import updates_per_epoch
from neurosim.errors import ConfigError
from neurosim.experiment import run
from neurosim.experiment.batches import batch_arrays
from neurosim.experiment.build import build_controller, build_network, build_optimiser, learning_rates
from neurosim.learning.optimiser import SGD, AdamW
from neurosim.learning.schedule import CONSTANT
from neurosim.rng import Streams
from neurosim.traces import read_trace

NAMES = ["W1", "b1", "W2", "B2", "b2", "readout", "b_readout"]


def test_one_learning_rate_serves_all():
    assert learning_rates(0.3, NAMES) == dict.fromkeys(NAMES, 0.3)


def test_a_table_names_arrays_and_their_biases_and_feedback_follow():
    found = learning_rates({"W1": 0.1, "W2": 0.2, "b2": 0.5}, NAMES)
    assert found == {"W1": 0.1, "b1": 0.1, "W2": 0.2, "B2": 0.2, "b2": 0.5, "readout": 0.0, "b_readout": 0.0}


def test_a_list_gives_one_rate_per_layer_from_the_input():
    found = learning_rates([0.1, 0.2, 0.3], NAMES)
    assert found == {"W1": 0.1, "b1": 0.1, "W2": 0.2, "B2": 0.2, "b2": 0.2, "readout": 0.3, "b_readout": 0.3}


@pytest.mark.parametrize("batch", [16, 20, 47, 48])
def test_schedule_counts_the_updates_that_an_epoch_makes(batch, tmp_path):
    recipe = {"batch": batch, "schedule": "cosine", "schedule_epochs": 2, "lr_min": 0.1, "optimiser": "adamw"}
    experiment = tiny(train=recipe, learning={"programmer": "ideal"}, trace={"pulses": False})
    schedule = build_optimiser(experiment, ["W1"]).schedule
    assert (schedule.period, schedule.lr_min) == (2, 0.1)
    assert run(experiment, tmp_path / "run.h5")["steps"] == 3 * schedule.every == 3 * updates_per_epoch(experiment)


def test_recipe_reaches_the_optimiser():
    recipe = {"momentum": 0.5, "weight_decay": 0.1, "decoupled": True, "lr": {"W1": 0.2}}
    found = build_optimiser(tiny(train=recipe, learning={"programmer": "ideal"}), ["W1", "W2"])
    assert found == SGD({"W1": 0.2, "W2": 0.0}, 0.5, 0.1, True, CONSTANT)
    recipe = {"optimiser": "adamw", "weight_decay": 0.1, "beta1": 0.7, "beta2": 0.8, "epsilon": 1e-6, "lr": 0.3}
    found = build_optimiser(tiny(train=recipe, learning={"programmer": "ideal"}), ["W1"])
    assert found == AdamW({"W1": 0.3}, 0.1, 0.7, 0.8, 1e-6, CONSTANT)


KERNELS = [{"channels": 40, "kernel": 3, "pool": "max"}]


@pytest.mark.parametrize(
    "network",
    [
        {"layers": [64, 400, 300, 10], "output": "softmax"},
        {"layers": [64, 10], "output": "softmax", "convolutions": KERNELS},
        {"layers": [64, 100, 10], "architecture": "recurrent"},
        {"layers": [64, 100, 10], "architecture": "loop", "tied": False},
    ],
    ids=["dense", "kernels", "recurrent", "loop"],
)
def test_biases_start_within_the_bounds_of_their_layer_and_weights_stay_what_they_were(network):
    device, crossbar = {"model": "ideal"}, {"read_noise": 0.0}
    found = {}
    for gain in (0.0, 1.0):
        experiment = tiny(network={**network, "init_bias_gain": gain}, device=device, crossbar=crossbar)
        controller, state = build_controller(experiment, Streams(0))
        found[gain] = controller.weights(state)
    fan_in = {name: weights.shape[0] for name, weights in found[0.0].items()}
    for name, weights in found[1.0].items():
        if not name.startswith("b"):
            np.testing.assert_array_equal(weights, found[0.0][name])
            continue
        assert not found[0.0][name].any()
        bound = 1 / np.sqrt(fan_in["readout" if name == "b_readout" else f"W{name[1:]}"])
        assert abs(weights).max() <= bound * (1 + 1e-4)
        if weights.size >= 40:  # uniform: the largest of n lies above 1 - 10/n but for one draw in e^10
            assert abs(weights).max() > bound * (1 - 10 / weights.size)
            spread = np.sqrt(np.mean(weights**2) / (bound**2 / 3))
            assert abs(spread - 1) < 4 * np.sqrt(1 / (5 * weights.size))  # the square of a uniform draw has var 4/45


def test_an_array_without_a_rate_does_not_move(tmp_path):
    run(tiny(train={"lr": {"W2": 0.5}}), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        moves = {name: abs(np.diff(trace.weights(name).g_plus, axis=0)).max() for name in trace.synapses}
    assert moves["W1"] == moves["b1"] == 0
    assert moves["W2"] > 0
    assert moves["b2"] > 0


def test_softmax_targets_are_probabilities():
    experiment = tiny(network={"output": "softmax", "layers": [64, 6, 10], "activation": "tanh"})
    _, y = batch_arrays(experiment, np.zeros((2, 64)), np.array([3, 9]), 10, NUMPY)
    assert y.sum(axis=1).tolist() == [1, 1]
    assert y[0, 3] == y[1, 9] == 1


@pytest.mark.parametrize(("key", "value"), [("target_low", 0.1), ("target_high", 0.9)])
def test_other_targets_of_a_softmax_are_refused(key, value):
    """They were no probabilities, and the readout's gradient would not be that of its loss."""
    with pytest.raises(ConfigError, match=rf"\[network\] {key} = .*softmax compares probabilities"):
        tiny(network={"output": "softmax", key: value})


def test_squared_error_targets_are_the_declared_ones():
    experiment = tiny(network={"activation": "tanh", "target_low": -0.5, "target_high": 0.8})
    _, y = batch_arrays(experiment, np.zeros((1, 64)), np.array([3]), 10, NUMPY)
    np.testing.assert_allclose(y[0], [-0.5] * 3 + [0.8] + [-0.5] * 6, rtol=1e-6)


def test_time_constants_have_the_declared_mean_and_spread():
    experiment = tiny(network={"layers": [64, 20000, 10], "tau_spread": 0.3})
    tau = 1 / build_network(experiment, Streams(0), np.float64).rate
    assert tau.mean() == pytest.approx(1, abs=4 * 0.3 / np.sqrt(len(tau)))
    assert tau.std() == pytest.approx(0.3, rel=0.05)
