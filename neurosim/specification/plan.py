"""Which runs a search needs: at every point of [sweep] one imperfection at a time, and those of the attribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.config import Experiment, parse_experiment, set_key
from neurosim.config.keys import takes_whole_numbers
from neurosim.config.specification import Imperfection, Specification
from neurosim.errors import ConfigError
from neurosim.sweeps.axes import combine
from neurosim.sweeps.plan import run_id
from neurosim.sweeps.point import RunSpec

Point = Mapping[str, Any]
"""Dotted key -> value of every key of [sweep] and of every imperfection."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The points that an experiment with a [spec] table can ask for.

    Attributes
    ----------
    experiment
        As it was read; the values that it gives to its imperfections are those of the device at hand.
    """

    experiment: Experiment

    def __post_init__(self) -> None:
        if self.experiment.spec is None or not self.experiment.spec.axes:
            raise ConfigError("no table [spec.axes]: expected the imperfections to search, each with from and to")
        searched, swept = self.experiment.spec.axes, self.experiment.sweep.axes if self.experiment.sweep else {}
        for path in searched:
            if path in swept:
                raise ConfigError(f"[spec] axis {path}: is an axis of [sweep] too; keep it in one of them")

    @property
    def spec(self) -> Specification:
        """The table [spec]."""
        assert self.experiment.spec is not None
        return self.experiment.spec

    @property
    def imperfections(self) -> tuple[Imperfection, ...]:
        """What is searched."""
        return self.spec.imperfections(takes_whole_numbers)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The points of [sweep], each searched by itself; one without keys where there is no [sweep]."""
        sweep = self.experiment.sweep
        return combine(sweep.expanded(), sweep.mode) if sweep else [{}]

    def ideal(self, group: Point) -> Point:
        """Return the point without imperfections."""
        return {**group, **{axis.path: self._typed(axis, axis.ideal) for axis in self.imperfections}}

    def alone(self, group: Point, axis: Imperfection, place: float) -> Point:
        """Return the point with one imperfection at a place of its axis."""
        return {**self.ideal(group), axis.path: axis.value(place)}

    def written(self) -> dict[str, Any]:
        """Return the values that the file gives to the imperfections, None for one that it leaves to its model."""
        document = self.experiment.document()
        return {axis.path: _held(document, axis.path) for axis in self.imperfections}

    def attributed(self, group: Point) -> dict[str, Point]:
        """Return the points of the attribution: ``alone <path>``, ``without <path>`` and ``all``.

        Only imperfections count that the file has, with a value other than the ideal one.
        """
        ideal = self.ideal(group)
        here = {path: value for path, value in self.written().items() if value is not None and value != ideal[path]}
        if not here:
            return {}
        whole = {**ideal, **here}
        found: dict[str, Point] = {"all": whole}
        for path, value in here.items():
            found[f"alone {path}"] = {**ideal, path: value}
            found[f"without {path}"] = {**whole, path: ideal[path]}
        return found

    def runs(self, point: Point) -> Iterator[RunSpec]:
        """Yield the runs of a point, one for each seed.

        Raises
        ------
        ConfigError
            The point is not a valid experiment.
        """
        document = self.experiment.swept_document()
        for path, value in point.items():
            set_key(document, path, value)
        named = ", ".join(f"{path} = {value!r}" for path, value in point.items())
        base = parse_experiment(document, f"spec point {named}").document()
        first = base["train"]["seed"]
        for seed in range(first, first + self.spec.seeds):
            content = {**base, "train": {**base["train"], "seed": seed}}
            yield RunSpec(run_id(content, seed), 0, dict(point), seed, content)

    @staticmethod
    def _typed(axis: Imperfection, value: float) -> float | int:
        return round(value) if axis.whole else value


def _held(document: Mapping[str, Any], path: str) -> Any:
    held: Any = document
    for part in path.split("."):
        held = held.get(part) if isinstance(held, Mapping) else None
    return held
