"""The tables of a sweep: ``summary.csv`` with results only, ``index.h5`` with everything known about each run."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from neurosim.config.keys import unit_of
from neurosim.sweeps.axes import number, text
from neurosim.sweeps.directory import replacing
from neurosim.sweeps.rows import Row, Timing

SCHEMA = "neurosim-sweep"
SCHEMA_VERSION = 1


def summary(rows: Sequence[Row]) -> str:
    """Return the results as CSV: a row per run in plan order; axes, seed, id, status, reason, final scalars.

    Holds nothing that depends on when, where or in which order the runs were done. Floats are written so that they
    read back exactly.
    """
    axes = list(rows[0].spec.axes)
    scalars = sorted({name for row in rows for name in row.scalars})
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*axes, "seed", "id", "status", "reason", *scalars])
    for row in rows:
        values = [text(row.spec.axes[path]) for path in axes]
        results = [repr(row.scalars[name]) if name in row.scalars else "" for name in scalars]
        writer.writerow([*values, row.spec.seed, row.spec.id, row.status, row.reason, *results])
    return table.getvalue()


def write_summary(path: Path, rows: Sequence[Row]) -> None:
    """Write `summary` of the rows to `path`."""
    with replacing(path) as part:
        part.write_text(summary(rows), encoding="utf-8")


def write_index(path: Path, rows: Sequence[Row], title: str = "") -> None:
    """Write the index: datasets along the dimension ``run``, axis values as text and, where numeric, as numbers."""
    with replacing(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "title": title})
        _put(file, "run", [row.spec.id for row in rows], "1", "content id of the run").make_scale("run")
        _put(file, "seed", [row.spec.seed for row in rows], "1", "seed of the run")
        _put(file, "status", [row.status for row in rows], "1", "done, failed or missing")
        _put(file, "reason", [row.reason for row in rows], "1", "why the run failed")
        _put(file, "traceback", [row.traceback for row in rows], "1", "where the run failed")
        _put(file, "wall", [row.timing.wall for row in rows], "s", "wall-clock time of the run")
        _put(file, "started", [row.timing.started for row in rows], "s", "start, since 1970-01-01T00:00:00 UTC")
        _put(file, "worker", [row.timing.worker for row in rows], "1", "host and process that did the run")
        for path_ in rows[0].spec.axes:
            values = [row.spec.axes[path_] for row in rows]
            _put(file, f"axes/{path_}/text", [text(value) for value in values], "1", path_)
            numbers = [number(path_, value) for value in values]
            if any(n is not None for n in numbers):
                sizes = [math.nan if n is None else n for n in numbers]
                _put(file, f"axes/{path_}/value", sizes, unit_of(path_) or "1", path_)
        for name in sorted({name for row in rows for name in row.scalars}):
            _put(file, f"results/{name}", [float(row.scalars.get(name, math.nan)) for row in rows], "1", name)


def read_timings(path: Path) -> dict[str, Timing]:
    """Return run id -> timing from an earlier index; empty when there is none that can be read."""
    try:
        with h5py.File(path, "r") as file:
            columns = (
                file["run"].asstr()[()], file["wall"][()], file["started"][()], file["worker"].asstr()[()]
            )  # fmt: skip
    except (OSError, KeyError, RuntimeError):
        return {}
    return {str(i): Timing(float(w), float(s), str(k)) for i, w, s, k in zip(*columns, strict=True)}


def _put(file: h5py.File, name: str, values: Sequence[object], units: str, long_name: str) -> h5py.Dataset:
    texts = isinstance(values[0], str)
    dataset = file.create_dataset(name, data=values if texts else np.array(values), dtype=_TEXT if texts else None)
    dataset.attrs.update({"units": units, "long_name": long_name})
    if name != "run":
        dataset.dims[0].attach_scale(file["run"])
    return dataset


_TEXT = h5py.string_dtype()
