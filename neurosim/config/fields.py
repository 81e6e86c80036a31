"""The kinds of values an experiment file may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from neurosim.config.mistakes import refuse
from neurosim.errors import ConfigError, nearest
from neurosim.units import parse_quantity

LARGEST_SEED = 2**63 - 1
LARGEST_CONDUCTANCE = 1.0
NO_DEVICE = "above 1 S, which no memory device is; a bare number is in siemens, write '51 uS' for microsiemens"


class Table(BaseModel):
    """A table of the experiment file: frozen, no unknown keys, no conversions, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def subtable(annotation: Any) -> type[Table] | None:
    """Return the table that stands as a value within another table, or None for any other kind of value."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, Table) else None


class Unit:
    """Marks a quantity with its SI unit."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol


def quantity(unit: str, *, zero: bool = False) -> BeforeValidator:
    """Return the validator that turns ``"25 uS"`` or a bare SI number into a positive float (or `zero`)."""

    def parse(value: Any) -> float:
        try:
            found = parse_quantity(value, unit, where="")
        except ConfigError as error:
            raise refuse(str(error).partition(": ")[2]) from None
        if found < 0 or (found == 0 and not zero):
            raise refuse(f"expected a quantity {'>= 0' if zero else '> 0'} with the unit {unit}")
        if unit == "S" and found > LARGEST_CONDUCTANCE:
            raise refuse(NO_DEVICE)
        return found

    return BeforeValidator(parse)


def named(table: Mapping[str, Any]) -> AfterValidator:
    """Return the validator that accepts the names of a registry and helps with the nearest one."""

    def check(name: str) -> str:
        if name not in table:
            raise refuse(f"unknown{nearest(name, table)}; allowed: {', '.join(repr(n) for n in table)}")
        return name

    return AfterValidator(check)


def listed(value: Any) -> Any:
    """Return a list, such as TOML has them, as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _pairs(value: Any) -> Any:
    """Accept a list of pairs of layer names."""
    good = isinstance(value, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in value
    )
    if not good:
        raise refuse("expected a list of pairs of layers, such as [['h1', 'out']]")
    return tuple(tuple(pair) for pair in value)


def _rates(value: Any) -> float | dict[str, float] | tuple[float, ...]:
    """Accept one learning rate, a list (one per layer) or a table (one per array)."""
    if isinstance(value, Mapping):
        return {str(name): _rate(rate, f"entry {name}: ") for name, rate in value.items()}
    if isinstance(value, list | tuple):
        if not value:
            raise refuse("expected at least one entry in the list")
        return tuple(_rate(rate, f"entry {k + 1}: ") for k, rate in enumerate(value))
    rate = _rate(value)
    if rate == 0:
        raise refuse("nothing would be learned; expected a number > 0")
    return rate


def _rate(value: Any, where: str = "") -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise refuse(f"{where}expected a number >= 0, a list of them (one per layer) or a table such as {{W1 = 0.1}}")
    return float(value)


def _dropouts(value: Any) -> float | tuple[float, ...]:
    """Accept one probability, or a list of them (one per hidden layer)."""
    if isinstance(value, list | tuple):
        return tuple(_probability(share, f"entry {k + 1}: ") for k, share in enumerate(value))
    return _probability(value)


def _probability(value: Any, where: str = "") -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise refuse(f"{where}expected a number >= 0 and < 1, or a list of them (one per hidden layer)")
    return float(value)


Siemens = Annotated[float, quantity("S", zero=True), Unit("S")]
PositiveSiemens = Annotated[float, quantity("S"), Unit("S")]
Volts = Annotated[float, quantity("V"), Unit("V")]
Seconds = Annotated[float, quantity("s"), Unit("s")]
Farads = Annotated[float, quantity("F"), Unit("F")]
Amperes = Annotated[float, quantity("A"), Unit("A")]
Duration = Annotated[float, quantity("s", zero=True), Unit("s")]
Hertz = Annotated[float, quantity("Hz"), Unit("Hz")]
Interval = Annotated[float, quantity("s", zero=True), Unit("s")]
Kelvin = Annotated[float, quantity("K", zero=True), Unit("K")]
Ohms = Annotated[float, quantity("ohm", zero=True), Unit("ohm")]

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Degrees = Annotated[float, Field(ge=0, le=180)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Sizes = Annotated[tuple[Count, ...], BeforeValidator(listed)]
Skips = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
Rates = Annotated[Any, BeforeValidator(_rates)]
Dropouts = Annotated[Any, BeforeValidator(_dropouts)]
