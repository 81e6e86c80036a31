"""Conductances of the arrays of a network, from a chip or a run: tables, matrices and HDF5.

    array,row,col,g_plus,g_minus            one table for all arrays, one line per crosspoint, in siemens
    W1,0,0,2.6e-05,2.4e-05

`g_minus` is empty where a crosspoint has one device. A unit may stand in the header, ``g_plus [uS]``. Other forms: a
folder with one such table per array, ``W1.csv`` (no column `array`), or two matrices, ``W1_g_plus.csv`` and
``W1_g_minus.csv`` (one line per row; a first line ``# uS`` gives the unit); an HDF5 file with the data sets
``W1/g_plus`` and ``W1/g_minus`` (attribute `units`, siemens without it); the trace of a run, its last conductances.
This is how a measured chip gets into a network or a circuit, and a trained network out of it.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

import h5py
import numpy as np

from neurosim.errors import ConfigError, choose
from neurosim.traces.disk import READ_ERRORS, inner_reason
from neurosim.traces.reader import read_trace
from neurosim.units import parse_quantity

PLANES = ("g_plus", "g_minus")
CROSSPOINT = ("row", "col", *PLANES)
HEADER = ("array", *CROSSPOINT)
TRACES = (".h5", ".hdf5")
Planes = tuple[np.ndarray, np.ndarray | None]
Found = Mapping[str, tuple[np.ndarray, ...]]


def write_conductances(path: Path, arrays: Mapping[str, Planes]) -> None:
    """Write G+ and G- [S] of each array, so that the same floats are read back."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for name, (plus, minus) in arrays.items():
            for (i, j), value in np.ndenumerate(plus):
                writer.writerow([name, i, j, repr(float(value)), "" if minus is None else repr(float(minus[i, j]))])


def read_conductances(path: Path, shapes: Mapping[str, tuple[int, int]], *, pairs: bool) -> dict[str, Planes]:
    """Return G+ and G- [S], float64, of the arrays `shapes` (name -> rows, cols); G- is None without `pairs`.

    Raises
    ------
    ConfigError
        The file cannot be read; a line is malformed; a conductance is negative or not finite; an array is not in the
        network, or a crosspoint is missing, given twice or outside its array. The message names file and line.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file; expected a table (.csv), a folder of tables, or HDF5 ({TRACES[0]})")
    if path.suffix in TRACES and path.is_file():
        return {name: _hdf5(path, name, shape, pairs) for name, shape in shapes.items()}
    found = {name: (np.full(s, np.nan), np.full(s, np.nan if pairs else 0.0)) for name, s in shapes.items()}
    if path.is_dir():
        _folder(path, found, pairs)
    else:
        _table(path, found, pairs, HEADER)
    for name, planes in found.items():
        if any(np.isnan(plane).any() for plane in planes):
            i, j = np.argwhere(np.isnan(planes[0]) | np.isnan(planes[1]))[0]
            raise ConfigError(f"{path}: array {name}: no line for row {i}, col {j}; expected one for every crosspoint")
    return {name: (plus, minus if pairs else None) for name, (plus, minus) in found.items()}


def _hdf5(path: Path, name: str, shape: tuple[int, int], pairs: bool) -> Planes:
    """Return the planes of one array: the last ones that a run recorded, or the data sets of a plain file."""
    planes = _recorded(path, name) if _is_trace(path) else _data_sets(path, name, pairs)
    for kind, plane in zip(PLANES, planes, strict=False):
        if plane.shape != shape:
            raise ConfigError(f"{path}: array {name} is {plane.shape}; expected {shape}")
        bad = np.argwhere(~(np.isfinite(plane) & (plane >= 0)))
        if len(bad):
            i, j = bad[0]
            raise ConfigError(f"{path}: array {name}: {kind}[{i}, {j}] = {plane[i, j]:g} S: allowed [0, inf) S")
    return planes[0], planes[1] if pairs else None


def _is_trace(path: Path) -> bool:
    """Return whether the file calls itself a trace, or is none that HDF5 opens (a trace being written, or damaged)."""
    try:
        with h5py.File(path, "r") as file:
            return "schema" in file.attrs
    except READ_ERRORS:
        return True


def _recorded(path: Path, name: str) -> list[np.ndarray]:
    with read_trace(path) as trace:
        last = trace.weights(name, slice(-1, None))
    return [np.asarray(g[-1], dtype=np.float64) for g in (last.g_plus, last.g_minus)]


def _data_sets(path: Path, name: str, pairs: bool) -> list[np.ndarray]:
    planes = []
    try:
        with h5py.File(path, "r") as file:
            for kind in PLANES if pairs else PLANES[:1]:
                if f"{name}/{kind}" not in file:
                    raise ConfigError(f"{path}: no data set {name}/{kind}; expected g_plus and g_minus of every array")
                data = file[f"{name}/{kind}"]
                values = np.asarray(data[()], dtype=np.float64)
                planes.append(values * _factor(f"{path}: {name}/{kind}", str(data.attrs.get("units", "S"))))
    except READ_ERRORS as error:
        raise ConfigError(f"{path}: cannot be read: {inner_reason(error)}; expected HDF5 with conductances") from None
    return planes


def _factor(where: str, unit: str) -> float:
    try:
        return parse_quantity(f"1 {unit}", "S", where)
    except ConfigError:
        raise ConfigError(f"{where}: unit {unit!r}; expected siemens, such as 'S' or 'uS'") from None


def _folder(path: Path, found: Found, pairs: bool) -> None:
    for name, planes in found.items():
        table = path / f"{name}.csv"
        if table.exists():
            _table(table, {name: planes}, pairs, CROSSPOINT)
            continue
        for kind, plane in zip(PLANES if pairs else PLANES[:1], planes, strict=False):
            _matrix(path / f"{name}_{kind}.csv", name, plane)


def _table(path: Path, found: Found, pairs: bool, columns: tuple[str, ...]) -> None:
    """Fill the planes of `found` from a table with the header `columns`."""
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            units = dict(_columns(path, reader.fieldnames or ()))
            if set(columns) - set(units):
                raise ConfigError(f"{path}: line 1: expected the columns {','.join(columns)}")
            reader.fieldnames = list(units)
            for line in reader:
                _place(f"{path}: line {reader.line_num}", line, units, found, pairs)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; expected a table of conductances (csv)") from None


def _columns(path: Path, header: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield name and unit of each column: ``g_plus [uS]`` or ``g_plus``."""
    for title in header:
        match = re.fullmatch(r"\s*(\w*)\s*(?:\[(.*)\])?\s*", title)
        name, unit = match.groups() if match else (title, None)
        if unit is not None:
            _factor(f"{path}: line 1: column {name}", unit.strip())
        yield name, (unit or "S").strip()


