"""Checkpoints of a run: one npz file beside the trace, written under another name and renamed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurosim.backend import Backend
from neurosim.crossbar import PairState
from neurosim.errors import TraceError
from neurosim.learning.controller import TrainState

_PAIR = ("g_plus", "g_minus", "read_plus", "read_minus")
_DAMAGE = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile)
"""What numpy and zipfile raise for a file of which a bit is wrong."""


def checkpoint_path(out: Path) -> Path:
    """Return the name of the checkpoint of the run that writes `out`."""
    return out.with_name(out.name + ".checkpoint.npz")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of training and the sums of the epoch under way.

    Random streams are addressed by name and step, so no generator state is needed.
    """

    state: TrainState
    sums: Mapping[str, float] = field(default_factory=dict)
    best: float = 0.0

    def save(self, path: Path, digest: str, backend: Backend) -> None:
        """Write the checkpoint of the experiment with `digest`; an older one is replaced at once or not at all."""
        arrays = {"digest": np.array(digest), "step": np.array(self.state.step)}
        arrays["pulses"] = np.array(self.state.pulses)
        arrays["best"] = np.array(self.best)
        for name, value in self.sums.items():
            arrays[f"sum/{name}"] = np.array(value)
        for name, pair in self.state.pairs.items():
            for part in _PAIR:
                arrays[f"pair/{name}/{part}"] = backend.to_host(getattr(pair, part))
        for name, velocity in self.state.velocity.items():
            arrays[f"velocity/{name}"] = backend.to_host(velocity)
        arrays["names"] = np.array(sorted(arrays))  # a zip directory can lose an entry in silence
        partial = path.with_name(path.name + ".part")
        try:
            with partial.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # names are data here, not keywords
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise TraceError(f"{path}: the checkpoint could not be written: {error.strerror}") from error

    @classmethod
    def load(cls, path: Path, digest: str, backend: Backend) -> Checkpoint:
        """Return the checkpoint in `path`, or raise `TraceError` when it is damaged or of another experiment."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            if sorted(arrays.keys() - {"names"}) != arrays["names"].tolist():
                raise ValueError("its list of contents does not hold")
            if str(arrays["digest"]) != digest:
                raise TraceError(
                    f"{path}: belongs to another experiment or seed; give another --out or delete it to start afresh"
                )
            return cls._from_arrays(arrays, backend)
        except _DAMAGE as error:
            raise TraceError(f"{path}: not a checkpoint ({error}); delete it to start afresh") from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, np.ndarray], backend: Backend) -> Checkpoint:
        pairs = {}
        for name in sorted({key.split("/")[1] for key in arrays if key.startswith("pair/")}):
            plus, minus, seen_plus, seen_minus = (arrays[f"pair/{name}/{part}"] for part in _PAIR)
            plus_, minus_ = backend.asarray(plus), backend.asarray(minus)
            same = np.array_equal(plus, seen_plus) and np.array_equal(minus, seen_minus)
            pairs[name] = PairState(
                plus_,
                minus_,
                plus_ if same else backend.asarray(seen_plus),
                minus_ if same else backend.asarray(seen_minus),
            )
        velocity = {
            key.split("/")[1]: backend.asarray(value) for key, value in arrays.items() if key.startswith("velocity/")
        }
        state = TrainState(pairs, velocity, int(arrays["step"]), float(arrays["pulses"]))
        sums = {key[4:]: float(value) for key, value in arrays.items() if key.startswith("sum/")}
        return cls(state, sums, float(arrays["best"]))
