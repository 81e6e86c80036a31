"""Convolutional experiments: from the file to a network that learns."""

import numpy as np
import pytest
from command import neurosim

from neurosim.backend import NUMPY
from neurosim.config import parse_experiment, scale, topology
from neurosim.config.circuit import parse_circuit
from neurosim.errors import ConfigError
from neurosim.experiment.build import build_controller, learning_rates
from neurosim.rng import Streams
from neurosim.spice.array import Conductances
from neurosim.spice.rate import RateCircuit
from neurosim.traces import read_trace

KERNELS = '{channels = 8, kernel = 3, padding = 1, pool = "max"}, {channels = 16, kernel = 3, pool = "max"}'
TEXT = f"""
[network]
layers = [64, 10]
convolutions = [{KERNELS}]
[settle]
free_steps = 30
nudged_steps = 10
on_unsettled = "accept"
[train]
epochs = 5
lr = [1.0, 0.6, 0.3]
"""


def parsed(**tables):
    kernels = [{"channels": 2, "kernel": 3, "pool": "average"}, {"channels": 3, "kernel": 3}]
    network = {"layers": [64, 10], "convolutions": kernels, **tables.pop("network", {})}
    return parse_experiment({"network": network, **tables})


def test_a_small_convolutional_network_learns_the_digits_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.toml").write_text(TEXT)
    result = neurosim("run", "digits.toml")
    assert result.code == 0, result.err
    with read_trace(tmp_path / "digits.h5", finished=True) as trace:
        accuracy = trace.metrics()["test_accuracy"]
        assert trace.weights("W2").g_plus.shape[1:] == (8 * 9, 16)
        assert trace.layers == ("h1", "h2", "out")
    assert accuracy[0] < 0.25
    assert accuracy[-1] > 0.5


def test_layers_before_and_behind_the_convolutions():
    top = topology(parsed(network={"layers": [64, 20, 10], "output": "softmax", "tied": False}))
    assert [(layer.name, layer.size, layer.shape) for layer in top.layers] == [
        ("input", 64, (1, 8, 8)), ("bias", 1, None), ("h1", 18, (2, 3, 3)), ("h2", 3, (3, 1, 1)), ("h3", 20, None),
    ]  # fmt: skip
    assert [s.name for s in top.arrays] == [
        "W1", "b1", "W2", "B2", "b2", "W3", "B3", "b3", "readout", "b_readout",
    ]  # fmt: skip


def test_an_image_that_is_read_out_without_a_dense_layer_between():
    top = topology(parsed(network={"output": "softmax"}))
    assert (top.output, top.classes) == ("h2", 10)


def test_rates_count_the_convolutions_and_name_their_arrays():
    top = topology(parsed(train={"lr": [0.3, 0.2, 0.1]}))
    names = [s.name for s in top.arrays]
    assert learning_rates((0.3, 0.2, 0.1), names) == {
        "W1": 0.3, "b1": 0.3, "W2": 0.2, "b2": 0.2, "W3": 0.1, "b3": 0.1,
    }  # fmt: skip
    parsed(train={"lr": {"W3": 0.1}})
    with pytest.raises(ConfigError, match="unknown array 'W4'"):
        parsed(train={"lr": {"W4": 0.1}})


def test_kernels_start_within_the_gain_over_the_root_of_their_rows_and_biases_at_zero():
    experiment = parsed(network={"init_gain": 0.5})
    controller, state = build_controller(experiment, Streams(0, NUMPY))
    weights = controller.weights(state)
    bound = 0.5 / np.sqrt(2 * 9)
    assert 0.8 * bound < abs(weights["W2"]).max() <= bound
    assert abs(weights["b2"]).max() < 1e-6


def test_the_document_of_a_convolutional_experiment_gives_the_same_experiment():
    experiment = parsed()
    assert parse_experiment(experiment.document()).document() == experiment.document()
    assert experiment.document()["network"]["convolutions"][0]["pool"] == "average"


def test_a_maximum_over_the_input_is_allowed_at_complex_beta():
    """The first kernel reads the input, which stays real."""
    kernels = [{"channels": 2, "kernel": 3, "pool": "max"}, {"channels": 3, "kernel": 3}]
    learning = {"estimator": "holomorphic", "beta": 0.05}
    experiment = parsed(network={"convolutions": kernels, "init_gain": 0.3}, learning=learning)
    controller, state = build_controller(experiment, Streams(0))
    x, y = np.random.default_rng(0).random((4, 64), dtype=np.float32), np.eye(10, dtype=np.float32)[:4]
    _, report = controller.step(state, x, y)
    assert report.settled == 1
    assert np.isfinite(report.loss)


def test_no_netlist_is_written_for_kernels():
    controller, state = build_controller(parsed(), Streams(0))
    arrays = {
        name: Conductances(np.asarray(pair.read_plus), np.asarray(pair.read_minus))
        for name, pair in state.pairs.items()
    }
    with pytest.raises(ConfigError, match="no netlist is written for kernels"):
        RateCircuit(controller.network, arrays, scale(parsed()), np.zeros(64), np.zeros(10))
    with pytest.raises(ConfigError, match=r"convolutions = .*: a circuit has dense layers only"):
        parse_circuit(
            {
                "network": {"layers": [2, 2], "convolutions": [{"channels": 1, "kernel": 1}]},
                "drive": {"x": [[0.0, 1.0]], "y": [[0.0, 1.0]]},
            }
        )
