"""The configuration of a sweep as TOML with every default written out: what it takes to run it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from neurosim.config import Experiment


def as_toml(experiment: Experiment) -> str:
    """Return the experiment, its title and [sweep] included, as TOML that reads back as an equal experiment."""
    parts = [f"title = {_value(experiment.title)}\n"]
    parts += [_table(name, table) for name, table in experiment.document().items()]
    if experiment.sweep:
        parts.append(_table("sweep", {"mode": experiment.sweep.mode, "seeds": experiment.sweep.seeds}))
        parts.append(_table("sweep.axes", {f'"{key}"': v for key, v in experiment.sweep.expanded().items()}))
    return "\n".join(parts)


def _table(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        held = {key: entry for key, entry in value.items() if entry is not None}
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(entry)}" for key, entry in held.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    # JSON writes text, booleans and finite numbers as TOML does (TOML wants no bare DEL, which JSON leaves as it is).
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
