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
    entries
        Fewest and most numbers of a list; None for a single value.
    """

    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    open: str = ""
    options: tuple[str, ...] = ()
    entries: tuple[int, int] | None = None

    @property
    def allowed(self) -> str:
        """The allowed values as text, for example ``"[0, 1) S"``."""
        if self.options:
            return " | ".join(self.options)
        left = "(" if self.open in ("low", "both") or self.low == -math.inf else "["
        right = ")" if self.open in ("high", "both") or self.high == math.inf else "]"
        unit = "" if self.unit == "1" else f" {self.unit}"
        several = "a list of {} to {} numbers in ".format(*self.entries) if self.entries else ""
        return f"{several}{left}{self.low:g}, {self.high:g}{right}{unit}"

    def check(self, where: str, value: Any) -> float | str | tuple[float, ...]:
        """Return `value` as a plain float, word or tuple of floats, or raise naming field, value and what is allowed.

        Raises
        ------
        RangeError
            A number outside the interval, not finite, or not a number at all; a list of another length.
        ConfigError
            A word that is none of `options`.
        """
        if self.options:
            return choose({word: word for word in self.options}, value, where)
        if self.entries is None:
            return self._number(where, value, value)
        if not isinstance(value, list | tuple) or not self.entries[0] <= len(value) <= self.entries[1]:
            raise self._refused(where, value)
        return tuple(self._number(where, entry, value) for entry in value)

    def _refused(self, where: str, value: Any) -> RangeError:
        return RangeError(f"{where} = {value!r}: allowed {self.allowed} ({self.meaning})")

    def _number(self, where: str, value: Any, shown: Any) -> float:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        above = number > self.low if self.open in ("low", "both") else number >= self.low
        below = number < self.high if self.open in ("high", "both") else number <= self.high
        if not (above and below and math.isfinite(number)):
            raise self._refused(where, shown)
        return number


def number(default: float, meaning: str, *, low: float, high: float = math.inf, unit: str = "1", open: str = "") -> Any:
    """Return a dataclass field that holds a number in a declared range."""
    return field(default=default, metadata={_KEY: Parameter(meaning, unit, low, high, open)})


def table(default: tuple[float, ...], meaning: str, *, low: float, entries: tuple[int, int]) -> Any:
    """Return a dataclass field that holds a list of numbers, as a tuple."""
    return field(default=default, metadata={_KEY: Parameter(meaning, low=low, entries=entries)})


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
