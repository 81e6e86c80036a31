"""Dotted keys such as ``learning.beta``: setting them in a document, and what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from neurosim.config import tables
from neurosim.config.device import Device, all_keys
from neurosim.config.fields import Table, Unit, subtable
from neurosim.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

TABLES: dict[str, type[Table]] = {
    "data": tables.Data,
    "network": tables.Network,
    "crossbar": tables.Crossbar,
    "device": Device,
    "settle": tables.Settle,
    "learning": tables.Learning,
    "train": tables.Train,
    "trace": tables.Trace,
}
"""The tables that describe one experiment ([sweep] varies them)."""

AXES = "sweep.axes."


def split(dotted: str) -> list[str]:
    """Return the parts of a dotted key; what follows ``sweep.axes.`` is one part, itself a dotted key."""
    if dotted.startswith(AXES):
        return ["sweep", "axes", dotted.removeprefix(AXES)]
    return dotted.split(".")


def set_key(document: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """Set the value at a dotted key of `document`, in place, and return the document.

    Raises
    ------
    ConfigError
        A part of the key is empty, or holds a value where a table is needed.
    """
    *path, last = split(dotted)
    if not all([*path, last]):
        raise ConfigError(f"key {dotted!r}: expected a dotted key such as learning.beta")
    inner = document
    for depth, part in enumerate(path):
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            held = ".".join(path[: depth + 1])
            raise ConfigError(f"key {dotted!r}: {held} holds {inner!r}, which has no keys below it")
    inner[last] = value
    return document


def known_keys(table: str) -> list[str]:
    """Return the keys of [table]; those of a table within it are dotted, ``wires.r_row``."""
    return all_keys() if table == "device" else _keys(TABLES[table])


def _keys(model: type[Table]) -> list[str]:
    found = list[str]()
    for key, field in model.model_fields.items():
        inner = subtable(field.annotation)
        found += [key] if inner is None else [f"{key}.{below}" for below in _keys(inner)]
    return found


def why_unknown(dotted: str) -> str | None:
    """Return why `dotted` is no key of an experiment, with the nearest one, or None when it is a key."""
    table, _, key = dotted.partition(".")
    if table not in TABLES:
        every = [f"{t}.{k}" for t in TABLES for k in known_keys(t)]
        home = [name for name in every if name.endswith(f".{table}")]
        near = f" (did you mean {home[0]!r}?)" if home and not key else nearest(dotted, every)
        return f"unknown key {dotted!r}{near}; expected table.key, tables: {', '.join(TABLES)}"
    known = known_keys(table)
    if not key:
        return f"{table!r} is a whole table; expected one of its keys: {', '.join(known)}"
    if key in known or (table, key.split(".")[0]) == ("train", "lr"):
        return None
    below = [name for name in known if name.startswith(f"{key}.")]
    if below:
        return f"{dotted!r} is a whole table; expected one of its keys: {', '.join(below)}"
    head = key.split(".")[0]
    if head in known and head != key:
        return f"{table}.{head} holds a single value; there is no key {dotted!r}"
    return f"unknown key {key!r} in [{table}]{nearest(key, known)}; allowed: {', '.join(known)}"


def unit_of(dotted: str) -> str | None:
    """Return the SI unit of a quantity key, or None for a pure number or a name."""
    field = _field(dotted)
    return next((m.symbol for m in field.metadata if isinstance(m, Unit)), None) if field else None


def takes_whole_numbers(dotted: str) -> bool:
    """Return whether a key takes whole numbers only."""
    field = _field(dotted)
    kinds = {field.annotation, *get_args(field.annotation)} if field else set()
    return int in kinds and float not in kinds


def _field(dotted: str) -> FieldInfo | None:
    """Return what the tables know about a key; None for one of a device model alone."""
    table, *path = dotted.split(".")
    model, field = TABLES.get(table), None
    for part in path:
        field = model.model_fields.get(part) if model else None
        model = subtable(field.annotation) if field else None
    return field
