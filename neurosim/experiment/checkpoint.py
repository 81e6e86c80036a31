"""Checkpoints of a run: files beside the trace, none above 16 MB, replaced as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.backend import Array, Backend
from neurosim.crossbar import PairState, Past
from neurosim.errors import TraceError
from neurosim.experiment import parts
from neurosim.learning.controller import TrainState

Tree = Any
"""JSON: numbers and texts as they are, ``{"array": name}``, ``{"map": {..}}``, ``{"class": name, "fields": {..}}``."""


def checkpoint_path(out: Path) -> Path:
    """Return the name of the checkpoint of the run that writes `out`."""
    return out.with_name(out.name + ".checkpoint.npz")


def remove_checkpoint(out: Path) -> None:
    """Remove the checkpoint of the run that writes `out`, if there is one."""
    parts.remove(checkpoint_path(out))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of training and the sums of the epoch under way.

    Random streams are addressed by name and step, so no generator state is needed.
    """

    state: TrainState
    sums: Mapping[str, float] = field(default_factory=dict)
    best: float = 0.0

    def save(self, path: Path, digest: str, backend: Backend) -> None:
        """Write the checkpoint of the experiment with `digest`; an older one is replaced at once or not at all."""
        packing = _Packing(backend)
        head = json.dumps({"digest": digest, "tree": packing.tree(self, "")})
        parts.write(path, {"head": parts.text_array(head), **packing.arrays})

    @classmethod
    def load(cls, path: Path, digest: str, backend: Backend) -> Checkpoint:
        """Return the checkpoint in `path`, or raise `TraceError` when it is damaged or of another experiment."""
        arrays = parts.read(path)
        try:
            head = json.loads(parts.array_text(arrays["head"]))
            if head["digest"] != digest:
                raise TraceError(
                    f"{path}: belongs to another experiment or seed; give another --out or delete it to start afresh"
                )
            found = _Unpacking(arrays, backend).value(head["tree"])
            if not isinstance(found, cls):
                raise TypeError(f"holds a {type(found).__name__}")
        except parts.DAMAGE as error:
            raise TraceError(f"{path}: not a checkpoint ({error}); delete it to start afresh") from error
        return found


CLASSES: dict[str, type[Any]] = {kind.__name__: kind for kind in (Checkpoint, TrainState, PairState, Past)}
"""What a checkpoint is made of. Their fields hold each other, mappings, arrays, numbers or texts; a field that is
added is saved and loaded without a word here."""


class _Packing:
    """Turns a checkpoint into a tree and its arrays; an array that is held twice is written once."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.arrays: dict[str, np.ndarray] = {}
        self.names: dict[int, str] = {}

    def tree(self, value: Any, path: str) -> Tree:
        if is_dataclass(value):
            kind = type(value).__name__
            inner = {f.name: self.tree(getattr(value, f.name), f"{path}/{f.name}") for f in fields(value)}
            return {"class": kind, "fields": inner}
        if isinstance(value, Mapping):
            return {"map": {name: self.tree(held, f"{path}/{name}") for name, held in value.items()}}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if id(value) not in self.names:
            self.names[id(value)] = path
            self.arrays[path] = self.backend.to_host(value)
        return {"array": self.names[id(value)]}


class _Unpacking:
    """Turns a tree and its arrays into what it was made of; an array that was held twice is shared again."""

    def __init__(self, arrays: Mapping[str, np.ndarray], backend: Backend) -> None:
        self.arrays, self.backend = arrays, backend
        self.made: dict[str, Array] = {}

    def value(self, tree: Tree) -> Any:
        if not isinstance(tree, dict):
            return tree
        if "array" in tree:
            name = tree["array"]
            if name not in self.made:
                self.made[name] = self.backend.asarray(self.arrays[name])
            return self.made[name]
        if "map" in tree:
            return {name: self.value(held) for name, held in tree["map"].items()}
        return CLASSES[tree["class"]](**{name: self.value(held) for name, held in tree["fields"].items()})
