"""The root attributes of a trace."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from neurosim import __version__
from neurosim.errors import TraceError
from neurosim.traces import schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ATTRIBUTE_LIMIT = 60_000  # bytes of configuration kept as an attribute: HDF5 allows 64 kB


def root_attributes(path: Path, config_text: str, seed: int, extra: Mapping[str, str | int | float]) -> dict[str, Any]:
    """Return the root attributes of a run that starts now: schema, software, seed, status, and `extra`."""
    if not 0 <= seed < 2**63:
        raise TraceError(f"{path}: seed {seed}: must be 0 to 2**63 - 1")
    small = len(config_text.encode()) <= _ATTRIBUTE_LIMIT
    own = {
        "schema": schema.SCHEMA,
        "schema_version": np.int64(schema.SCHEMA_VERSION),
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "neurosim_version": __version__,
        "numpy_version": np.__version__,
        "h5py_version": h5py.__version__,
        "hdf5_version": h5py.version.hdf5_version,
        "python_version": platform.python_version(),
        "config": config_text if small else "see the dataset /config",
        "seed": np.int64(seed),
        "status": "running",
        "reason": "",
        "complete": np.int64(0),
    }
    if clash := sorted(own.keys() & extra.keys()):
        raise TraceError(f"{path}: attribute {clash[0]!r} is written by the trace itself; choose another name")
    return {**own, **extra}
