"""From an experiment with a [sweep] table to the list of its runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neurosim.config import Experiment, parse_experiment, set_key
from neurosim.errors import ConfigError
from neurosim.sweeps.axes import combine
from neurosim.sweeps.point import RunSpec
from neurosim.traces.schema import SCHEMA_VERSION


def run_id(document: Mapping[str, Any], seed: int) -> str:
    """Return the content id of a run: 16 hex digits of the SHA-256 of its canonical JSON.

    What is hashed is the resolved document, the seed and the version of the trace schema, so runs have equal ids
    exactly when they would leave equal files.
    """
    content = {"document": document, "seed": seed, "schema_version": SCHEMA_VERSION}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def plan(experiment: Experiment) -> list[RunSpec]:
    """Return the runs of `experiment` in the order of its axes, the seeds of a point side by side.

    Seeds are ``train.seed + k`` for k below ``sweep.seeds``, the same at every point: differences between points are
    paired. Runs of equal content stand in the plan once, at their first place.

    Raises
    ------
    ConfigError
        A point is not a valid experiment; nothing has been run then.
    """
    sweep = experiment.sweep
    axes = sweep.expanded() if sweep else {}
    specs: dict[str, RunSpec] = {}
    for point in combine(axes, sweep.mode if sweep else "product"):
        document = experiment.swept_document()
        for path, value in point.items():
            set_key(document, path, value)
        named = ", ".join(f"{path} = {value!r}" for path, value in point.items())
        where = f"sweep point {named}" if named else "experiment"
        base = parse_experiment(document, where).document()
        first = base["train"]["seed"]
        for seed in range(first, first + (sweep.seeds if sweep else 1)):
            content = {**base, "train": {**base["train"], "seed": seed}}
            content_id = run_id(content, seed)
            specs.setdefault(content_id, RunSpec(content_id, len(specs), point, seed, content))
    return list(specs.values())


def check_files(specs: Iterable[RunSpec]) -> None:
    """Raise `ConfigError` when a run would read a file or folder that is not there."""
    for table, key in (("crossbar", "maps"), ("data", "folder")):
        for name in {spec.document[table][key] for spec in specs} - {None}:
            if not Path(name).exists():
                raise ConfigError(
                    f"[{table}] {key} = {name!r}: no such file or folder; a path counts from the working directory, "
                    f"{Path.cwd()}"
                )
