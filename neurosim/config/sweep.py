"""[sweep]: which keys vary, how they are combined, and how often each point is repeated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from neurosim.config.fields import Count, Table
from neurosim.config.keys import unit_of, why_unknown
from neurosim.config.mistakes import Mistake, refuse, refuse_all, show
from neurosim.errors import ConfigError, nearest
from neurosim.units import parse_quantity

RANGE_KEYS = ("from", "to", "num", "scale")
SCALES = ("linear", "log")
DIGITS = 12
EXAMPLE = '"learning.beta" = [0.1, 0.5] or "learning.beta" = {from = 0.01, to = 1.0, num = 5, scale = "log"}'


def _flat(axes: Any, above: str = "") -> dict[str, Any]:
    """Return nested tables (TOML reads ``learning.beta = [...]`` as such) as dotted keys."""
    if not isinstance(axes, Mapping):
        raise refuse(f"expected a table of axes, such as {EXAMPLE}")
    found: dict[str, Any] = {}
    for key, axis in axes.items():
        path = f"{above}{key}"
        nested = isinstance(axis, Mapping) and not set(axis) & set(RANGE_KEYS)
        for name, value in (_flat(axis, f"{path}.") if nested and axis else {path: axis}).items():
            if name in found:
                raise refuse_all([Mistake(f"[sweep] axis {name}", "is given twice; keep one of them")])
            found[name] = value
    return found


def _axes(value: Any) -> dict[str, tuple[Any, ...]]:
    axes = _flat(value)
    found = [mistake for path, axis in axes.items() for mistake in _axis_mistakes(path, axis)]
    if found:
        raise refuse_all(found)
    return {path: _spaced(path, a) if isinstance(a, Mapping) else tuple(a) for path, a in axes.items()}


def _spaced(path: str, axis: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the values of a range, both ends exact, the inner ones to 12 digits."""
    scale = axis.get("scale", "linear")
    start, stop = (end_of_range(path, key, axis[key], scale) for key in ("from", "to"))
    steps = axis["num"] - 1
    if scale == "log":
        inner = [math.exp(math.log(start) + math.log(stop / start) * k / steps) for k in range(1, steps)]
    else:
        inner = [start + (stop - start) * k / steps for k in range(1, steps)]
    values = [start, *(float(f"{value:.{DIGITS}g}") for value in inner), stop]
    # Whole ends with whole steps between them stay integers: keys such as settle.free_steps refuse 20.0.
    whole = all(isinstance(axis[key], int) for key in ("from", "to")) and all(v.is_integer() for v in values)
    return tuple(int(v) for v in values) if whole else tuple(values)


def _axis_mistakes(path: str, axis: Any) -> Iterator[Mistake]:
    place = f"[sweep] axis {path} = {show(axis)}"
    unknown = why_unknown(path)
    if unknown:
        yield Mistake(f"[sweep] axis {path}", unknown)
    elif path == "train.seed":
        yield Mistake(f"[sweep] axis {path}", "seeds are not an axis; set [train] seed and [sweep] seeds")
    elif isinstance(axis, Mapping):
        yield from (Mistake(place, text) for text in _range_mistakes(path, axis))
    elif not isinstance(axis, list | tuple):
        yield Mistake(place, f"expected a list or a range: {EXAMPLE}")
    elif not axis:
        yield Mistake(place, "an axis needs at least one value; remove the axis or fill it")


def _repeated(values: Sequence[Any]) -> Any:
    """Return the first value that stands in `values` for the second time, or None."""
    kinds = [(value, type(value)) for value in values]
    return next((value for k, value in enumerate(values) if kinds[k] in kinds[:k]), None)


def _range_mistakes(path: str, axis: Mapping[str, Any]) -> Iterator[str]:
    for key in axis:
        if key not in RANGE_KEYS:
            yield f"unknown key {key!r}{nearest(key, RANGE_KEYS)}; expected {{from, to, num, scale}}"
    missing = [key for key in ("from", "to", "num") if key not in axis]
    if missing:
        yield f"no {missing[0]!r}; expected {{from, to, num, scale = 'linear' or 'log'}}"
        return
    num, scale = axis["num"], axis.get("scale", "linear")
    if isinstance(num, bool) or not isinstance(num, int) or num < 2:
        yield f"num = {show(num)}: expected an integer >= 2"
    if scale not in SCALES:
        near = nearest(scale, SCALES) if isinstance(scale, str) else ""
        yield f"scale = {show(scale)}: unknown{near}; allowed: 'linear', 'log'"
    ends = []
    for key in ("from", "to"):
        try:
            ends.append(end_of_range(path, key, axis[key], scale))
        except ConfigError as error:
            yield str(error)
    if len(ends) == 2 and ends[0] == ends[1]:
        yield "from and to are equal; write a list to hold one value"


def end_of_range(path: str, key: str, value: Any, scale: Any) -> float:
    """Return one end of a range of key `path` as a number, in SI where the key is a quantity.

    Raises
    ------
    ConfigError
        Not a number or a quantity, or not positive on a logarithmic `scale`.
    """
    unit = unit_of(path)
    if isinstance(value, str) and unit:
        found = parse_quantity(value, unit, key)
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{key} = {show(value)}: expected a finite number")
    else:
        found = float(value)
    if scale == "log" and found <= 0:
        raise ConfigError(f"{key} = {show(value)}: scale 'log' needs ends > 0")
    return found


class Sweep(Table):
    """[sweep]: axes (dotted key -> values; ranges are expanded), how they combine, and repeats."""

    axes: Annotated[dict[str, tuple[Any, ...]], BeforeValidator(_axes)] = Field(default={}, description="what varies")
    mode: Literal["product", "zip"] = Field(default="product", description="how axes combine")
    seeds: Count = Field(default=1, description="repeats of every point, seeds train.seed, train.seed + 1, ...")

    @model_validator(mode="after")
    def _lengths(self) -> Sweep:
        lengths = {path: len(values) for path, values in self.axes.items()}
        if self.mode == "zip" and len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            text = f"needs axes of equal length, but {listed}; make them equal or use mode = 'product'"
            raise refuse_all([Mistake("[sweep] mode = 'zip'", text)])
        return self

    @model_validator(mode="after")
    def _points(self) -> Sweep:
        """Refuse a point that stands in the sweep twice; with mode 'zip' single axes may repeat values."""
        axes = self.axes
        if self.mode == "zip":
            axes = {", ".join(axes): tuple(zip(*axes.values(), strict=True))}
        found = [
            Mistake(f"[sweep] axis {path} = {show(values)}", f"{show(twice)} is listed twice; repeats are set by seeds")
            for path, values in axes.items()
            if (twice := _repeated(values)) is not None
        ]
        if found:
            raise refuse_all(found)
        return self

    def expanded(self) -> dict[str, tuple[Any, ...]]:
        """Return dotted key -> values of every axis."""
        return dict(self.axes)

    def wrong_values(self, judge: Callable[[str, Any], list[Mistake]]) -> Iterator[Mistake]:
        """Yield the mistakes of single values of the axes, as `judge` finds them."""
        for path, values in self.axes.items():
            for value in values:
                for mistake in judge(path, value):
                    yield Mistake(f"[sweep] axis {path}, value {show(value)}", mistake.text)
