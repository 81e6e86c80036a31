"""What the keys of an experiment become: learning rates, targets, time constants."""

import numpy as np
import pytest
from experiment.tiny import tiny

from neurosim.backend import NUMPY
from neurosim.config import updates_per_epoch
from neurosim.errors import ConfigError
from neurosim.experiment import run
from neurosim.experiment.build import build_network, build_optimiser, learning_rates
from neurosim.experiment.train import batch_arrays
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
