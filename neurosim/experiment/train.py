"""The one training loop: epochs of controller steps, with metrics, traces and checkpoints at its edges."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.backend import Backend, get_backend
from neurosim.config import Experiment, scale
from neurosim.data import Dataset, load
from neurosim.errors import TraceError
from neurosim.experiment.build import build_controller
from neurosim.experiment.checkpoint import Checkpoint, checkpoint_path
from neurosim.experiment.probe import evaluate, gradient_alignment, record_settling
from neurosim.learning.controller import StepReport, TrainState
from neurosim.rng import Streams
from neurosim.traces import TraceWriter
from neurosim.traces.carry import copy_records


@dataclass(frozen=True, slots=True)
class Progress:
    """A run after an epoch, for a progress display."""

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


def run(
    experiment: Experiment,
    out: Path | str,
    *,
    source_text: str = "",
    notify: Callable[[Progress], None] | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train `experiment`, write its trace to `out`, and return its final scalars.

    Parameters
    ----------
    experiment
        The configuration; equal configurations with equal seeds give bit-identical results.
    out
        Trace file; it appears under this name when the run ends (done or failed).
    source_text
        The TOML text, kept in the trace; the resolved configuration as JSON when empty.
    notify
        Called after every epoch.
    resume
        Go on from the checkpoint beside `out` if there is one.

    Raises
    ------
    ConvergenceError
        A network did not settle and ``settle.on_unsettled`` is ``"raise"``; the trace is marked failed.
    """
    with threadpool_limits(limits=1):  # small products are fastest on one thread, and sums then never depend on it
        return _Run(experiment, Path(out), source_text, notify).train(resume)


