"""Checkpoints: bit-identical, in files of at most 16 MB, whole at every moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from neurosim.backend import NUMPY
from neurosim.crossbar import PairState
from neurosim.errors import TraceError
from neurosim.experiment import checkpoint, parts
from neurosim.experiment.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
from neurosim.learning.controller import TrainState

L21 = {"W1": (27, 128), "W2": (1152, 256), "W3": (2304, 512), "W4": (4608, 512), "readout": (512, 10)}
"""Arrays of the 128-256-512-512 network on 3x32x32 images: 3.8 million weights."""


def drawn(shapes, seed=0, dtype=np.float32):
    """Return a checkpoint of arrays of given shapes; of the second one the visible conductances are its own."""
    rng, pairs, velocity = np.random.default_rng(seed), {}, {}
    for k, (name, shape) in enumerate(shapes.items()):
        plus, minus = rng.random(shape, dtype=dtype), rng.random(shape, dtype=dtype)
        pairs[name] = PairState(plus, minus, *((plus * 2, minus * 2) if k == 1 else (plus, minus)))
        velocity[name] = rng.random(shape, dtype=dtype)
    state = TrainState(pairs, velocity, 1234 + seed, 0.1 + seed)
    return Checkpoint(state, {"loss": 1 / 3, "count": 7.0, "residual": float("nan")}, 0.7)


def assert_same(found, expected):
    assert type(found) is type(expected)
    assert (found.best, found.state.step, found.state.pulses) == (
        expected.best,
        expected.state.step,
        expected.state.pulses,
    )
    np.testing.assert_equal(found.sums, expected.sums)
    assert list(found.state.pairs) == list(expected.state.pairs)
    for name, pair in expected.state.pairs.items():
        mine = found.state.pairs[name]
        for part in ("g_plus", "g_minus", "read_plus", "read_minus"):
            one, other = getattr(mine, part), getattr(pair, part)
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()
        assert (mine.read_plus is mine.g_plus) == (pair.read_plus is pair.g_plus)
        assert found.state.velocity[name].tobytes() == expected.state.velocity[name].tobytes()


def test_a_network_of_millions_of_weights_lies_in_files_of_at_most_16_mb(tmp_path):
    path, saved = tmp_path / "run.h5.checkpoint.npz", drawn(L21)
    saved.save(path, "abc", NUMPY)
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert sum(3 * 4 * np.prod(shape) for shape in L21.values()) > 45e6
    assert max(sizes) <= 16e6
    assert 4 <= len(sizes) <= 6
    assert_same(Checkpoint.load(path, "abc", NUMPY), saved)
    remove_checkpoint(tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files(monkeypatch):
    """Files of 16 kB, so that small arrays are cut, too."""
    monkeypatch.setattr(parts, "LARGEST_FILE", 16_000)
    monkeypatch.setattr(parts, "ENTRY", 600)


SHAPES = {"W1": (1, 3), "W2": (40, 50), "b": (0, 4), "W3": (7, 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_of_array_comes_back(tmp_path, small_files, dtype):
    path = tmp_path / "run.h5.checkpoint.npz"
    for rows in (1, 39, 40, 41, 79, 80, 81, 300):
        saved = drawn({**SHAPES, "W4": (rows, 50)}, rows, dtype)
        saved.save(path, "abc", NUMPY)
        assert_same(Checkpoint.load(path, "abc", NUMPY), saved)
        assert max(file.stat().st_size for file in tmp_path.iterdir()) <= 16_000


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Ends the process at the k-th step of writing: opening, renaming or removing a file."""

    def __init__(self, monkeypatch):
        self.left = -1
        for name in ("open", "replace", "unlink"):
            monkeypatch.setattr(Path, name, self.watch(getattr(Path, name)))

    def watch(self, function):
        def call(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise Killed
            return function(*arguments, **options)

        return call


def test_killed_between_any_two_writes_the_old_or_the_new_checkpoint_is_whole(tmp_path, small_files, monkeypatch):
    path, old, new = tmp_path / "run.h5.checkpoint.npz", drawn(SHAPES, 1), drawn(SHAPES, 2)
    killer, found, call = Killer(monkeypatch), [], 0
    killed = True
    while killed:
        call += 1
        killer.left = -1
        old.save(path, "abc", NUMPY)
        killer.left = call
        try:
            new.save(path, "abc", NUMPY)
            killed = False
        except Killed:
            pass
        killer.left = -1
        back = Checkpoint.load(path, "abc", NUMPY)
        assert_same(back, old if back.state.step == old.state.step else new)
        found.append(back.state.step)
    parts_of_one = len(list(tmp_path.iterdir()))
    assert parts_of_one >= 4
    assert len(found) > 3 * parts_of_one - 2  # each file is opened, renamed, and removed later
    assert sorted(found) == found
    assert {old.state.step, new.state.step} == set(found)
    remove_checkpoint(tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_or_missing_part_is_named(tmp_path, small_files):
    path = tmp_path / "run.h5.checkpoint.npz"
    drawn(SHAPES).save(path, "abc", NUMPY)
    other = sorted(tmp_path.iterdir())[0]
    assert other != path
    whole = other.read_bytes()
    for content in (whole[:-1], whole[:900] + b"\x00\xff" + whole[902:], b""):
        other.write_bytes(content)
        with pytest.raises(
            TraceError, match=rf"{other.name}: not a checkpoint \(its content has changed\); delete .*run"
        ):
            Checkpoint.load(path, "abc", NUMPY)
    other.unlink()
    with pytest.raises(TraceError, match=rf"{other.name}: not a checkpoint .*No such file.*to start afresh"):
        Checkpoint.load(path, "abc", NUMPY)


def test_files_of_other_runs_are_left_alone(tmp_path, small_files):
    names = ["run.h5", "run2.h5.checkpoint.npz", "run.h5.checkpoint.abc.npz", "arun.h5.checkpoint.0123456789abcdef.npz"]
    for name in names:
        (tmp_path / name).write_text("precious")
    for seed in (1, 2):
        drawn(SHAPES, seed).save(checkpoint_path(tmp_path / "run.h5"), "abc", NUMPY)
    remove_checkpoint(tmp_path / "run.h5")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_a_full_disk_is_a_message_and_leaves_the_old_checkpoint(tmp_path, small_files, monkeypatch):
    path, old = tmp_path / "run.h5.checkpoint.npz", drawn(SHAPES, 1)
    old.save(path, "abc", NUMPY)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(parts.os, "fsync", full)
        with pytest.raises(TraceError, match="the checkpoint could not be written: No space left"):
            drawn(SHAPES, 2).save(path, "abc", NUMPY)
    assert_same(Checkpoint.load(path, "abc", NUMPY), old)


@dataclass(frozen=True)
class WiderState(TrainState):
    """A state with what others may add: mappings of arrays and of mappings, numbers, nothing, texts."""

    asymmetry: Mapping[str, np.ndarray] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    temperature: float = 0.0
    held: np.ndarray | None = None
    mode: str = ""


def test_fields_that_are_added_to_the_state_are_saved_without_a_word(tmp_path, monkeypatch):
    monkeypatch.setitem(checkpoint.CLASSES, "WiderState", WiderState)
    asymmetry = {"W1": np.arange(6.0).reshape(2, 3), "W2": np.arange(3)}
    state = WiderState({}, step=3, asymmetry=asymmetry, counts={"a": {"b": 0.1}}, temperature=1e-300, mode="x")
    Checkpoint(state).save(tmp_path / "c.npz", "abc", NUMPY)
    found = Checkpoint.load(tmp_path / "c.npz", "abc", NUMPY).state
    assert isinstance(found, WiderState)
    assert (found.step, found.counts, found.temperature, found.held, found.mode) == (
        3,
        {"a": {"b": 0.1}},
        1e-300,
        None,
        "x",
    )
    np.testing.assert_equal(found.asymmetry, asymmetry)
    assert found.asymmetry["W2"].dtype == asymmetry["W2"].dtype
