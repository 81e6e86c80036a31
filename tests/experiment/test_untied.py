"""Runs of untied networks: the initial angle, and what the trace tells of the asymmetry."""

import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny

from neurosim.experiment import run
from neurosim.experiment.build import build_controller
from neurosim.learning.computed import REFERENCES
from neurosim.learning.coupling import coupling, homeostatic_loss, symmetry
from neurosim.learning.homeostasis import Homeostasis
from neurosim.networks.feedback import angle
from neurosim.rng import Streams
from neurosim.traces import read_trace

UNTIED = {"layers": [64, 7, 6, 10], "tied": False}
QUIET = {"device": {"model": "ideal"}, "crossbar": {"read_noise": 0.0}, "trace": {"pulses": False, "settling": False}}
EXACT_WRITE = {"programmer": "ideal", "estimator": "symmetric"}


def initial(**network):
    experiment = tiny(network={**UNTIED, **network}, **QUIET, settle={"dtype": "float64"})
    controller, state = build_controller(experiment, Streams(0))
    return controller.weights(state)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0])
def test_feedback_starts_at_the_given_angle_and_norm(degrees):
    w = initial(feedback_angle=degrees)
    for k in (2, 3):
        forward, back = w[f"W{k}"].T, w[f"B{k}"]
        assert angle(forward, back) == pytest.approx(degrees, abs=1e-5)
        assert np.linalg.norm(back) == pytest.approx(np.linalg.norm(forward))
    plain = initial()
    assert all(np.array_equal(w[name], plain[name]) for name in ("W1", "W2", "W3", "b1"))


def test_without_an_angle_feedback_is_a_draw_of_its_own():
    w = initial()
    assert abs(angle(w["W2"].T, w["B2"]) - 90) > 1  # 42 weights of which none knows the other
    assert abs(w["B2"]).max() <= 1 / np.sqrt(6)
    assert abs(w["B2"]).max() > 0.9 / np.sqrt(6)


def metrics_of(path, **tables):
    final = run(tiny(**{**QUIET, "settle": {"dtype": "float64"}, **tables}), path)
    with read_trace(path, finished=True) as trace:
        return final, trace.metrics(), {name: trace.weights(name) for name in trace.synapses}


def test_trace_of_an_untied_run_holds_angles_and_the_asymmetry_of_the_coupling(tmp_path):
    final, metrics, weights = metrics_of(tmp_path / "run.h5", network={**UNTIED, "feedback_angle": 60.0})
    assert {"angle_B2", "angle_B3", "coupling_symmetry", "jacobian_symmetry", "homeostatic_loss"} <= metrics.keys()
    assert metrics["angle_B2"][0] == pytest.approx(60, abs=1e-5)
    assert final["angle_B3"] == metrics["angle_B3"][-1] != metrics["angle_B3"][0]
    w = {name: h.g_plus - h.g_minus for name, h in weights.items()}
    assert metrics["angle_B3"][-1] == pytest.approx(angle(w["W3"][-1].T, w["B3"][-1]), abs=1e-6)
    apart = sum(((w[f"W{k}"][-1] - w[f"B{k}"][-1].T) ** 2).sum() for k in (2, 3))
    g_ref = 50e-6 / 8.0
    assert metrics["homeostatic_loss"][-1] == pytest.approx(apart / g_ref**2 / 23)
    alike = sum(((w[f"W{k}"][-1] + w[f"B{k}"][-1].T) ** 2).sum() for k in (2, 3))
    assert metrics["coupling_symmetry"][-1] == pytest.approx(alike**0.5 / (alike**0.5 + apart**0.5))
    assert 0.5 < metrics["coupling_symmetry"][0] < 1


def test_angles_have_degrees_and_tied_runs_have_none(tmp_path):
    metrics_of(tmp_path / "untied.h5", network=UNTIED)
    with read_trace(tmp_path / "untied.h5") as trace:
        assert trace.units("metrics/angle_B2") == trace.units("run/angle_B2") == "degree"
    _, metrics, _ = metrics_of(tmp_path / "tied.h5")
    assert [name for name in metrics if "angle" in name or "symmetry" in name or "homeostatic" in name] == []


