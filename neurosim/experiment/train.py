"""The one training loop: epochs of controller steps, with metrics, traces and checkpoints at its edges."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.backend import get_backend
from neurosim.config import Experiment, scale
from neurosim.errors import NeurosimError, TraceError
from neurosim.experiment.batches import Batches
from neurosim.experiment.build import build_controller
from neurosim.experiment.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
from neurosim.experiment.meter import energy_of_step, energy_of_training
from neurosim.experiment.probe import asymmetry, evaluate, gradient_alignment, record_settling, upkeep
from neurosim.interrupts import Interrupts, remembered
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


class Paused(NeurosimError):
    """The time of a run is up before its end; its checkpoint is written."""

    exit_code = 0


def run(
    experiment: Experiment,
    out: Path | str,
    *,
    source_text: str = "",
    notify: Callable[[Progress], None] | None = None,
    resume: bool = False,
    stop_after: float | None = None,
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
    stop_after
        Time [s] after which the run pauses behind the update under way, at least one. Resumed in however many pieces,
        it is the run that never paused, bit by bit.

    Raises
    ------
    Paused
        The time was up before the last update.
    ConvergenceError
        A network did not settle and ``settle.on_unsettled`` is ``"raise"``; the trace is marked failed.
    """
    with threadpool_limits(limits=1):  # small products are fastest on one thread, and sums then never depend on it
        return _Run(experiment, Path(out), source_text, notify, stop_after).train(resume)


