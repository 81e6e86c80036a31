"""Measured conductances as the state of the arrays of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurosim.backend import Backend
from neurosim.crossbar import Crossbar, PairState
from neurosim.errors import ConfigError
from neurosim.traces.conductances import read_conductances
from neurosim.units import format_quantity


def measured_pairs(path: Path, crossbars: Mapping[str, Crossbar], backend: Backend) -> dict[str, PairState]:
    """Return the state of every array as measured, unchanged to the last bit that ``settle.dtype`` holds.

    Hidden and visible conductances are the measured ones: nothing is written, so there is no write noise.

    Raises
    ------
    ConfigError
        The file is not what `read_conductances` expects, a conductance lies outside the range of its device, or a
        reference column differs from column to column.
    """
    shapes = {name: crossbar.shape for name, crossbar in crossbars.items()}
    planes = read_conductances(path, shapes, pairs=True)
    found = {}
    for name, crossbar in crossbars.items():
        plus, minus = (np.asarray(plane, dtype=crossbar.dtype) for plane in planes[name])
        rows = crossbar.layout.minus_shape(crossbar.shape)
        if rows != crossbar.shape:
            if np.any(minus != minus[:, :1]):
                raise ConfigError(f"{path}: array {name}: g_minus is one reference column; its columns must be equal")
            minus = minus[:, :1].copy()
        for kind, plane, cells in (("g_plus", plus, crossbar.plus.cells), ("g_minus", minus, crossbar.minus.cells)):
            low, high = (np.broadcast_to(backend.to_host(bound), plane.shape) for bound in (cells.g_low, cells.g_high))
            outside = np.argwhere((plane < low) | (plane > high))
            if len(outside):
                i, j = outside[0]
                allowed = f"[{format_quantity(float(low[i, j]), 'S')}, {format_quantity(float(high[i, j]), 'S')}]"
                raise ConfigError(
                    f"{path}: array {name}: {kind}[{i}, {j}] = {format_quantity(float(plane[i, j]), 'S')}: its device "
                    f"has {allowed} ({len(outside)} of {plane.size} lie outside); set device.g_min and g_max to the "
                    "range of the chip, with bounds_d2d = 0"
                )
        plus_, minus_ = backend.asarray(plus), backend.asarray(minus)
        found[name] = crossbar.begun(PairState(plus_, minus_, plus_, minus_))
    return found
