"""The file of a comparison with a circuit simulator: both sides of every quantity, with units and named axes.

What it holds:

    /                  attrs: schema, schema_version, created_utc, versions, engine, config (TOML), passed, complete
    /comparisons/<k>/  ours, spice (each _re, _im where complex); axes sample | time [s] and entry; label of each entry
                       attrs: quantity, tolerance, deviation, relative_deviation, passed
    /gradients/        the ways to the gradient: method, source, beta, errors; and <array>/gradient (way, row, col)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from neurosim.errors import TraceError
from neurosim.traces.disk import part_path, rename, writing
from neurosim.traces.header import root_attributes
from neurosim.traces.settling import real_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "neurosim-comparison"
SCHEMA_VERSION = 1


class ComparisonWriter:
    """Writes one file; it takes its name when the block ends without an error. Use `create`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._count = 0

    @classmethod
    @contextmanager
    def create(cls, path: Path, *, circuit: str, seed: int, engine: str) -> Iterator[ComparisonWriter]:
        """Yield a writer of the file `path`; `circuit` is the TOML text, `engine` name and version.

        Raises
        ------
        TraceError
            The file cannot be written.
        """
        part = part_path(path)
        header = root_attributes(path, circuit, seed, {"engine": engine})
        header |= {"schema": SCHEMA, "schema_version": np.int64(SCHEMA_VERSION), "status": "done"}
        with writing(path, "write the comparison"):
            file = h5py.File(part, "w")
        try:
            with file, writing(path, "write the comparison"):
                file.attrs.update(header)
                file.create_group("comparisons", track_order=True)
            with h5py.File(part, "r+") as file:
                yield cls(file)
                file.attrs["complete"] = np.int64(1)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        with writing(path, "write the comparison"):
            rename(part, path)

    def passed(self, verdict: bool) -> None:
        """Record whether everything held."""
        self._file.attrs["passed"] = np.int64(verdict)

    def compare(
        self,
        quantity: str,
        ours: np.ndarray,
        spice: np.ndarray,
        units: str,
        *,
        labels: Sequence[str] = (),
        times: np.ndarray | None = None,
        attributes: Mapping[str, float | int | str] | None = None,
    ) -> None:
        """Write one quantity: arrays (entries,), (samples, entries), or with `times` [s] (times, entries)."""
        group = self._file["comparisons"].create_group(f"{self._count:02d}")
        self._count += 1
        group.attrs["quantity"] = quantity
        group.attrs.update(attributes or {})
        axes = self._axes(group, ours.shape, labels, times)
        for side, values in (("ours", ours), ("spice", spice)):
            what = f"{quantity}, {'neurosim' if side == 'ours' else 'circuit simulator'}"
            for name, part in real_parts(side, np.asarray(values)).items():
                suffix = {"_re": ", real part", "_im": ", imaginary part"}.get(name[-3:], "")
                self._dataset(group, name, part, units, what + suffix, axes)

    def gradients(self, rows: Sequence[Mapping[str, Any]], gradients: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Write the table of gradients: one mapping of scalars and one gradient (name -> rows, cols) per way."""
        if not rows:
            return
        group = self._file.create_group("gradients")
        way = self._scale(group, "way", np.arange(len(rows)), "1", "way to the gradient")
        for key in rows[0]:
            column = [np.nan if row[key] is None else row[key] for row in rows]
            if isinstance(column[0], str):
                found = group.create_dataset(key, data=column, dtype=h5py.string_dtype())
            else:
                found = group.create_dataset(key, data=np.asarray(column, np.float64))
            found.attrs.update({"units": "1", "long_name": key.replace("_", " ")})
            found.dims[0].attach_scale(way)
        for name, first in gradients[0].items():
            inner = group.create_group(name)
            axes = [
                self._scale(inner, axis, np.arange(size), "1", meaning)
                for axis, size, meaning in (
                    ("way", len(rows), "way to the gradient"),
                    ("row", first.shape[0], "input of the array"),
                    ("col", first.shape[1], "output of the array"),
                )
            ]
            values = np.stack([np.asarray(g[name]) for g in gradients])
            self._dataset(inner, "gradient", values, "1", f"dL/dW of array {name}", axes)

    def _axes(
        self, group: h5py.Group, shape: Sequence[int], labels: Sequence[str], times: np.ndarray | None
    ) -> list[Any]:
        axes = []
        if len(shape) == 2 and times is not None:
            axes.append(self._scale(group, "time", np.asarray(times, np.float64), "s", "time since the phase began"))
        elif len(shape) == 2:
            axes.append(self._scale(group, "sample", np.arange(shape[0]), "1", "sample"))
        axes.append(self._scale(group, "entry", np.arange(shape[-1]), "1", "entry of the quantity"))
        if labels:
            names = group.create_dataset("label", data=list(labels), dtype=h5py.string_dtype())
            names.attrs.update({"units": "1", "long_name": "name of the entry"})
            names.dims[0].attach_scale(axes[-1])
        return axes

    def _scale(self, group: h5py.Group, name: str, values: np.ndarray, units: str, meaning: str) -> Any:
        found = group.create_dataset(name, data=values)
        found.attrs.update({"units": units, "long_name": meaning})
        found.make_scale(name)
        return found

    def _dataset(
        self, group: h5py.Group, name: str, values: np.ndarray, units: str, meaning: str, axes: Sequence[Any]
    ) -> None:
        found = group.create_dataset(name, data=values, compression="gzip", shuffle=True, fletcher32=True)
        found.attrs.update({"units": units, "long_name": meaning})
        for dimension, axis in zip(found.dims, axes, strict=True):
            dimension.attach_scale(axis)


def read_comparison(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return quantity -> (ours, spice) of a finished file; complex quantities are joined again.

    Raises
    ------
    TraceError
        The file cannot be read, is unfinished or of another schema.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("schema") != SCHEMA or file.attrs.get("complete") != 1:
                raise TraceError(f"{path}: not a finished file of schema {SCHEMA}")
            groups = [file["comparisons"][key] for key in sorted(file["comparisons"])]
            return {str(g.attrs["quantity"]): (_joined(g, "ours"), _joined(g, "spice")) for g in groups}
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error}") from error


def _joined(group: h5py.Group, side: str) -> np.ndarray:
    if side in group:
        return np.asarray(group[side][()])
    return np.asarray(group[f"{side}_re"][()] + 1j * group[f"{side}_im"][()])
