"""Images in training: normalised everywhere, flipped and moved in training alone, the same in every piece of a run."""

import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny

from neurosim.experiment import Paused, run, train
from neurosim.experiment.batches import load_data
from neurosim.learning.controller import Controller

IMAGES = {"flip": True, "crop_padding": 2, "train_limit": 48, "test_limit": 30}
NORMALISE = {"mean": [0.3], "std": [0.4], "factor": 3.0}


def shown(monkeypatch, path, experiment):
    """Return the training images of each update of a run."""
    seen, step = [], Controller.step
    with monkeypatch.context() as patch:
        patch.setattr(Controller, "step", lambda self, state, x, y: seen.append(x.copy()) or step(self, state, x, y))
        run(experiment, path)
    return seen


def test_normalisation_holds_for_training_and_test_images():
    plain, found = (
        load_data(tiny()),
        load_data(tiny(data={"train_limit": 48, "test_limit": 30, "normalise": NORMALISE})),
    )
    for kind in ("x_train", "x_test"):
        np.testing.assert_allclose(getattr(found, kind), (getattr(plain, kind) - 0.3) / 1.2, rtol=1e-5, atol=1e-6)
        assert getattr(found, kind).dtype == np.float32


def test_only_training_images_are_augmented_and_anew_in_each_epoch(tmp_path, monkeypatch):
    tested, measure = [], train.evaluate

    def spy(controller, state, x, *rest):
        tested.append(x.copy())
        return measure(controller, state, x, *rest)

    monkeypatch.setattr(train, "evaluate", spy)
    seen = shown(monkeypatch, tmp_path / "run.h5", tiny(data=IMAGES))
    plain = shown(monkeypatch, tmp_path / "plain.h5", tiny())
    data = load_data(tiny())
    assert all(np.array_equal(x, data.x_test) for x in tested)
    assert [x.shape for x in seen] == [x.shape for x in plain]
    unchanged = [
        np.mean([np.array_equal(a, b) for a, b in zip(x, y, strict=True)]) for x, y in zip(seen, plain, strict=True)
    ]
    assert max(unchanged) < 0.3  # 1 in 50 is drawn neither flipped nor moved
    first, second = (sorted(map(bytes, np.concatenate(seen[k : k + 3]))) for k in (0, 3))
    assert first != second


def test_a_run_in_pieces_shows_the_same_images(tmp_path, monkeypatch):
    experiment = tiny(data={**IMAGES, "normalise": NORMALISE})
    final = run(experiment, tmp_path / "whole.h5")
    path = tmp_path / "pieces.h5"
    for _ in range(8):
        with pytest.raises(Paused):
            run(experiment, path, resume=True, stop_after=1e-9)
    assert run(experiment, path, resume=True, stop_after=1e-9) == final
    assert_same(contents(path), contents(tmp_path / "whole.h5"))


def test_the_seed_decides(tmp_path, monkeypatch):
    def images(seed):
        experiment = tiny(data=IMAGES, train={"seed": seed, "epochs": 1, "batch": 48})
        return np.sort(shown(monkeypatch, tmp_path / f"{seed}.h5", experiment)[0], axis=0)

    assert np.array_equal(images(0), images(0))
    assert not np.array_equal(images(0), images(1))


def test_a_trace_without_conductances_resumes_too(tmp_path, monkeypatch):
    trace = {"weights": False, "weights_every": 0, "pulses": False}
    final = run(tiny(), tmp_path / "whole.h5")
    with pytest.raises(Paused):
        run(tiny(trace=trace), tmp_path / "run.h5", stop_after=1e-9)
    assert run(tiny(trace=trace), tmp_path / "run.h5", resume=True) == final
    assert [name for name in contents(tmp_path / "run.h5") if name.startswith("weights/")] == []
