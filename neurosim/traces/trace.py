"""An open trace: read lazily, and only what its counters call valid."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from neurosim.errors import TraceError, nearest
from neurosim.traces.disk import READ_ERRORS, inner_reason
from neurosim.traces.history import PulseHistory, StateHistory, TeachingHistory, WeightHistory
from neurosim.traces.series import COUNTER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    import h5py

    from neurosim.traces.journal import PagedFile


class Trace:
    """An open trace, read-only. Arrays are read when asked for; close it, or use it as a context manager.

    Attributes
    ----------
    path
        The file.
    attributes
        All root attributes: schema, software versions, creation time and those of the run.
    """

    def __init__(self, path: Path, file: h5py.File, storage: PagedFile) -> None:
        self.path = path
        self._file = file
        self._storage = storage
        with self.reading("the root attributes"):
            self.attributes: dict[str, Any] = {
                name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()
            }

    @property
    def status(self) -> str:
        """``"running"`` (or killed), ``"done"`` or ``"failed"``."""
        return str(self.attributes.get("status", ""))

    @property
    def reason(self) -> str:
        """Why the run failed; empty otherwise."""
        return str(self.attributes.get("reason", ""))

    @property
    def complete(self) -> bool:
        """Whether the run ended well and the file holds all of it."""
        return self.attributes.get("complete") == 1

    @property
    def seed(self) -> int:
        """Root seed of the run."""
        return int(self.attributes["seed"])

    @property
    def config(self) -> str:
        """The experiment, as it was given to the run."""
        with self.reading("/config"):
            return str(self._file["config"].asstr()[()])

    @property
    def synapses(self) -> tuple[str, ...]:
        """Synapses whose conductances were recorded."""
        return self._members("weights")

    @property
    def pulsed(self) -> tuple[str, ...]:
        """Synapses whose programming pulses were recorded."""
        return self._members("pulses")

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers whose states were recorded."""
        return self._members("states")

    def metrics(self) -> dict[str, np.ndarray]:
        """Return ``step``, the updates done, and all metrics as arrays (rows,). Empty if there are none."""
        if not self.records("metrics"):
            return {}
        return {name: self._values("metrics", name) for name in sorted(self._file["metrics"])}

    def run(self) -> dict[str, float]:
        """Return the final scalars; those of a run that did not finish may be missing."""
        with self.reading("/run"):
            return {name: self._file["run"][name][()].item() for name in sorted(self._file["run"])}

    def records(self, series: str) -> int:
        """Return the number of valid records of `series`, for example ``"weights/W1"`` or ``"metrics"``."""
        with self.reading(f"/{series}"):
            return int(self._file[series].attrs.get(COUNTER, 0))

    def units(self, dataset: str) -> str:
        """Return the unit of `dataset`, for example ``"weights/W1/g_plus"``."""
        with self.reading(f"/{dataset}"):
            return str(self._file[dataset].attrs["units"])

    def weights(self, synapse: str, records: slice = slice(None)) -> WeightHistory:
        """Return conductances of `synapse`; `records` picks some, ``slice(-1, None)`` the last."""
        path = self._path("weights", synapse)
        return WeightHistory(*(self._values(path, name, records) for name in ("step", "g_plus", "g_minus")))

    def pulses(self, synapse: str, records: slice = slice(None)) -> PulseHistory:
        """Return pulse counts of `synapse`."""
        path = self._path("pulses", synapse)
        return PulseHistory(*(self._values(path, name, records) for name in ("step", "count")))

    def states(self, layer: str, records: slice = slice(None)) -> StateHistory:
        """Return states of `layer`."""
        path = self._path("states", layer)
        time = self._values(path, "time", records)
        return StateHistory(time, self._complex(path, "u", records), self._complex(path, "a", records))

    def teaching(self, records: slice = slice(None)) -> TeachingHistory:
        """Return the nudging strength of the recorded settling."""
        if not self.records("teaching"):
            raise TraceError(f"{self.path}: no settling was recorded in this run")
        return TeachingHistory(self._values("teaching", "time", records), self._complex("teaching", "beta", records))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _members(self, folder: str) -> tuple[str, ...]:
        with self.reading(f"/{folder}"):
            names = sorted(self._file[folder])
        return tuple(name for name in names if self.records(f"{folder}/{name}"))

    def _path(self, folder: str, name: str) -> str:
        known = self._members(folder)
        if name not in known:
            have = f"recorded: {', '.join(known)}" if known else "none was recorded in this run"
            raise TraceError(f"{self.path}: /{folder} has no {name!r}{nearest(name, known)}; {have}")
        return f"{folder}/{name}"

    def _values(self, path: str, name: str, records: slice = slice(None)) -> np.ndarray:
        count = self.records(path)
        with self.reading(f"/{path}/{name}"):
            dataset = self._file[path][name]
            if len(dataset) < count:
                raise ValueError(f"{len(dataset)} records where {count} are counted")
            start, stop, stride = records.indices(count)
            if stride < 1:
                raise TraceError(f"{self.path}: /{path}/{name}: records must be picked with a step of at least 1")
            values: np.ndarray = dataset[start : max(start, stop) : stride]
            return values

    def _complex(self, path: str, name: str, records: slice) -> np.ndarray:
        with self.reading(f"/{path}"):
            is_real = name in self._file[path]
        if is_real:
            return self._values(path, name, records)
        real, imag = (self._values(path, f"{name}_{part}", records) for part in ("re", "im"))
        values = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
        values.real, values.imag = real, imag
        return values

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Turn the errors of a damaged file inside the block into a `TraceError` naming `what`."""
        if not self._file:
            raise TraceError(f"{self.path}: the trace is closed; open it again with read_trace")
        try:
            yield
        except READ_ERRORS as error:
            raise TraceError(
                f"{self.path}: {what} cannot be read: {inner_reason(error)}. "
                "The file is damaged: copy it again or repeat the run"
            ) from error