class _Run:
    """The loop's bookkeeping; all physics is in the controller, all evolving physics in the train state."""

    def __init__(
        self,
        experiment: Experiment,
        out: Path,
        source_text: str,
        notify: Callable[[Progress], None] | None,
        stop_after: float | None,
    ) -> None:
        self.experiment, self.out, self.notify = experiment, out, notify
        self.begun, self.stop_after = time.monotonic(), stop_after
        document = json.dumps(experiment.document(), sort_keys=True)
        self.text = source_text or document
        self.digest = hashlib.sha256(document.encode()).hexdigest()
        self.backend = get_backend(experiment.settle.backend)
        self.streams = Streams(experiment.train.seed, self.backend)
        self.batches = Batches(experiment, self.streams)
        self.controller, self.initial = build_controller(experiment, self.streams)
        self.interrupts = Interrupts()
        self.best = 0.0
        self.metrics: dict[str, float] = {}
        self.latest: tuple[TrainState, Mapping[str, float]] | None = None  # with the sums of its epoch: one assignment

    def train(self, resume: bool) -> dict[str, float]:
        saved = older = None
        path = checkpoint_path(self.out)
        if resume and path.exists():
            saved = Checkpoint.load(path, self.digest, self.backend)
            older = self._older_trace()
        with (
            remembered() as self.interrupts,
            TraceWriter.create(
                self.out,
                config_text=self.text,
                seed=self.experiment.train.seed,
                attributes={"backend": self.backend.name, "dtype": self.experiment.settle.dtype},
            ) as writer,
        ):
            try:
                final = self._train(self._begin(writer, saved, older), writer)
            except (KeyboardInterrupt, Paused):
                self._save()
                raise
        remove_checkpoint(self.out)
        return final

    def _begin(self, writer: TraceWriter, saved: Checkpoint | None, older: Path | None) -> TrainState:
        """Return the state to start from: the initial one, measured, or that of the checkpoint."""
        if saved is None or older is None:
            remove_checkpoint(self.out)
            self._set_aside().unlink(missing_ok=True)
            self._measure(self.initial, {}, writer, epoch=0)
            self._weights(self.initial, writer)
            return self.initial
        state = saved.state
        self.best, self.latest = saved.best, (state, saved.sums)
        epoch, into = divmod(state.step, self.batches.count)
        # What is recorded at the end of an epoch is made again: the interruption may have come in its midst.
        copy_records(older, writer, state.step, measured=state.step if into else state.step - 1)
        older.unlink()
        if not into:
            self._epoch_end(state, saved.sums, writer, epoch)
        return state

    def _set_aside(self) -> Path:
        return self.out.with_name(self.out.name + ".interrupted")

    def _older_trace(self) -> Path:
        """Set the interrupted trace aside, to copy its records from.

        One that was set aside before comes first: the copying itself was interrupted.
        """
        older = self._set_aside()
        for candidate in (older, self.out.with_name(self.out.name + ".part"), self.out):
            if candidate.exists():
                return candidate.replace(older)
        raise TraceError(f"{self.out}: has a checkpoint but no trace to go on with; delete {checkpoint_path(self.out)}")

    def _train(self, state: TrainState, writer: TraceWriter) -> dict[str, float]:
        epochs = self.experiment.train.epochs
        while state.step < epochs * self.batches.count:
            epoch, offset = divmod(state.step, self.batches.count)
            state, sums = self._epoch(state, writer, epoch, offset)
            self._epoch_end(state, sums, writer, epoch + 1)
        return self._finish(state, writer)

    def _epoch_end(self, state: TrainState, sums: Mapping[str, float], writer: TraceWriter, epoch: int) -> None:
        train, every = self.experiment.train, self.experiment.trace.weights_every
        last = epoch == train.epochs
        self._measure(state, sums, writer, epoch)
        if last or (every and epoch % every == 0):
            self._weights(state, writer)
        if train.checkpoint_every and epoch % train.checkpoint_every == 0 and not last:
            self._save()
        if self.notify:
            self.notify(Progress(epoch, train.epochs, self.metrics))

    def _epoch(
        self, state: TrainState, writer: TraceWriter, epoch: int, offset: int
    ) -> tuple[TrainState, Mapping[str, float]]:
        """Return the state after the rest of an epoch, and the sums over all of it."""
        sums = self.latest[1] if self.latest is not None and offset else {}
        if epoch and not offset:
            state = self.controller.pause(state)
        for x, y in self.batches.epoch(epoch, offset):
            state, report = self.controller.step(state, x, y)
            for name, counts in report.counts.items():
                writer.pulses(name, state.step, self.backend.to_host(counts).astype(np.int32))
            sums = _added(sums, report, x.shape[0])
            self.latest = state, sums
            self.interrupts.check()
            self._look_at_the_clock(state)
        return state, sums

    def _look_at_the_clock(self, state: TrainState) -> None:
        total = self.experiment.train.epochs * self.batches.count
        if self.stop_after is None or state.step == total or time.monotonic() - self.begun < self.stop_after:
            return
        raise Paused(f"paused after {state.step} of {total} updates (epoch {state.step / self.batches.count:.3g})")

    def _measure(self, state: TrainState, sums: Mapping[str, float], writer: TraceWriter, epoch: int) -> None:
        nan = float("nan")
        state, lines = self.controller.solved(state)  # what is measured sees the lines as they are now
        test = self.batches.test(slice(None))
        loss, accuracy, settled = evaluate(self.controller, state, *test, self.batches.data.y_test, self.backend)
        self.best = max(self.best, accuracy)
        probed = self.batches.train(slice(0, self.experiment.train.probe_batch))
        cosines = gradient_alignment(self.controller, state, *probed)
        metrics = {
            "epoch": float(epoch),
            "train_loss": sums["loss"] / sums["count"] if sums else nan,
            "test_loss": loss,
            "test_accuracy": accuracy,
            "test_settled_fraction": settled,
            "settled_fraction": sums["settled"] / sums["count"] if sums else nan,
            "residual": sums["residual"] if sums else nan,
            "pulses": state.pulses,
            **upkeep(self.controller, state),
            **({"write_failures": state.failures} if self.controller.programmer.name == "write_verify" else {}),
            **{f"alignment_{name}": value for name, value in cosines.items()},
            **asymmetry(self.controller, state, *probed),
        }
        if lines is not None:
            metrics |= {
                "line_staleness": max(sums.get("line_staleness", 0.0), lines.staleness),
                "line_residual": lines.residual,
                "line_figure_of_merit": lines.figure_of_merit,
                "line_loss": lines.loss,
            }
        writer.metrics(state.step, metrics)
        self.metrics = metrics

    def _weights(self, state: TrainState, writer: TraceWriter) -> None:
        if not self.experiment.trace.weights:
            return
        for name, pair in state.pairs.items():
            plus, minus = self.backend.to_host(pair.read_plus), self.backend.to_host(pair.read_minus)
            writer.weights(name, state.step, plus, np.broadcast_to(minus, plus.shape))

    def _save(self) -> None:
        if self.latest is not None:
            state, sums = self.latest
            Checkpoint(state, sums, self.best).save(checkpoint_path(self.out), self.digest, self.backend)

    def _finish(self, state: TrainState, writer: TraceWriter) -> dict[str, float]:
        trace = self.experiment.trace
        state, _ = self.controller.solved(state)
        if trace.settling:
            batch = self.batches.test(slice(0, trace.samples))
            record_settling(self.controller, state, *batch, writer, scale(self.experiment))
        final = {key: value for key, value in self.metrics.items() if key != "epoch"}
        final |= {"best_test_accuracy": self.best, "steps": float(state.step)}
        if trace.energy:
            final |= self._energy(state)
        for name, value in sorted(final.items()):
            writer.run(name, value)
        return final

    def _energy(self, state: TrainState) -> dict[str, float]:
        """Return what a training image costs at the end, and the whole training."""
        spec, units = self.experiment.crossbar, scale(self.experiment)
        batch = self.batches.train(slice(0, self.experiment.trace.samples))
        start, end = (energy_of_step(self.controller, at, *batch, units) for at in (self.initial, state))
        images = self.experiment.train.epochs * len(self.batches.data.y_train)
        return end | energy_of_training(start, end, images, spec.v_pulse**2 * spec.t_pulse * state.pulsed)


def _added(sums: Mapping[str, float], report: StepReport, size: int) -> dict[str, float]:
    """Return the sums of an epoch, empty before its first step, with one more step of `size` samples."""
    lines = {}
    if report.lines is not None or "line_staleness" in sums:
        found = report.lines.staleness if report.lines is not None else 0.0
        lines["line_staleness"] = max(sums.get("line_staleness", 0.0), found)
    return {
        **lines,
        "loss": sums.get("loss", 0.0) + report.loss * size,
        "settled": sums.get("settled", 0.0) + report.settled * size,
        "residual": max(sums.get("residual", 0.0), report.residual),
        "count": sums.get("count", 0.0) + size,
    }
