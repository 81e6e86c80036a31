"""Noise processes in physical time, one file each. Adding one is a file and a line in `PROCESSES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurosim.numerics.processes.base import NoiseProcess
from neurosim.numerics.processes.flicker import Flicker
from neurosim.numerics.processes.telegraph import Telegraph
from neurosim.numerics.processes.white import White

PROCESSES: Mapping[str, Callable[..., NoiseProcess]] = {
    "white": lambda amplitude, bandwidth, **_: White(amplitude, bandwidth),
    "telegraph": lambda amplitude, rate_up, rate_down, **_: Telegraph(amplitude, rate_up, rate_down),
    "flicker": lambda amplitude, f_min, f_max, **_: Flicker(amplitude, f_min, f_max),
}
"""Name -> function of the [crossbar.noise] options (amplitude, bandwidth, rate_up, rate_down, f_min, f_max)."""

__all__ = ["PROCESSES", "Flicker", "NoiseProcess", "Telegraph", "White"]
