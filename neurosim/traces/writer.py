"""Write a trace: records stream to ``<path>.part``, which takes its final name when the run ends.

Killed at any moment, the part file keeps every record whose call had returned: see `neurosim.traces.journal`.
A power failure may lose what the system had not yet written; the file is synced before it is renamed.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from neurosim.errors import TraceError
from neurosim.traces import schema
from neurosim.traces.disk import DISK_ERRORS, part_path, rename, uninterrupted, writing
from neurosim.traces.header import root_attributes
from neurosim.traces.journal import JournaledFile, in_use
from neurosim.traces.series import Series, describe, number
from neurosim.traces.settling import SettlingBuffer, real_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

_CHUNK_CACHE = 4096  # bytes per dataset: a chunk of scalars; arrays are written once and need none


class TraceWriter:
    """One trace being written: `create` it, record, leave the ``with`` block.

    An exception inside the block marks the file failed, with the exception as the reason; it takes its final
    name with ``complete = 0``. Where writing itself fails, the final name is not taken; the part file stays.
    All methods raise `TraceError` for values that the schema does not allow and for errors of the disk.
    """

    def __init__(self, path: Path, storage: JournaledFile) -> None:
        self.path = path
        self.part = part_path(path)
        self._storage = storage
        self._file = h5py.File(storage, "w", rdcc_nbytes=_CHUNK_CACHE)
        self._series: dict[str, Series] = {}
        self._buffer: SettlingBuffer | None = None
        self._open = True
        self._broken = False

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        config_text: str,
        seed: int,
        attributes: Mapping[str, str | int | float] | None = None,
    ) -> TraceWriter:
        """Start the trace `path`. Missing folders are made; a part file left by a killed run is replaced.

        Parameters
        ----------
        path
            Final name. A file of that name is replaced when the run ends, not before.
        config_text
            The experiment as TOML or JSON.
        seed
            Root seed of the run, 0 to 2**63 - 1.
        attributes
            Further root attributes, such as the backend.
        """
        path = Path(path)
        header = root_attributes(path, config_text, seed, attributes or {})
        if path.is_dir():
            raise TraceError(f"{path}: is a folder; give the name of a file in it")
        if in_use(part_path(path)):
            raise TraceError(f"{path}: another process is writing this trace; wait for it or choose another name")
        # Hidden until the header is whole: a part file, once there, can be opened.
        hidden = path.with_name(f".{path.name}.new")
        writer = None
        try:
            with uninterrupted(), writing(path, "create the trace"):
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = cls(path, JournaledFile(hidden))
                writer._begin(header, config_text)
                rename(hidden, writer.part)
        except BaseException:
            if writer is not None:
                writer._abandon()
                hidden.unlink(missing_ok=True)
            raise
        return writer

    def weights(self, synapse: str, step: int, g_plus: Any, g_minus: Any) -> None:
        """Record the conductances [S] of `synapse` after `step` updates.

        `g_plus` is (rows, cols), `g_minus` alike, or (rows, 1) where the array has one reference column.
        """
        columns = {"g_plus": np.asarray(g_plus)[None], "g_minus": np.asarray(g_minus)[None]}
        self._append(f"weights/{schema.check_name(synapse, 'synapse')}", "step", np.array([step]), columns)

    def pulses(self, synapse: str, step: int, count: Any) -> None:
        """Record the signed pulse counts (rows, cols) that made update number `step` of `synapse`."""
        columns = {"count": np.asarray(count)[None]}
        self._append(f"pulses/{schema.check_name(synapse, 'synapse')}", "step", np.array([step]), columns)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Record one row of metrics after `step` updates: names of the schema, the same ones in every row."""
        columns = {}
        for name, value in values.items():
            columns[name] = np.array([number(value, schema.field(f"metrics/{name}"))])
        self._append("metrics", "step", np.array([step]), columns)

    def settling(self, layer: str, time_s: Any, u: Any, a: Any) -> None:
        """Record states of `layer`: `time_s` (T,) [s], `u`, `a` (T, batch, neurons) [V], real or complex."""
        columns = {**real_parts("u", np.asarray(u)), **real_parts("a", np.asarray(a))}
        path = f"states/{schema.check_name(layer, 'layer')}"
        self._append(path, "time", np.asarray(time_s, np.float64), columns)

    def teaching(self, time_s: Any, beta: Any) -> None:
        """Record the nudging strength: `time_s` (T,) [s] and `beta` (T,), real or complex."""
        values = np.asarray(beta, np.complex128)
        self._append("teaching", "time", np.asarray(time_s, np.float64), real_parts("beta", values))

    def settling_record(self, time_s: float, states: Mapping[str, tuple[Any, Any]], beta: complex) -> None:
        """Record one instant: `states` {layer: (u, a)}, arrays (batch, neurons) [V], and `beta`.

        Instants are gathered to blocks of 64 kB; a kill loses those not yet written. `flush` writes them.
        """
        self._require_open()
        if self._buffer is None:
            self._buffer = SettlingBuffer.for_states({schema.check_name(k, "layer"): v for k, v in states.items()})
        self._buffer.add(time_s, states, beta)
        if self._buffer.full:
            self.flush()

    def run(self, name: str, value: float, units: str = "", long_name: str = "") -> None:
        """Record the final scalar `name`; unit and long name are needed where the schema does not know it."""
        path = f"run/{schema.check_name(name, 'scalar')}"
        self._require_open()
        if path in self._file:
            raise TraceError(f"{self.path}: /{path} is recorded already; a final scalar is written once")
        if units and long_name:
            kind: schema.Kind = "int" if isinstance(value, int | np.integer) else "float"
            row = schema.Field(path, (), kind, units, long_name)
        else:
            row = schema.field(path)
        scalar = number(value, row)
        with self._writing(f"write /{path}"):
            describe(self._file.create_dataset(path, data=scalar), row)
            self._commit()

    def flush(self) -> None:
        """Write the gathered instants."""
        if self._buffer is None or not len(self._buffer):
            return
        times, states, beta = self._buffer.take()
        for layer, (u, a) in states.items():
            columns = {**real_parts("u", u), **real_parts("a", a)}
            self._append(f"states/{layer}", "time", times, columns)
        self.teaching(times, beta)

    def close(self) -> None:
        """Mark the run done and complete, bring the file to the disk and give it its final name."""
        if self._open:
            try:
                self.flush()
            except TraceError as error:
                self.fail(str(error))
                raise
            self._finish("done", "", complete=1)

    def fail(self, reason: str) -> None:
        """Mark the run failed with `reason`; the file takes its final name with ``complete = 0``."""
        if not self._open:
            return
        try:
            self.flush()
        except TraceError as error:
            reason = f"{reason}; {error}"
        if self._broken:
            self._abandon()
        else:
            self._finish("failed", reason, complete=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.fail(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        except TraceError as second:
            error.add_note(str(second))

    def _append(self, path: str, axis: str, positions: np.ndarray, columns: Mapping[str, Any]) -> None:
        self._require_open()
        series = self._series.setdefault(path, Series(self._file, path, self._commit))
        with self._writing(f"write /{path}"):
            series.append(axis, positions, columns)

    def _finish(self, status: schema.Status, reason: str, complete: int) -> None:
        try:
            with self._writing("finish the trace"):
                self._file.attrs.update({"status": status, "reason": _printable(reason)})
                self._file.attrs.modify("complete", np.int64(complete))
                self._file.close()
                self._storage.commit()
                self._storage.sync()
                rename(self.part, self.path)
        finally:
            self._abandon()

    def _begin(self, header: Mapping[str, Any], config_text: str) -> None:
        self._file.attrs.update(header)
        for group in schema.GROUPS:
            self._file.create_group(group)
        describe(self._file.create_dataset("config", data=config_text), schema.field("config"))
        self._commit()

    def _commit(self) -> None:
        self._file.flush()
        self._storage.commit()

    def _abandon(self) -> None:
        """Let go of the file; what is not committed is dropped."""
        self._open = False
        self._storage.detach()
        self._file.close()
        self._storage.close()

    def _require_open(self) -> None:
        if self._broken:
            raise TraceError(f"{self.path}: writing failed before; {self.part} holds what was recorded till then")
        if not self._open:
            raise TraceError(f"{self.path}: the trace is closed; nothing more can be recorded")

    @contextmanager
    def _writing(self, action: str) -> Iterator[None]:
        try:
            with uninterrupted(), writing(self.path, action):
                yield
        except TraceError as error:
            self._broken = self._broken or isinstance(error.__cause__, DISK_ERRORS)
            raise


def _printable(reason: str) -> str:
    """Return `reason` in what an HDF5 string can hold: no NUL, no lone surrogates, not endless."""
    return reason.replace("\0", "?").encode("utf-8", "replace").decode()[:4000]