@pytest.mark.parametrize("pool", ["average", "softmax", "max"])
def test_trace_of_untied_kernels_tells_their_symmetry_which_homeostasis_raises(pool, tmp_path):
    first = {"channels": 4, "kernel": 3, "padding": 1}
    second = {"channels": 4, "kernel": 3, "padding": 1, "pool": pool}
    network = {"layers": [64, 10], "convolutions": [first, second], "tied": False, "feedback_angle": 60.0}
    found = {}
    for weight in (0.0, 1.0):
        learning = {**EXACT_WRITE, "estimator": "true_response", "homeostasis": weight, "homeostasis_draws": 2}
        found[weight] = metrics_of(
            tmp_path / f"{weight}.h5", network=network, learning=learning, train={"epochs": 6, "lr": 1.0}
        )
    metrics, weights = found[1.0][1:]
    assert metrics["coupling_symmetry"][-1] > found[0.0][1]["coupling_symmetry"][-1] + 0.05
    assert metrics["homeostatic_loss"][-1] < 0.5 * found[0.0][1]["homeostatic_loss"][-1]
    assert np.array_equal(metrics["coupling_symmetry"][:1], found[0.0][1]["coupling_symmetry"][:1])
    if pool == "average":  # whose slopes are the same at any activity
        experiment = tiny(network=network, **QUIET, settle={"dtype": "float64"}, train={"probe_batch": 8})
        controller, _ = build_controller(experiment, Streams(0))
        w = {name: (h.g_plus[0] - h.g_minus[0]) * 8.0 / 50e-6 for name, h in weights.items()}
        m = coupling(controller.network, w, np.zeros(controller.network.topology.nodes))
        assert metrics["coupling_symmetry"][0] == pytest.approx(symmetry(m), abs=0.02)
        assert metrics["homeostatic_loss"][0] == pytest.approx(homeostatic_loss(m), rel=0.1)


def test_kolen_pollack_with_leak_closes_the_angle_and_homeostasis_raises_the_symmetry(tmp_path):
    network = {**UNTIED, "feedback_angle": 90.0}
    shared = {
        "learning": {**EXACT_WRITE, "feedback": "kolen_pollack"},
        "train": {"weight_decay": 0.02, "epochs": 30, "lr": 2.0},
    }
    _, closed, _ = metrics_of(tmp_path / "kp.h5", network=network, **shared)
    assert closed["angle_B3"][-1] < 60
    # three updates an epoch, and the square of the difference
    ratio = closed["homeostatic_loss"][1:] / closed["homeostatic_loss"][:-1]
    np.testing.assert_allclose(ratio, (1 - 2.0 * 0.02) ** 6, rtol=1e-9)
    symmetry = {}
    for weight in (0.0, 0.3):
        learning = {**EXACT_WRITE, "homeostasis": weight}
        symmetry[weight] = metrics_of(tmp_path / f"{weight}.h5", network=network, learning=learning)[1]
    assert symmetry[0.3]["coupling_symmetry"][-1] > symmetry[0.0]["coupling_symmetry"][-1] + 0.05


def test_keys_reach_the_controller():
    learning = {**EXACT_WRITE, "feedback": "kolen_pollack", "homeostasis": 2.0, "homeostasis_draws": 3}
    controller, _ = build_controller(tiny(network=UNTIED, learning=learning, **QUIET), Streams(0))
    assert controller.feedback == "kolen_pollack"
    assert controller.homeostasis == Homeostasis(2.0, 3)
    assert build_controller(tiny(network=UNTIED), Streams(0))[0].homeostasis is None


@pytest.mark.parametrize("name", [name for name in REFERENCES if name != "rbp"])
def test_a_computed_reference_trains(name, tmp_path):
    learning = {"estimator": name, "programmer": "ideal"}
    final, metrics, _ = metrics_of(
        tmp_path / "run.h5", learning=learning, train={"epochs": 20}, settle={"free_steps": 60, "nudged_steps": 30},
        network={"layers": [64, 12, 10]},
    )  # fmt: skip
    assert final["train_loss"] < 0.8 * metrics["train_loss"][1]
    np.testing.assert_allclose(metrics["alignment_total"], 1, atol=1e-4)  # tied: both are the exact gradient


def test_untied_run_repeats_bit_by_bit(tmp_path):
    learning = {"homeostasis": 0.5, "programmer": "ideal"}
    for name in ("a", "b"):
        run(tiny(network={**UNTIED, "feedback_angle": 90.0}, learning=learning), tmp_path / f"{name}.h5")
    assert_same(contents(tmp_path / "a.h5"), contents(tmp_path / "b.h5"))
