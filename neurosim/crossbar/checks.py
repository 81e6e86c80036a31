"""Parameters that no array can have."""

from __future__ import annotations

import math

from neurosim.devices import DeviceModel
from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.units import format_quantity

DTYPES = ("float32", "float64")


def check_array(
    where: str, shape: tuple[int, int], device: DeviceModel, g_ref: float, read_noise: float, dtype: str
) -> None:
    """Raise for parameters that no array can have; see `Crossbar.build`."""
    if len(shape) != 2 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ShapeError(f"{where}: shape = {shape!r}: expected (rows, cols), both positive")
    if dtype not in DTYPES:
        raise ConfigError(f"{where}: dtype = {dtype!r}: allowed {' | '.join(DTYPES)}")
    if not (math.isfinite(g_ref) and g_ref > 0):
        raise RangeError(f"{where}: g_ref = {g_ref!r}: allowed (0, inf) S")
    if not 0 <= read_noise < 1:
        raise RangeError(f"{where}: read_noise = {read_noise!r}: allowed [0, 1), relative to the conductance")
    resolution = device.g_max * 2.0 ** (-21 if dtype == "float32" else -50)
    if device.step < resolution:
        raise RangeError(
            f"{where}: device.step = {format_quantity(device.step, 'S')}: {dtype} resolves steps above "
            f"{format_quantity(resolution, 'S')} at g_max; use a larger step or dtype = 'float64'"
        )
