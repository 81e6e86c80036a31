"""A run: repeatable, and its trace holds what was done, in SI units."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny

from neurosim.config import load_experiment, scale
from neurosim.errors import ConvergenceError
from neurosim.experiment import run
from neurosim.experiment.checkpoint import checkpoint_path
from neurosim.learning.controller import Controller
from neurosim.traces import read_trace

IDEAL = {"model": "ideal"}


def test_repeated_run_is_bit_identical_and_another_seed_is_not(undisturbed, tmp_path):
    again = run(tiny(), tmp_path / "again.h5")
    assert again == undisturbed[1]
    assert_same(contents(tmp_path / "again.h5"), undisturbed[0])
    assert run(tiny(train={"seed": 1}), tmp_path / "other.h5") != undisturbed[1]


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own(tmp_path, monkeypatch):
    shown, step = [], Controller.step

    def spy(self, state, x, y):
        shown.append(np.asarray(x))
        return step(self, state, x, y)

    monkeypatch.setattr(Controller, "step", spy)
    run(tiny(train={"batch": 20}), tmp_path / "run.h5")
    assert [len(x) for x in shown] == [20, 20, 8] * 3
    epochs = [np.concatenate(shown[k : k + 3]) for k in (0, 3, 6)]
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[1], epochs[2])
    ordered = [images[np.lexsort(images.T)] for images in epochs]
    assert np.array_equal(ordered[0], ordered[1])
    assert np.array_equal(ordered[0], ordered[2])


# What the trace holds.


def test_trace_contents_and_units(undisturbed, tmp_path):
    path = tmp_path / "run.h5"
    final = run(tiny(), path, source_text="title = 'as given'")
    with read_trace(path, finished=True) as trace:
        assert trace.config == "title = 'as given'"
        assert trace.run() == final
        assert set(trace.synapses) == set(trace.pulsed) == {"W1", "b1", "W2", "b2"}
        assert trace.layers == ("h1", "out")
        assert trace.attributes["backend"] == "numpy"
        metrics = trace.metrics()
        assert metrics["step"].tolist() == [0, 3, 6, 9]
        assert metrics["epoch"].tolist() == [0, 1, 2, 3]
        assert np.isnan(metrics["train_loss"][0])
        assert (metrics["train_loss"][1:] > 0).all()
        assert final["best_test_accuracy"] == metrics["test_accuracy"].max()
        assert final["test_accuracy"] == metrics["test_accuracy"][-1]
        assert final["steps"] == 9
        assert trace.units("weights/W1/g_plus") == "S"
        assert trace.units("states/h1/u") == trace.units("states/out/a") == "V"
        assert trace.units("states/h1/time") == "s"
        for name in trace.synapses:
            w = trace.weights(name)
            assert w.step.tolist() == [0, 3, 6, 9]
            assert w.g_plus.min() >= 1e-6 * (1 - 1e-6)
            assert w.g_plus.max() <= 51e-6 * (1 + 1e-6)


def test_configuration_in_the_trace_is_the_resolved_one(tmp_path):
    run(tiny(), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        assert json.loads(trace.config) == tiny().document()


def test_settling_is_recorded_in_volts_and_seconds_phase_after_phase(tmp_path):
    experiment = tiny(settle={"dtype": "float64"}, crossbar={"read_noise": 0.0}, device=IDEAL)
    run(experiment, tmp_path / "run.h5")
    unit = scale(experiment)
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        out, beta, hidden = trace.states("out"), trace.teaching().beta, trace.states("h1")
        last = {name: trace.weights(name, slice(-1, None)) for name in trace.synapses}
    assert beta.tolist() == [0.0] * 21 + [0.2] * 9 + [-0.2] * 9
    np.testing.assert_allclose(np.diff(out.time[:21]), unit.tau)
    assert out.time[-1] == pytest.approx((20 + 8 + 8) * unit.tau)
    assert out.time[20] == out.time[21]  # the nudge is switched on at the end of the free phase
    assert np.array_equal(out.u[20], out.u[21])
    assert np.array_equal(out.u[20], out.u[30])  # the second nudged phase starts at the free state too
    np.testing.assert_allclose(out.a, unit.v_ref / (1 + np.exp(2 - 4 * out.u / unit.v_ref)), rtol=1e-12)
    # one Euler step of dt = tau is the drive: the recorded conductances make the recorded voltages
    w = {n: (h.g_plus[0] - h.g_minus[0]) / unit.g_ref for n, h in last.items()}
    drive = hidden.a[4] @ w["W2"] + unit.v_ref * w["b2"]
    np.testing.assert_allclose(out.u[5], drive, rtol=1e-10, atol=1e-15)


def test_complex_settling_is_stored_as_two_real_parts(tmp_path):
    run(tiny(learning={"estimator": "holomorphic", "points": 4}), tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:
        assert {"u_re", "u_im", "a_re", "a_im"} < set(file["states/h1"])
        assert "u" not in file["states/h1"]
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        beta, u = trace.teaching().beta, trace.states("h1").u
    assert set(np.round(beta, 12)) == {0, 0.2, 0.2j, -0.2}
    assert abs(u.imag[beta.imag == 0]).max() == 0
    assert abs(u.imag[beta.imag > 0][2:]).max() > 0


def test_oscillating_run_records_its_teaching_signal(tmp_path):
    learning = {"estimator": "oscillating", "points": 4, "dwell": 5, "periods": 2, "discard_periods": 1}
    run(tiny(learning=learning), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        beta = trace.teaching().beta
    assert len(beta) == 1 + 3 * 4 * 5
    np.testing.assert_allclose(abs(beta), 0.2, rtol=1e-12)
    np.testing.assert_allclose(beta[5:10], 0.2j, atol=1e-15)


def test_recorded_pulses_replay_to_the_recorded_conductances(tmp_path):
    run(tiny(device=IDEAL | {"step": "0.1 uS"}, settle={"dtype": "float64"}), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        total = 0
        for name in trace.synapses:
            w, pulses = trace.weights(name), trace.pulses(name)
            assert pulses.step.tolist() == list(range(1, 10))
            g = np.clip(w.g_plus[0] + 0.1e-6 * np.cumsum(pulses.count, axis=0), 1e-6, 51e-6)
            np.testing.assert_allclose(w.g_plus[1:], g[2::3], rtol=0, atol=1e-18)
            total += 2 * abs(pulses.count).sum()
        assert trace.run()["pulses"] == total > 0


@pytest.mark.parametrize(("every", "steps"), [(0, [0, 9]), (1, [0, 3, 6, 9]), (2, [0, 6, 9])])
def test_weights_every(every, steps, tmp_path):
    run(tiny(trace={"weights_every": every, "pulses": False, "settling": False}), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        assert trace.weights("W1").step.tolist() == steps
        assert trace.pulsed == ()
        assert trace.layers == ()


def test_run_that_does_not_settle_is_marked_failed(tmp_path):
    experiment = tiny(settle={"free_steps": 2, "nudged_steps": 1, "tolerance": 1e-4, "on_unsettled": "raise"})
    with pytest.raises(ConvergenceError, match="training step 0: 16 of 16 samples did not settle"):
        run(experiment, tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5") as trace:
        assert trace.status == "failed"
        assert not trace.complete
        assert trace.reason.startswith("ConvergenceError: training step 0")
        assert trace.metrics()["epoch"].tolist() == [0]
        assert trace.run() == {}
    assert not checkpoint_path(tmp_path / "run.h5").exists()


@pytest.mark.slow
def test_ideal_symmetric_ep_learns_the_digits_as_well_as_the_exact_gradient(tmp_path):
    path = Path(__file__).parents[2] / "experiments" / "ideal.toml"
    axes = dict(load_experiment(path).sweep.expanded())
    mean = {}
    for estimator in axes["learning.estimator"]:
        found = []
        for seed in range(load_experiment(path).sweep.seeds):
            experiment = load_experiment(path, [f"train.seed={seed}", f"learning.estimator={estimator}"])
            found.append(run(experiment, tmp_path / "run.h5")["test_accuracy"])
        mean[estimator] = np.mean(found)
    assert mean["symmetric"] >= 0.95
    assert abs(mean["symmetric"] - mean["rbp"]) <= 0.01