class _Run:
    """The loop's bookkeeping; all physics is in the controller, all evolving physics in the train state."""

    def __init__(
        self, experiment: Experiment, out: Path, source_text: str, notify: Callable[[Progress], None] | None
    ) -> None:
        self.experiment, self.out, self.notify = experiment, out, notify
        document = json.dumps(experiment.document(), sort_keys=True)
        self.text = source_text or document
        self.digest = hashlib.sha256(document.encode()).hexdigest()
        self.backend = get_backend(experiment.settle.backend)
        self.streams = Streams(experiment.train.seed, self.backend)
        self.data = load_data(experiment)
        self.controller, self.initial = build_controller(experiment, self.streams)
        self.batches = math.ceil(len(self.data.y_train) / experiment.train.batch)
        self.best = 0.0
        self.sums: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        self.latest: TrainState | None = None

    def train(self, resume: bool) -> dict[str, float]:
        saved = older = None
        path = checkpoint_path(self.out)
        if resume and path.exists():
            saved = Checkpoint.load(path, self.digest, self.backend)
            older = self._older_trace()
        with TraceWriter.create(
            self.out,
            config_text=self.text,
            seed=self.experiment.train.seed,
            attributes={"backend": self.backend.name, "dtype": self.experiment.settle.dtype},
        ) as writer:
            try:
                final = self._train(self._begin(writer, saved, older), writer)
            except KeyboardInterrupt:
                if self.latest is not None:
                    self._save(self.latest)
                raise
        path.unlink(missing_ok=True)
        return final

    def _begin(self, writer: TraceWriter, saved: Checkpoint | None, older: Path | None) -> TrainState:
        """Return the state to start from: the initial one, measured, or that of the checkpoint."""
        if saved is None or older is None:
            checkpoint_path(self.out).unlink(missing_ok=True)
            self._measure(self.initial, writer, epoch=0)
            self._weights(self.initial, writer)
            return self.initial
        self.best, self.sums, self.latest = saved.best, dict(saved.sums), saved.state
        measured = copy_records(older, writer, saved.state.step)
        older.unlink()
        if saved.state.step % self.batches == 0 and measured < saved.state.step:
            self._epoch_end(saved.state, writer, saved.state.step // self.batches)
        return saved.state

    def _older_trace(self) -> Path | None:
        """Set the interrupted trace aside, to copy its records from.

        One that was set aside before comes first: the copying itself was interrupted.
        """
        older = self.out.with_name(self.out.name + ".interrupted")
        for candidate in (older, self.out.with_name(self.out.name + ".part"), self.out):
            if candidate.exists():
                return candidate.replace(older)
        raise TraceError(f"{self.out}: has a checkpoint but no trace to go on with; delete {checkpoint_path(self.out)}")

    def _train(self, state: TrainState, writer: TraceWriter) -> dict[str, float]:
        epochs = self.experiment.train.epochs
        while state.step < epochs * self.batches:
            epoch, offset = divmod(state.step, self.batches)
            state = self._epoch(state, writer, epoch, offset)
            self._epoch_end(state, writer, epoch + 1)
        return self._finish(state, writer)

    def _epoch_end(self, state: TrainState, writer: TraceWriter, epoch: int) -> None:
        train, every = self.experiment.train, self.experiment.trace.weights_every
        last = epoch == train.epochs
        self._measure(state, writer, epoch)
        if last or (every and epoch % every == 0):
            self._weights(state, writer)
        if train.checkpoint_every and epoch % train.checkpoint_every == 0 and not last:
            self._save(state)
        if self.notify:
            self.notify(Progress(epoch, train.epochs, self.metrics))

    def _epoch(self, state: TrainState, writer: TraceWriter, epoch: int, offset: int) -> TrainState:
        if offset == 0:
            self.sums = {"loss": 0.0, "settled": 0.0, "residual": 0.0, "count": 0.0}
        for x, y in self._minibatches(epoch, offset):
            state, report = self.controller.step(state, x, y)
            self._add(report, x.shape[0])
            self.latest = state
            for name, counts in report.counts.items():
                writer.pulses(name, state.step, self.backend.to_host(counts).astype(np.int32))
        return state

    def _minibatches(self, epoch: int, offset: int) -> Iterator[tuple[Any, Any]]:
        order = self.streams.host("shuffle", epoch).permutation(len(self.data.y_train))
        size = self.experiment.train.batch
        for k in range(offset, self.batches):
            rows = order[k * size : (k + 1) * size]
            yield self._batch(self.data.x_train[rows], self.data.y_train[rows])

    def _batch(self, x: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        return batch_arrays(self.experiment, x, labels, self.data.classes, self.backend)

    def _add(self, report: StepReport, size: int) -> None:
        sums = self.sums
        sums["loss"] += report.loss * size
        sums["settled"] += report.settled * size
        sums["residual"] = max(sums["residual"], report.residual)
        sums["count"] += size

    def _measure(self, state: TrainState, writer: TraceWriter, epoch: int) -> None:
        count = self.sums.get("count", 0.0)
        nan = float("nan")
        x_test, y_test = self._batch(self.data.x_test, self.data.y_test)
        loss, accuracy = evaluate(self.controller, state, x_test, y_test, self.data.y_test, self.backend)
        self.best = max(self.best, accuracy)
        probe = slice(0, self.experiment.train.probe_batch)
        cosines = gradient_alignment(
            self.controller, state, *self._batch(self.data.x_train[probe], self.data.y_train[probe])
        )
        metrics = {
            "epoch": float(epoch),
            "train_loss": self.sums["loss"] / count if count else nan,
            "test_loss": loss,
            "test_accuracy": accuracy,
            "settled_fraction": self.sums["settled"] / count if count else nan,
            "residual": self.sums["residual"] if count else nan,
            "pulses": state.pulses,
            **{f"alignment_{name}": value for name, value in cosines.items()},
        }
        writer.metrics(state.step, metrics)
        self.metrics = metrics

    def _weights(self, state: TrainState, writer: TraceWriter) -> None:
        for name, pair in state.pairs.items():
            plus, minus = self.backend.to_host(pair.read_plus), self.backend.to_host(pair.read_minus)
            writer.weights(name, state.step, plus, np.broadcast_to(minus, plus.shape))

    def _save(self, state: TrainState) -> None:
        saved = Checkpoint(state, self.sums, self.best)
        saved.save(checkpoint_path(self.out), self.digest, self.backend)

    def _finish(self, state: TrainState, writer: TraceWriter) -> dict[str, float]:
        trace = self.experiment.trace
        if trace.settling:
            rows = slice(0, trace.samples)
            batch = self._batch(self.data.x_test[rows], self.data.y_test[rows])
            record_settling(self.controller, state, *batch, writer, scale(self.experiment))
        final = {key: value for key, value in self.metrics.items() if key != "epoch"}
        final |= {"best_test_accuracy": self.best, "steps": float(state.step)}
        for name, value in sorted(final.items()):
            writer.run(name, value)
        return final


def load_data(experiment: Experiment) -> Dataset:
    """Return the data set of an experiment."""
    spec = experiment.data
    return load(
        spec.name,
        folder=spec.folder,
        test_fraction=spec.test_fraction,
        train_limit=spec.train_limit,
        test_limit=spec.test_limit,
    )


def batch_arrays(
    experiment: Experiment, x: np.ndarray, labels: np.ndarray, classes: int, backend: Backend
) -> tuple[Any, Any]:
    """Return inputs (batch, n_in) and targets (batch, classes) of `backend`: low everywhere, high at the label."""
    dtype = np.dtype(experiment.settle.dtype)
    net = experiment.network
    targets = np.full((len(labels), classes), net.target_low, dtype)
    targets[np.arange(len(labels)), labels] = net.target_high
    return backend.asarray(x.astype(dtype)), backend.asarray(targets)