def _matrix(path: Path, name: str, plane: np.ndarray) -> None:
    """Fill `plane` from a matrix of numbers, one line per row."""
    try:
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {error}; expected {name}.csv, or the matrices {name}_g_plus.csv and "
            f"{name}_g_minus.csv"
        ) from None
    unit = lines.pop(0).lstrip("# ") if lines and lines[0].startswith("#") else "S"
    _factor(f"{path}: line 1", unit)
    rows = [line.split(",") for line in lines]
    if [len(row) for row in rows] != [plane.shape[1]] * plane.shape[0]:
        size = f"{len(rows)} rows of {sorted({len(row) for row in rows})} numbers"
        raise ConfigError(f"{path}: {size}; array {name} is {plane.shape[0]} x {plane.shape[1]}")
    for (i, j), _ in np.ndenumerate(plane):
        plane[i, j] = _conductance(f"{path}: row {i}, col {j}", rows[i][j], unit)


def _conductance(where: str, text: str, unit: str) -> float:
    """Return the number `text` in `unit` as siemens, as exact as a decimal can be; it must be finite and >= 0."""
    try:
        value = float(text) if unit == "S" else float(Decimal(text.strip()) * Decimal(repr(_factor(where, unit))))
    except (ValueError, InvalidOperation):
        raise ConfigError(f"{where} = {text.strip()!r}: expected a conductance, a number in {unit}") from None
    if not 0 <= value < math.inf:
        raise ConfigError(f"{where} = {text.strip()!r} {unit}: allowed [0, inf) S")
    return value


def _place(where: str, line: Mapping[str, str], units: Mapping[str, str], found: Found, pairs: bool) -> None:
    name = line["array"] if "array" in units else next(iter(found))
    planes = choose(found, name, f"{where}: array")
    rows, cols = planes[0].shape
    try:
        i, j = int(line["row"]), int(line["col"])
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {dict(line)}: expected integers row, col and conductances in siemens") from None
    if not (0 <= i < rows and 0 <= j < cols):
        raise ConfigError(f"{where}: row {i}, col {j}: array {name} is {rows} x {cols}")
    if not math.isnan(planes[0][i, j]):
        raise ConfigError(f"{where}: row {i}, col {j} of {name} is given a second time")
    texts = [line[kind] or "" for kind in PLANES]
    if not pairs:
        texts[1] = texts[1] or "0"
    for plane, kind, text in zip(planes, PLANES, texts, strict=True):
        plane[i, j] = _conductance(f"{where}: {kind}", text, units[kind])
