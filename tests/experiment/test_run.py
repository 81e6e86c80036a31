"""A run, its trace, and what an interruption leaves of it."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny

from neurosim.backend import NUMPY
from neurosim.config import load_experiment, scale
from neurosim.crossbar import PairState
from neurosim.errors import ConvergenceError, TraceError
from neurosim.experiment import run, train
from neurosim.experiment.build import build_controller, learning_rates
from neurosim.experiment.checkpoint import Checkpoint, checkpoint_path
from neurosim.learning.controller import Controller, TrainState
from neurosim.rng import Streams
from neurosim.traces import TraceWriter, read_trace

IDEAL = {"model": "ideal"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the trace and the final scalars of the tiny experiment, run through."""
    path = tmp_path_factory.mktemp("undisturbed") / "run.h5"
    final = run(tiny(), path)
    return contents(path), final


def test_repeated_run_is_bit_identical_and_another_seed_is_not(undisturbed, tmp_path):
    again = run(tiny(), tmp_path / "again.h5")
    assert again == undisturbed[1]
    assert_same(contents(tmp_path / "again.h5"), undisturbed[0])
    assert run(tiny(train={"seed": 1}), tmp_path / "other.h5") != undisturbed[1]


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
    controller, _ = build_controller(experiment, Streams(0))
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
    assert controller.network.topology.output == "out"


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


# Interruptions.


class Interrupted(KeyboardInterrupt):
    """A stop signal of this test."""


class Interrupter:
    """Raises at the k-th of all calls that change the state of a run, before or after the call's work."""

    WATCHED = (
        (Controller, "step"),
        (TraceWriter, "metrics"),
        (TraceWriter, "weights"),
        (TraceWriter, "pulses"),
        (TraceWriter, "run"),
        (Checkpoint, "save"),
        (train._Run, "_measure"),
        (train, "copy_records"),
    )

    def __init__(self, monkeypatch):
        self.left, self.after = -1, False
        for owner, name in self.WATCHED:
            monkeypatch.setattr(owner, name, self.watch(getattr(owner, name)))

    def watch(self, function):
        def call(*args, **options):
            self.left -= 1
            mine = self.left == 0
            if mine and not self.after:
                raise Interrupted
            result = function(*args, **options)
            if mine:
                raise Interrupted
            return result

        return call

    def arm(self, call, *, after):
        """Interrupt at the `call`-th call from now, counted from 1; never for 0."""
        self.left, self.after = call, after


def interrupted(path, interrupter, call, *, after, experiment=None, resume=False):
    """Run until the interruption; return whether there was one."""
    interrupter.arm(call, after=after)
    try:
        run(experiment or tiny(), path, resume=resume)
    except Interrupted:
        return True
    finally:
        interrupter.arm(0, after=False)
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_run_interrupted_at_any_point_and_resumed_is_bit_identical(undisturbed, tmp_path, monkeypatch, after):
    """Within an epoch, between two records of one, at its end, in the last one, while saving."""
    experiment, interrupter, call = tiny(train={"checkpoint_every": 1}), Interrupter(monkeypatch), 1
    while interrupted(path := tmp_path / f"{call}.h5", interrupter, call, after=after, experiment=experiment):
        if path.exists():
            with read_trace(path) as trace:
                assert (trace.status, trace.complete) == ("failed", False)
        assert run(experiment, path, resume=True) == undisturbed[1]
        assert_same(contents(path), undisturbed[0])
        assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
        path.unlink()
        call += 2
    assert call > 60


