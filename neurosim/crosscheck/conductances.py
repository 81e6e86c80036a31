"""Conductances of the arrays of a network as a text table: one line per crosspoint, in siemens.

    array,row,col,g_plus,g_minus
    W1,0,0,2.6e-05,2.4e-05

`g_minus` is empty where a crosspoint has one device. This is how a measured chip gets into a circuit, and a trained
network out of it. The trace of a run (``.h5``) is read as well: its last conductances.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurosim.errors import ConfigError, choose
from neurosim.traces import read_trace

HEADER = ("array", "row", "col", "g_plus", "g_minus")
TRACES = (".h5", ".hdf5")
Planes = tuple[np.ndarray, np.ndarray | None]


def write_conductances(path: Path, arrays: Mapping[str, Planes]) -> None:
    """Write G+ and G- [S] of each array, so that the same floats are read back."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for name, (plus, minus) in arrays.items():
            for (i, j), value in np.ndenumerate(plus):
                writer.writerow([name, i, j, repr(float(value)), "" if minus is None else repr(float(minus[i, j]))])


def read_conductances(path: Path, shapes: Mapping[str, tuple[int, int]], *, pairs: bool) -> dict[str, Planes]:
    """Return G+ and G- [S] of the arrays `shapes` (name -> rows, cols); G- is None without `pairs`.

    `path` is a table, or the trace of a run, of which the last conductances are taken.

    Raises
    ------
    ConfigError
        The file cannot be read; a line is malformed; a conductance is negative or not finite; an array is not in the
        circuit, or a crosspoint is missing, given twice or outside its array. The message names file and line.
    """
    if path.suffix in TRACES:
        return _from_trace(path, shapes, pairs)
    found = {name: (np.full(s, np.nan), np.full(s, np.nan if pairs else 0.0)) for name, s in shapes.items()}
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or set(HEADER) - set(reader.fieldnames):
                raise ConfigError(f"{path}: line 1: expected the columns {','.join(HEADER)}")
            for line in reader:
                _place(f"{path}: line {reader.line_num}", line, found, pairs)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; expected a table of conductances (csv)") from None
    for name, planes in found.items():
        if any(np.isnan(plane).any() for plane in planes):
            i, j = np.argwhere(np.isnan(planes[0]) | np.isnan(planes[1]))[0]
            raise ConfigError(f"{path}: array {name}: no line for row {i}, col {j}; expected one for every crosspoint")
    return {name: (plus, minus if pairs else None) for name, (plus, minus) in found.items()}


def _from_trace(path: Path, shapes: Mapping[str, tuple[int, int]], pairs: bool) -> dict[str, Planes]:
    """Return the last conductances that a run recorded."""
    found: dict[str, Planes] = {}
    with read_trace(path) as trace:
        for name, shape in shapes.items():
            last = trace.weights(name, slice(-1, None))
            plus, minus = (np.asarray(g[-1], dtype=np.float64) for g in (last.g_plus, last.g_minus))
            if plus.shape != shape:
                raise ConfigError(f"{path}: array {name} is {plus.shape}; the circuit's is {shape}")
            found[name] = plus, minus if pairs else None
    return found


def _place(where: str, line: Mapping[str, str], found: Mapping[str, tuple[np.ndarray, ...]], pairs: bool) -> None:
    planes = choose(found, line["array"], f"{where}: array")
    rows, cols = planes[0].shape
    try:
        i, j = int(line["row"]), int(line["col"])
        values = [float(line["g_plus"]), float(line["g_minus"] or (math.nan if pairs else 0.0))]
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {dict(line)}: expected integers row, col and conductances in siemens") from None
    if not (0 <= i < rows and 0 <= j < cols):
        raise ConfigError(f"{where}: row {i}, col {j}: array {line['array']} is {rows} x {cols}")
    if not all(0 <= value < math.inf for value in values):
        raise ConfigError(f"{where}: g_plus = {line['g_plus']!r}, g_minus = {line['g_minus']!r}: allowed [0, inf) S")
    if not math.isnan(planes[0][i, j]):
        raise ConfigError(f"{where}: row {i}, col {j} of {line['array']} is given a second time")
    for plane, value in zip(planes, values, strict=True):
        plane[i, j] = value
