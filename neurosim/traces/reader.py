"""Open a trace, or refuse it with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import h5py

from neurosim.errors import TraceError
from neurosim.traces import schema
from neurosim.traces.disk import READ_ERRORS, inner_reason, part_path
from neurosim.traces.journal import PagedFile, committed_pages, in_use
from neurosim.traces.trace import Trace


def read_trace(path: Path | str, *, finished: bool = False) -> Trace:
    """Open the trace `path`.

    Parameters
    ----------
    path
        A finished, failed or part file.
    finished
        Accept only a run that ended well (``complete = 1``).

    Raises
    ------
    TraceError
        There is no such file; it is not HDF5, truncated, in use by a writer, not a trace, of a newer schema,
        or lacks a group; or, with `finished`, the run is unfinished or failed.
    """
    path = Path(path)
    if not path.is_file():
        part = part_path(path)
        hint = f"; an unfinished run is at {part}" if part.exists() else "; check the path"
        raise TraceError(f"{path}: {'is a folder, not a trace' if path.is_dir() else 'no such file'}{hint}")
    trace = _open(path)
    try:
        _check_schema(trace)
        if finished and not trace.complete:
            state = f"failed: {trace.reason}" if trace.status == "failed" else "is unfinished"
            raise TraceError(f"{path}: the run {state}; a finished one is needed, run it again")
    except BaseException:
        trace.close()
        raise
    return trace


def _open(path: Path) -> Trace:
    if in_use(path):
        raise TraceError(f"{path}: is being written by another process; wait until the run ends")
    storage = None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = committed_pages(descriptor)
        storage = PagedFile(descriptor, *(found or ({}, 0)))
        if found is None and not h5py.is_hdf5(path):
            raise TraceError(f"{path}: not an HDF5 file; expected a trace written by neurosim (*.h5)")
        return Trace(path, h5py.File(storage if found else path, "r"), storage)
    except BaseException as error:
        if storage is not None:
            storage.close()
        if not isinstance(error, READ_ERRORS):
            raise
        raise TraceError(
            f"{path}: truncated or damaged: {inner_reason(error)}. Copy it again or repeat the run"
        ) from error


def _check_schema(trace: Trace) -> None:
    name, version = trace.attributes.get("schema"), trace.attributes.get("schema_version")
    if name != schema.SCHEMA or not isinstance(version, int) or version < 1:
        raise TraceError(
            f"{trace.path}: schema {name!r} version {version!r}; expected {schema.SCHEMA!r} version 1 to "
            f"{schema.SCHEMA_VERSION}, as written by neurosim"
        )
    if version > schema.SCHEMA_VERSION:
        raise TraceError(
            f"{trace.path}: schema version {version} is newer than this neurosim reads "
            f"({schema.SCHEMA_VERSION}); upgrade neurosim-analog"
        )
    with trace.reading("the list of groups"):
        missing = [group for group in (*schema.GROUPS, "config") if group not in trace._file]
    if missing:
        raise TraceError(
            f"{trace.path}: /{missing[0]} is missing: the file is damaged or was never finished; run it again"
        )
