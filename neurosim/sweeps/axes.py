"""Points of a sweep from its axes, and the values of an axis as numbers and as text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from neurosim.config.keys import unit_of
from neurosim.errors import ConfigError, choose
from neurosim.units import parse_quantity

Value: TypeAlias = Any
"""One value of an axis: anything TOML can hold (number, text, boolean, list, table)."""


def combine(axes: Mapping[str, Sequence[Value]], mode: str) -> list[dict[str, Value]]:
    """Return the points of the sweep: one value per axis each.

    ``product`` takes every combination (the last axis changes fastest), ``zip`` the k-th values of all axes. Without
    axes there is one point, the experiment itself.

    Raises
    ------
    ConfigError
        An unknown mode, or axes of different lengths in ``zip``.
    """
    choose({"product": None, "zip": None}, mode, "sweep.mode")
    if mode == "product" or not axes:
        rows = list(itertools.product(*axes.values()))
    else:
        lengths = {path: len(values) for path, values in axes.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            raise ConfigError(f"sweep.mode = 'zip': needs axes of equal length, but {listed}")
        rows = list(zip(*axes.values(), strict=True))
    return [dict(zip(axes, row, strict=True)) for row in rows]


def number(path: str, value: Value) -> float | None:
    """Return the value of axis `path` as a number, in SI where the key is a quantity, or None if it is none."""
    unit = unit_of(path)
    if isinstance(value, str) and unit:
        return parse_quantity(value, unit, path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def text(value: Value) -> str:
    """Return a value as the short text used in tables and labels: ``64-32-10`` for a list of sizes."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        rounded = f"{value:.12g}"
        return rounded if float(rounded) == value else repr(value)
    if isinstance(value, list | tuple) and value and all(isinstance(size, int) for size in value):
        return "-".join(str(size) for size in value)
    return json.dumps(value, sort_keys=True)


def short(path: str, paths: Sequence[str]) -> str:
    """Return the last part of a dotted path where it is unique among `paths`, else the whole path."""
    last = path.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in paths) == 1 else path
