"""The CIFAR-10 experiment: the file that trains on a GPU runs on a CPU, in pieces, and its step waits for no device."""

from pathlib import Path

import numpy as np
import pytest
from cifar_like import CifarLike
from command import neurosim
from strict_array import StrictArray
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.config import load_experiment, topology
from neurosim.data.registry import SOURCES
from neurosim.experiment.build import build_controller, learning_rates
from neurosim.learning.schedule import CosineRate
from neurosim.numerics.integrate import CHECK_EVERY
from neurosim.rng import Streams
from neurosim.traces import read_trace

FILE = Path(__file__).parents[2] / "experiments" / "papers" / "l21_cifar10.toml"
TWO_BATCHES = (
    "settle.backend=numpy", "data.train_limit=4", "data.test_limit=2", "train.batch=2", "train.epochs=1",
    "train.schedule_epochs=1", "train.probe_batch=1", "settle.free_steps=2", "settle.nudged_steps=1",
    "settle.max_sweeps=2",
)  # fmt: skip
SMALL_MAPS = ", ".join(
    f'{{channels = {n}, kernel = 3, padding = {p}, pool = "max"}}' for n, p in [(3, 1), (4, 1), (5, 1), (6, 0)]
)


def test_the_architecture_and_the_rates_are_the_published_ones():
    experiment = load_experiment(FILE)
    top = topology(experiment)
    shapes = {layer.name: layer.shape for layer in top.free}
    assert shapes == {"h1": (128, 16, 16), "h2": (256, 8, 8), "h3": (512, 4, 4), "h4": (512, 1, 1)}
    names = [synapse.name for synapse in top.arrays]
    weights = sum(np.prod(top.shape(synapse)) for synapse in top.arrays if not synapse.name.startswith("b"))
    assert weights == 27 * 128 + 9 * (128 * 256 + 256 * 512 + 512 * 512) + 512 * 10
    rates = learning_rates(experiment.train.lr, names)
    assert [rates[name] for name in ("W1", "W2", "W3", "W4", "readout")] == [0.25, 0.15, 0.1, 0.08, 0.05]
    assert [rates[f"b{k}"] for k in range(1, 5)] == [0.25, 0.15, 0.1, 0.08]
    schedule = CosineRate(100, 391, 1e-5)
    assert schedule.rate(0.25, 391 * 100) == schedule.rate(0.25, 391 * 119) == 1e-5


def test_the_same_file_trains_two_batches_on_a_cpu_in_two_pieces(tmp_path, monkeypatch):
    files = CifarLike()
    monkeypatch.setitem(SOURCES, "cifar10", files.source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSIM_DATA", str(files.write(tmp_path / "data")))
    line = ["run", FILE, "--out", "c.h5", "--resume", "--stop-after", "0.001 s"]
    for key in TWO_BATCHES:
        line += ["--set", key]
    first = neurosim(*line)
    assert (first.code, first.out.splitlines()[0]) == (0, "c.h5: paused after 1 of 2 updates (epoch 0.5)")
    sizes = [file.stat().st_size for file in tmp_path.glob("c.h5*")]
    assert len(sizes) > 4
    assert max(sizes) <= 16e6
    second = neurosim(*line)
    assert second.code == 0, second.err
    assert second.out.startswith("c.h5: test accuracy")
    with read_trace("c.h5", finished=True) as trace:
        metrics, final = trace.metrics(), trace.run()
    assert metrics["step"].tolist() == [0, 2]
    assert np.isfinite([metrics["residual"][1], metrics["train_loss"][1], final["best_test_accuracy"]]).all()
    assert 1.5 < metrics["train_loss"][1] < 4  # that of a guess is ln 10
    assert final["test_accuracy"] == metrics["test_accuracy"][1]
    assert [file.name for file in tmp_path.glob("c.h5*")] == ["c.h5"]


def small(where, free_steps=6, steps=2, watch=()):
    """Return losses and residuals of training steps of the recipe with few channels, arrays, and waits of the last."""
    overrides = [f"network.convolutions=[{SMALL_MAPS}]", "settle.backend=numpy", f"settle.free_steps={free_steps}"]
    experiment = load_experiment(FILE, [*overrides, "settle.nudged_steps=4"])
    controller, state = build_controller(experiment, Streams(2, where))
    rng, found, before = np.random.default_rng(0), [], 0
    for _ in range(steps):
        x, y = rng.standard_normal((4, 3072)).astype(np.float32), np.eye(10, dtype=np.float32)[rng.integers(0, 10, 4)]
        x, y = where.asarray(x), where.asarray(y)
        before = len(watch)
        state, report = controller.step(state, x, y)
        found += [report.loss, report.residual]
    waited = len(watch) - before
    arrays = {**{name: pair.g_plus for name, pair in state.pairs.items()}, **state.velocity}
    return found, {name: where.to_host(array) for name, array in arrays.items()}, waited


def test_the_step_equals_that_of_numpy_under_the_rules_of_cupy():
    (plain, arrays, _), (strict, others, _) = small(NUMPY), small(STRICT)
    np.testing.assert_allclose(strict, plain, rtol=1e-6)
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(others[name], values, rtol=1e-5, atol=1e-9, err_msg=name)


@pytest.fixture
def waits(monkeypatch):
    """Count what brings a number from the device to the host."""
    found = []
    for name in ("get", "item", "tolist", "__bool__", "__int__", "__float__"):
        function = getattr(StrictArray, name)
        monkeypatch.setattr(StrictArray, name, lambda self, f=function, n=name: found.append(n) or f(self))
    return found


def test_the_host_waits_for_the_device_a_few_times_in_a_step_however_long_it_settles(waits):
    counts = [small(STRICT, free_steps, steps=1, watch=waits)[2] for free_steps in (6, CHECK_EVERY - 1, CHECK_EVERY)]
    assert 0 < counts[0] == counts[1] <= 8
    assert counts[2] == counts[0] + 1  # one look for inf and NaN in CHECK_EVERY steps
