"""Datasets of one HDF5 group that grow together; a record is safe on disk before it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.errors import TraceError
from neurosim.traces import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import h5py

COUNTER = "n_valid"
_SCALAR_CHUNK = 128  # records, 1 kB: rewritten in place at each append
_TILE = 256  # rows and columns in a chunk of a large array


def stored(values: Any, kind: schema.Kind, where: str) -> np.ndarray:
    """Return `values` as an array of a type that every HDF5 reader knows.

    ``float`` -> float32 or float64, ``int`` -> int32 or int64. Booleans, float16 and complex numbers, on
    which readers disagree, are refused.
    """
    array = np.asarray(values)
    code = array.dtype.kind
    if kind == "float" and (array.dtype in (np.float32, np.float64) or code in "iu"):
        return array if code == "f" else array.astype(np.float64)
    if kind == "int" and code in "iu":
        return array.astype(np.int32 if array.dtype.itemsize < 4 or array.dtype == np.int32 else np.int64, copy=False)
    allowed = "float32 or float64" if kind == "float" else "int32 or int64"
    raise TraceError(f"{where}: {array.dtype} values; allowed: {allowed} (complex values as _re and _im)")


def number(value: float, row: schema.Field) -> np.int64 | np.float64:
    """Return `value` as the int64 or float64 that `row` asks for; 3.0 may stand for 3."""
    if row.kind == "float":
        return np.float64(value)
    if not (np.isfinite(value) and int(value) == value and abs(value) < 2**63):
        raise TraceError(f"{row.path} = {value!r}: must be a whole number of at most 63 bits")
    return np.int64(value)


def describe(dataset: h5py.Dataset, row: schema.Field) -> None:
    """Write unit and long name on `dataset`."""
    dataset.attrs["units"] = row.units
    dataset.attrs["long_name"] = row.long_name


class Series:
    """A group of datasets with a common growing first axis and a counter of the valid records.

    An append is resize, data, counter, commit: all of it is on disk when the call returns, none of it before.

    Parameters
    ----------
    file
        The open HDF5 file.
    path
        The group, made at the first append.
    commit
        Brings all writes to the file so far to the disk, at once.
    """

    def __init__(self, file: h5py.File, path: str, commit: Callable[[], None]) -> None:
        self.path = path
        self.count = 0
        self._file = file
        self._commit = commit
        self._group: Any = None
        self._datasets: dict[str, h5py.Dataset] = {}
        self._last = -np.inf

    def append(self, axis: str, positions: np.ndarray, blocks: Mapping[str, Any]) -> None:
        """Append k records: `positions` (k,) along `axis`, increasing, and `blocks` of shape (k, ...)."""
        columns = {axis: stored(positions, self._row(axis).kind, f"{self.path}/{axis}")}
        for name, block in blocks.items():
            columns[name] = stored(block, self._row(name).kind, f"{self.path}/{name}")
        self._check_order(axis, columns[axis])
        self._check_columns(columns)
        if not self._datasets:
            self._create(axis, columns)
        total = self.count + len(columns[axis])
        for name, values in columns.items():
            dataset = self._datasets[name]
            dataset.resize(total, axis=0)
            dataset[self.count : total] = values
        self._group.attrs.modify(COUNTER, np.int64(total))
        self._commit()
        self.count = total
        self._last = float(columns[axis][-1])

    def _row(self, name: str) -> schema.Field:
        return schema.field(f"{self.path}/{name}")

    def _check_order(self, axis: str, positions: np.ndarray) -> None:
        if positions.ndim != 1 or positions.size == 0:
            raise TraceError(f"{self.path}/{axis}: shape {positions.shape}; expected at least one record, (k,)")
        steps = np.diff(positions, prepend=self._last)
        # Two phases of a settling may share an instant; two records of one update count may not.
        if not np.all(steps >= 0 if axis == "time" else steps > 0):
            raise TraceError(
                f"{self.path}/{axis}: {positions.min():g} to {positions.max():g} after {self._last:g}; it must increase"
            )

    def _check_columns(self, columns: Mapping[str, np.ndarray]) -> None:
        count = len(next(iter(columns.values())))
        if self._datasets and self._datasets.keys() != columns.keys():
            raise TraceError(
                f"{self.path}: record of {', '.join(columns)}; every record must hold what the first held: "
                f"{', '.join(self._datasets)}"
            )
        for name, values in columns.items():
            dims = self._row(name).dims
            if values.ndim != len(dims) or len(values) != count or values.size == 0:
                raise TraceError(
                    f"{self.path}/{name}: shape {values.shape}; expected ({', '.join(dims)}), {count} records"
                )
            before = self._datasets.get(name, values)
            if (values.shape[1:], values.dtype) != (before.shape[1:], before.dtype):
                raise TraceError(
                    f"{self.path}/{name}: record of {values.dtype} {values.shape[1:]} "
                    f"after records of {before.dtype} {before.shape[1:]}"
                )

    def _create(self, axis: str, columns: Mapping[str, np.ndarray]) -> None:
        self._group = self._file.require_group(self.path)
        self._group.attrs[COUNTER] = np.int64(0)
        self._datasets = {name: self._growing(name, values) for name, values in columns.items()}
        scales = {axis: self._datasets[axis]}
        scales[axis].make_scale(axis)
        for name, values in columns.items():
            if name != axis:
                sizes = zip(self._row(name).dims, values.shape, strict=True)
                for index, (dim, size) in enumerate(sizes):
                    scale = scales[axis] if index == 0 else self._scale(scales, dim, name, size)
                    self._datasets[name].dims[index].attach_scale(scale)

    def _scale(self, scales: dict[str, h5py.Dataset], dim: str, name: str, size: int) -> h5py.Dataset:
        if dim in scales and scales[dim].size != size:
            dim = f"{dim}_{name}"  # the shared reference column: g_minus has one column
        if dim not in scales:
            scales[dim] = self._group.create_dataset(dim, data=np.arange(size, dtype=np.int32))
            describe(scales[dim], self._row(dim))
            scales[dim].make_scale(dim)
        return scales[dim]

    def _growing(self, name: str, values: np.ndarray) -> h5py.Dataset:
        tail = values.shape[1:]
        # A chunk of an array is one record, compressed and written once; a chunk of scalars is rewritten at
        # each append and keeps its size and place only if it is not compressed.
        packing = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if tail else {}
        dataset = self._group.create_dataset(
            name,
            shape=(0, *tail),
            maxshape=(None, *tail),
            dtype=values.dtype,
            chunks=(1 if tail else _SCALAR_CHUNK, *(min(size, _TILE) for size in tail)),
            fillvalue=np.nan if values.dtype.kind == "f" else None,
            fletcher32=True,
            **packing,
        )
        describe(dataset, self._row(name))
        return dataset
