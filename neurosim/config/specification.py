"""[spec]: the imperfections of which the largest tolerable values are sought, and what counts as tolerable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from neurosim.config.fields import Share, Table
from neurosim.config.keys import why_unknown
from neurosim.config.mistakes import Mistake, refuse, refuse_all, show
from neurosim.config.sweep import SCALES, end_of_range
from neurosim.errors import ConfigError, nearest

KEYS = ("from", "to", "scale", "ideal")
EXAMPLE = '"crossbar.read_noise" = { from = 0.01, to = 0.5, scale = "log", ideal = 0.0 }'
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Imperfection:
    """One axis of a search: from the good end to the bad one.

    Attributes
    ----------
    path
        Dotted key.
    good, bad
        Values at both ends, in SI where the key is a quantity; whole numbers for an integer key.
    scale
        ``"linear"`` or ``"log"``.
    ideal
        Value that counts as no imperfection.
    whole
        Whether the key takes whole numbers only.
    """

    path: str
    good: float
    bad: float
    scale: str
    ideal: float
    whole: bool

    def value(self, place: float) -> float | int:
        """Return the value at a place, 0 at the good end and 1 at the bad one."""
        if place in (0.0, 1.0):
            return self._typed(self.bad if place else self.good)
        if self.scale == "log":
            found = self.good * (self.bad / self.good) ** place
        else:
            found = self.good + place * (self.bad - self.good)
        return self._typed(float(f"{found:.{DIGITS}g}"))

    def place(self, value: float) -> float:
        """Return the place of a value, the inverse of `value` up to rounding."""
        if self.scale == "log":
            return math.log(value / self.good) / math.log(self.bad / self.good)
        return (value - self.good) / (self.bad - self.good)

    def snap(self, place: float) -> float:
        """Return the nearest place whose value the key can take."""
        return self.place(self.value(place)) if self.whole else place

    def _typed(self, value: float) -> float | int:
        return round(value) if self.whole else value


def _axes(value: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        raise refuse(f"expected a table of axes, such as {EXAMPLE}")
    axes = dict(_flat(value))
    found = [mistake for path, axis in axes.items() for mistake in _axis_mistakes(path, axis)]
    if found:
        raise refuse_all(found)
    return axes


def _flat(axes: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested tables (TOML reads ``device.asymmetry = {...}`` as such) as dotted keys."""
    for key, axis in axes.items():
        if isinstance(axis, Mapping) and axis and not set(axis) & set(KEYS):
            yield from _flat(axis, f"{above}{key}.")
        else:
            yield f"{above}{key}", axis


def _axis_mistakes(path: str, axis: Any) -> Iterator[Mistake]:
    unknown = why_unknown(path)
    if unknown:
        yield Mistake(f"[spec] axis {path}", unknown)
        return
    place = f"[spec] axis {path} = {show(axis)}"
    if not isinstance(axis, Mapping):
        yield Mistake(place, f"expected the range that is searched: {EXAMPLE}")
        return
    yield from (Mistake(place, text) for text in _range_mistakes(path, axis))


def _range_mistakes(path: str, axis: Mapping[str, Any]) -> Iterator[str]:
    for key in axis:
        if key not in KEYS:
            yield f"unknown key {key!r}{nearest(key, KEYS)}; expected {{from, to, scale, ideal}}"
    missing = [key for key in ("from", "to") if key not in axis]
    if missing:
        yield f"no {missing[0]!r}; expected from (the good end) and to (the bad end)"
        return
    scale = axis.get("scale", "linear")
    if scale not in SCALES:
        near = nearest(scale, SCALES) if isinstance(scale, str) else ""
        yield f"scale = {show(scale)}: unknown{near}; allowed: 'linear', 'log'"
    ends = []
    for key in ("from", "to", "ideal"):
        try:
            if key in axis:
                ends.append(end_of_range(path, key, axis[key], "linear" if key == "ideal" else scale))
        except ConfigError as error:
            yield str(error)
    if len(ends) > 1 and ends[0] == ends[1]:
        yield "from and to are equal; expected a good end and a bad one"


class Specification(Table):
    """[spec]: tolerable loss of accuracy, and the axes that are searched, each with the others ideal."""

    loss: Share = Field(default=0.02, description="tolerable loss of accuracy against ideal, as a fraction of 1")
    seeds: Annotated[int, Field(ge=3)] = Field(default=5, description="repeats of every point")
    confidence: Share = Field(default=0.95, description="of the interval of each tolerance")
    resolution: Share = Field(default=0.05, description="width at which an end counts as found, as a share of its axis")
    attribution: bool = Field(
        default=True, description="what each imperfection of the file costs alone, and what removing it brings"
    )
    axes: Annotated[dict[str, Any], BeforeValidator(_axes)] = Field(default={}, description="what is searched")

    def imperfections(self, whole: Callable[[str], bool]) -> tuple[Imperfection, ...]:
        """Return the axes; `whole` tells which keys take whole numbers only."""
        found = []
        for path, axis in self.axes.items():
            scale = axis.get("scale", "linear")
            good, bad = (end_of_range(path, key, axis[key], scale) for key in ("from", "to"))
            ideal = end_of_range(path, "ideal", axis["ideal"], "linear") if "ideal" in axis else good
            found.append(Imperfection(path, good, bad, scale, ideal, whole(path)))
        return tuple(found)

    def wrong_values(self, judge: Callable[[str, Any], list[Mistake]]) -> Iterator[Mistake]:
        """Yield the mistakes of the ends and ideal values of the axes, as `judge` finds them."""
        for path, axis in self.axes.items():
            for key in ("from", "to", "ideal"):
                for mistake in judge(path, axis[key]) if key in axis else ():
                    yield Mistake(f"[spec] axis {path}, {key} = {show(axis[key])}", mistake.text)
