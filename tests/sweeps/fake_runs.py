"""Tasks that stand in for a training run: milliseconds long and deterministic. Workers import no more than this."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np

from neurosim.errors import ConvergenceError
from neurosim.sweeps.point import RunSpec
from neurosim.traces import TraceWriter

SHAPES = {"W1": (6, 4), "W2": (4, 3), "b1": (1, 4), "b2": (1, 3)}


def quick(spec: RunSpec, path: Path) -> None:
    """Write a trace whose accuracy falls with the asymmetry, faster for in situ updates; no arrays."""
    _write(spec, path, arrays=False)


def traced(spec: RunSpec, path: Path) -> None:
    """Write all that `quick` does, conductances and one settling too."""
    _write(spec, path, arrays=True)


def _write(spec: RunSpec, path: Path, *, arrays: bool) -> None:
    document = spec.document
    estimator, update = document["learning"]["estimator"], document["learning"]["update"]
    asymmetry = document["device"].get("asymmetry", 0.0)
    rng = np.random.default_rng([spec.seed, len(estimator), len(update), int(1000 * asymmetry)])
    fall = 2.5 if update == "in_situ" else 0.2
    accuracy = max(0.1, 0.96 - fall * asymmetry - 0.01 * (estimator == "one_sided") + 0.01 * rng.normal())
    # A sum that a threaded BLAS would round in another order.
    loss = float((rng.random((1, 4096), dtype=np.float32) @ rng.random((4096, 1), dtype=np.float32))[0, 0])
    cosines = {"W1": 0.9 - asymmetry, "W2": 0.99, "b1": 0.9, "b2": 0.99} if arrays else {"W1": 0.9 - asymmetry}
    final = {"test_accuracy": accuracy, "test_loss": loss, **{f"alignment_{k}": v for k, v in cosines.items()}}
    with TraceWriter.create(path, config_text=json.dumps(dict(document)), seed=spec.seed) as writer:
        if arrays:
            _training(writer, document, rng, accuracy, asymmetry)
            _settling(writer, estimator, rng)
        for name, value in final.items():
            writer.run(name, value)


def _training(writer: TraceWriter, document: dict, rng: np.random.Generator, accuracy: float, asymmetry: float) -> None:
    low, high = document["device"]["g_min"], document["device"]["g_max"]
    middle = (low + high) / 2
    for step, width in ((0, 0.05), (200, 0.05 + 0.3 * asymmetry)):
        for name, shape in SHAPES.items():
            spread = width * (high - low)
            plus, minus = (np.clip(rng.normal(middle, spread, shape), low, high) for _ in range(2))
            writer.weights(name, step, plus.astype(np.float32), minus.astype(np.float32))
        writer.metrics(step, {"epoch": step // 100, "test_accuracy": accuracy if step else 0.1})


def _settling(writer: TraceWriter, estimator: str, rng: np.random.Generator) -> None:
    steps, tau = 40, 4e-8
    time_s = tau * np.arange(steps)
    if estimator == "oscillating":
        beta = 0.5 * np.exp(2j * np.pi * np.arange(steps) / 20)
    else:
        beta = np.where(np.arange(steps) < 20, 0.0, 0.5).astype(complex)
    for layer, nodes in {"h1": 4, "out": 3}.items():
        final = rng.random((1, 2, nodes))
        u = 0.2 * final * (1 - np.exp(-np.arange(steps) / 4))[:, None, None] + 0.01 * beta[:, None, None]
        u = u if estimator == "oscillating" else u.real
        writer.settling(layer, time_s, u, u)
    writer.teaching(time_s, beta)


def slow(spec: RunSpec, path: Path) -> None:
    """Take 20 ms more, with a part file lying there that holds a first record."""
    with TraceWriter.create(path, config_text="{}", seed=0) as writer:
        writer.metrics(0, {"epoch": 0, "test_accuracy": 0.1})
        time.sleep(0.02)
    quick(spec, path)


def shuffled(spec: RunSpec, path: Path) -> None:
    """Take longest for the runs that start first."""
    time.sleep(0.1 / (1 + spec.index))
    quick(spec, path)


def unsettled(spec: RunSpec, path: Path) -> None:
    """Fail at asymmetry 0.1, as a run whose network does not settle, and at 0.2 with an error of another kind."""
    asymmetry = spec.axes["device.asymmetry"]
    with TraceWriter.create(path, config_text=json.dumps(dict(spec.document)), seed=spec.seed) as writer:
        writer.metrics(0, {"epoch": 0, "test_accuracy": 0.1})
        if asymmetry == 0.1:
            raise ConvergenceError(f"{path}: residual 0.3 V after 50 steps,\nmore than 0.01 V")
        if asymmetry == 0.2:
            raise ZeroDivisionError("float division by zero")
    quick(spec, path)


def slow_unsettled(spec: RunSpec, path: Path) -> None:
    """Take 0.2 s more than `unsettled`."""
    time.sleep(0.2)
    unsettled(spec, path)


def deadly(spec: RunSpec, path: Path) -> None:
    """Kill the worker, always, at asymmetry 0.1."""
    if spec.axes["device.asymmetry"] == 0.1:
        os.kill(os.getpid(), signal.SIGKILL)
    quick(spec, path)


def dies_once(spec: RunSpec, path: Path) -> None:
    """Kill the worker at the first try of every run with seed 1."""
    tried = path.parents[2] / f"tried-{spec.id}"
    if spec.seed == 1 and not tried.exists():
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    quick(spec, path)


def threads(spec: RunSpec, path: Path) -> None:
    """Record how many threads BLAS may use, as the final loss."""
    from threadpoolctl import threadpool_info

    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    with TraceWriter.create(path, config_text=json.dumps(dict(spec.document)), seed=spec.seed) as writer:
        writer.run("test_loss", float(max(pool["num_threads"] for pool in threadpool_info())))


def nothing(spec: RunSpec, path: Path) -> None:
    """Leave no file."""