def test_run_interrupted_twice_also_while_it_takes_up_again(undisturbed, tmp_path, monkeypatch):
    interrupter, path = Interrupter(monkeypatch), tmp_path / "run.h5"
    assert interrupted(path, interrupter, 30, after=False)
    for call, after in ((1, False), (1, True), (3, False), (4, True), (25, True)):
        assert interrupted(path, interrupter, call, after=after, resume=True)
        assert checkpoint_path(path).exists()
    assert run(tiny(), path, resume=True) == undisturbed[1]
    assert_same(contents(path), undisturbed[0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5"]


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_run_interrupted_by_its_display_is_bit_identical(undisturbed, tmp_path, epoch):
    """The display of the last epoch comes after the last update: its scalars must not be lost."""

    def notify(progress):
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny(), tmp_path / "run.h5", notify=notify)
    seen = []
    assert run(tiny(), tmp_path / "run.h5", resume=True, notify=seen.append) == undisturbed[1]
    assert_same(contents(tmp_path / "run.h5"), undisturbed[0])
    assert [progress.epoch for progress in seen] == list(range(epoch, 4))


def test_momentum_survives_an_interruption(tmp_path, monkeypatch):
    experiment = tiny(train={"momentum": 0.9, "weight_decay": 1e-3}, learning={"programmer": "ideal"})
    expected = run(experiment, tmp_path / "through.h5")
    interrupter = Interrupter(monkeypatch)
    assert interrupted(tmp_path / "run.h5", interrupter, 12, after=True, experiment=experiment)
    assert run(experiment, tmp_path / "run.h5", resume=True) == expected
    assert_same(contents(tmp_path / "run.h5"), contents(tmp_path / "through.h5"))


def test_resume_without_a_checkpoint_starts_afresh(undisturbed, tmp_path):
    assert run(tiny(), tmp_path / "run.h5", resume=True) == undisturbed[1]


def test_fresh_start_takes_nothing_from_an_abandoned_run(undisturbed, tmp_path, monkeypatch):
    """An abandoned run of another seed left its records set aside; they must not come back later."""
    interrupter, path = Interrupter(monkeypatch), tmp_path / "run.h5"
    other = tiny(train={"seed": 1})
    assert interrupted(path, interrupter, 30, after=False, experiment=other)
    assert interrupted(path, interrupter, 1, after=True, experiment=other, resume=True)
    assert (tmp_path / "run.h5.interrupted").exists()
    assert interrupted(path, interrupter, 30, after=False)
    assert run(tiny(), path, resume=True) == undisturbed[1]
    assert_same(contents(path), undisturbed[0])


def test_checkpoint_of_another_experiment_is_refused_and_kept(tmp_path, monkeypatch):
    interrupter, path = Interrupter(monkeypatch), tmp_path / "run.h5"
    assert interrupted(path, interrupter, 30, after=False)
    with pytest.raises(TraceError, match="belongs to another experiment or seed"):
        run(tiny(train={"seed": 1}), path, resume=True)
    assert checkpoint_path(path).exists()
    assert path.exists()


def test_checkpoint_without_a_trace_is_refused(tmp_path, monkeypatch):
    interrupter, path = Interrupter(monkeypatch), tmp_path / "run.h5"
    assert interrupted(path, interrupter, 30, after=False)
    path.unlink()
    with pytest.raises(TraceError, match="no trace to go on with; delete"):
        run(tiny(), path, resume=True)


def test_damaged_checkpoint_is_an_error_never_other_numbers(tmp_path):
    rng = np.random.default_rng(0)
    g = [rng.random((2, 2)) for _ in range(4)]
    path = tmp_path / "c.npz"
    Checkpoint(TrainState({"W1": PairState(*g)}, {"W1": g[0]}, 7, 3.0), {"loss": 1.5}, 0.5).save(path, "abc", NUMPY)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x81]) + whole[place + 1 :])
        try:
            back = Checkpoint.load(path, "abc", NUMPY)
        except TraceError as error:
            assert "delete it to start afresh" in str(error)
            refused += 1
        else:  # a bit that means nothing, such as a time stamp
            pair = back.state.pairs["W1"]
            arrays = (pair.g_plus, pair.g_minus, pair.read_plus, pair.read_minus, back.state.velocity["W1"])
            assert all(map(np.array_equal, arrays, (*g, g[0])))
            assert (back.state.step, back.state.pulses, back.best, back.sums) == (7, 3.0, 0.5, {"loss": 1.5})
    assert refused > 500
    for size in range(0, len(whole), 100):
        path.write_bytes(whole[:size])
        with pytest.raises(TraceError, match="not a checkpoint"):
            Checkpoint.load(path, "abc", NUMPY)


# Learning rates, targets, time constants.

NAMES = ["W1", "b1", "W2", "B2", "b2", "readout", "b_readout"]


def test_one_learning_rate_serves_all():
    assert learning_rates(0.3, NAMES) == dict.fromkeys(NAMES, 0.3)


def test_a_table_names_arrays_and_their_biases_and_feedback_follow():
    found = learning_rates({"W1": 0.1, "W2": 0.2, "b2": 0.5}, NAMES)
    assert found == {"W1": 0.1, "b1": 0.1, "W2": 0.2, "B2": 0.2, "b2": 0.5, "readout": 0.0, "b_readout": 0.0}


def test_a_list_gives_one_rate_per_layer_from_the_input():
    found = learning_rates([0.1, 0.2, 0.3], NAMES)
    assert found == {"W1": 0.1, "b1": 0.1, "W2": 0.2, "B2": 0.2, "b2": 0.2, "readout": 0.3, "b_readout": 0.3}


def test_an_array_without_a_rate_does_not_move(tmp_path):
    run(tiny(train={"lr": {"W2": 0.5}}), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        moves = {name: abs(np.diff(trace.weights(name).g_plus, axis=0)).max() for name in trace.synapses}
    assert moves["W1"] == moves["b1"] == 0
    assert moves["W2"] > 0
    assert moves["b2"] > 0


def test_softmax_targets_are_probabilities():
    experiment = tiny(network={"output": "softmax", "layers": [64, 6, 10], "activation": "tanh"})
    _, y = train.batch_arrays(experiment, np.zeros((2, 64)), np.array([3, 9]), 10, NUMPY)
    assert y.sum(axis=1).tolist() == [1, 1]
    assert y[0, 3] == y[1, 9] == 1


def test_squared_error_targets_are_the_declared_ones():
    experiment = tiny(network={"activation": "tanh", "target_low": -0.5, "target_high": 0.8})
    _, y = train.batch_arrays(experiment, np.zeros((1, 64)), np.array([3]), 10, NUMPY)
    np.testing.assert_allclose(y[0], [-0.5] * 3 + [0.8] + [-0.5] * 6, rtol=1e-6)


def test_time_constants_have_the_declared_mean_and_spread():
    experiment = tiny(network={"layers": [64, 20000, 10], "tau_spread": 0.3})
    tau = 1 / build_network(experiment)
    assert tau.mean() == pytest.approx(1, abs=4 * 0.3 / np.sqrt(len(tau)))
    assert tau.std() == pytest.approx(0.3, rel=0.05)


def build_network(experiment):
    from neurosim.experiment.build import build_network as build

    return build(experiment, Streams(0), np.float64).rate


# Learning.


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
