"""Interrupted runs: whenever it came, the resumed run is the undisturbed one, bit by bit."""

import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny

from neurosim.backend import NUMPY
from neurosim.crossbar import PairState
from neurosim.errors import TraceError
from neurosim.experiment import Paused, run, train
from neurosim.experiment.checkpoint import Checkpoint, checkpoint_path
from neurosim.learning.controller import Controller, TrainState
from neurosim.traces import TraceWriter, read_trace


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
    experiment, interrupter, call = tiny(train={"checkpoint_every": 1}), Interrupter(monkeypatch), 5 if after else 1
    while interrupted(path := tmp_path / f"{call}.h5", interrupter, call, after=after, experiment=experiment):
        if path.exists():
            with read_trace(path) as trace:
                assert (trace.status, trace.complete) == ("failed", False)
        assert run(experiment, path, resume=True) == undisturbed[1]
        assert_same(contents(path), undisturbed[0])
        assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
        path.unlink()
        call += 8  # every one has been tried once; all of them take a minute
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


@pytest.mark.parametrize("minutes", [[1] * 9, [4] * 3, [2, 5, 3], [3, 3, 3]], ids=str)
def test_run_in_pieces_is_bit_identical(undisturbed, tmp_path, monkeypatch, minutes):
    """Every update takes a minute; pieces end within an epoch and at its end."""
    path, clock, step = tmp_path / "run.h5", [0.0], Controller.step

    def slow(self, *arguments):
        clock[0] += 60
        return step(self, *arguments)

    monkeypatch.setattr(train.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Controller, "step", slow)
    for k, piece in enumerate(minutes, start=1):
        made = min(sum(minutes[:k]), 9)
        if made == 9:
            assert run(tiny(), path, resume=True, stop_after=60 * piece) == undisturbed[1]
            break
        with pytest.raises(Paused, match=f"paused after {made} of 9 updates"):
            run(tiny(), path, resume=True, stop_after=60 * piece)
        with read_trace(path) as trace:
            assert (trace.complete, trace.reason[:20]) == (False, "Paused: paused after")
    assert clock[0] == 60 * 9  # nothing is done twice
    assert_same(contents(path), undisturbed[0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5"]


@pytest.mark.parametrize(
    "recipe",
    [
        {"momentum": 0.9, "weight_decay": 1e-3},
        {"momentum": 0.9, "weight_decay": 1e-3, "decoupled": True, "schedule": "cosine", "schedule_per": "step"},
        {"optimiser": "adamw", "lr": 0.01, "schedule": "cosine"},
    ],
    ids=["momentum", "decoupled", "adamw"],
)
def test_what_the_optimiser_keeps_survives_an_interruption(tmp_path, monkeypatch, recipe):
    experiment = tiny(
        train=recipe,
        learning={"programmer": "ideal", "homeostasis": 0.1},
        network={"layers": [64, 6, 5, 10], "tied": False, "feedback_angle": 90.0},
    )
    expected = run(experiment, tmp_path / "through.h5")
    interrupter = Interrupter(monkeypatch)
    assert interrupted(tmp_path / "run.h5", interrupter, 12, after=True, experiment=experiment)
    assert run(experiment, tmp_path / "run.h5", resume=True) == expected
    assert_same(contents(tmp_path / "run.h5"), contents(tmp_path / "through.h5"))


def test_best_accuracy_before_an_interruption_is_not_forgotten(tmp_path, monkeypatch):
    accuracy = {0: 0.1, 3: 0.9, 6: 0.2, 9: 0.3}
    monkeypatch.setattr(train, "evaluate", lambda controller, state, *_: (0.0, accuracy[state.step], 1.0))

    def stop(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny(), tmp_path / "run.h5", notify=stop)
    final = run(tiny(), tmp_path / "run.h5", resume=True)
    assert (final["best_test_accuracy"], final["test_accuracy"]) == (0.9, 0.3)


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
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x81]) + whole[place + 1 :])
        try:
            back = Checkpoint.load(path, "abc", NUMPY)
        except TraceError:
            refused += 1
            continue
        pair = back.state.pairs["W1"]  # a bit that means nothing was hit, such as one of a time stamp
        arrays = (pair.g_plus, pair.g_minus, pair.read_plus, pair.read_minus, back.state.velocity["W1"])
        assert all(map(np.array_equal, arrays, (*g, g[0])))
        assert (back.state.step, back.state.pulses, back.best, back.sums) == (7, 3.0, 0.5, {"loss": 1.5})
    assert refused > 300
    for size in range(0, len(whole), 100):
        path.write_bytes(whole[:size])
        with pytest.raises(TraceError, match=r"not a checkpoint .* delete it to start afresh"):
            Checkpoint.load(path, "abc", NUMPY)
