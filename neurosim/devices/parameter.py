"""Declared parameters of a device model: meaning, unit and allowed range beside the default value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

from neurosim.errors import RangeError, choose

_KEY = "parameter"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a field of a device model means and what it may hold.

    Attributes
    ----------
    meaning
        One line for tables and messages.
    unit
        SI unit, or ``"1"`` for a pure number.
    low, high
        Ends of the allowed interval, in `unit`. Unused when `options` is given.
    open
        Which ends do not belong to the interval: ``""``, ``"low"``, ``"high"`` or ``"both"``.
    options
        The allowed words of a choice; empty for a number.
    """

    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    open: str = ""
    options: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The allowed values as text, for example ``"[0, 1) S"``."""
        if self.options:
            return " | ".join(self.options)
        left = "(" if self.open in ("low", "both") or self.low == -math.inf else "["
        right = ")" if self.open in ("high", "both") or self.high == math.inf else "]"
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{left}{self.low:g}, {self.high:g}{right}{unit}"

    def check(self, where: str, value: Any) -> float | str:
        """Return `value` as a plain float or word, or raise naming the field, the value and what is allowed.

        Raises
        ------
        RangeError
            A number outside the interval, not finite, or not a number at all.
        ConfigError
            A word that is none of `options`.
        """
        if self.options:
            return choose({word: word for word in self.options}, value, where)
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        above = number > self.low if self.open in ("low", "both") else number >= self.low
        below = number < self.high if self.open in ("high", "both") else number <= self.high
        if not (above and below and math.isfinite(number)):
            raise RangeError(f"{where} = {value!r}: allowed {self.allowed} ({self.meaning})")
        return number


def number(default: float, meaning: str, *, low: float, high: float = math.inf, unit: str = "1", open: str = "") -> Any:
    """Return a dataclass field that holds a number in a declared range."""
    return field(default=default, metadata={_KEY: Parameter(meaning, unit, low, high, open)})


def choice(default: str, meaning: str, options: tuple[str, ...]) -> Any:
    """Return a dataclass field that holds one of the words in `options`."""
    return field(default=default, metadata={_KEY: Parameter(meaning, options=options)})


def parameters(model: Any) -> dict[str, Parameter]:
    """Return the declared parameters of a device model (class or instance) by field name."""
    return {item.name: item.metadata[_KEY] for item in fields(model) if _KEY in item.metadata}


def check_parameters(model: Any) -> None:
    """Check every declared field of a new `model`, and store plain floats.

    A numpy scalar (from a sweep, say) would otherwise turn float32 arrays into float64 ones.
    """
    for name, declared in parameters(model).items():
        value = declared.check(f"{type(model).__name__}.{name}", getattr(model, name))
        object.__setattr__(model, name, value)
