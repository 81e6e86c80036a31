"""Lists and matrices of numbers in a TOML file."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from neurosim.config.fields import Table
from neurosim.config.mistakes import entry, refuse, refuse_all

Rows: TypeAlias = tuple[tuple[float, ...], ...]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refuse(f"{value!r} is not a finite number; expected numbers without quotes")
    return float(value)


def _numbers(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise refuse("expected a list of numbers, such as [0.1, 1.0]")
    return tuple(_number(entry) for entry in value)


def _matrix(value: Any) -> Rows:
    if not isinstance(value, list | tuple) or not all(isinstance(row, list | tuple) for row in value):
        raise refuse("expected a list of rows, such as [[0.0, 1.0], [1.0, 0.0]]")
    rows = tuple(_numbers(row) for row in value)
    if len({len(row) for row in rows}) > 1:
        raise refuse(f"rows of {', '.join(str(len(row)) for row in rows)} numbers; expected rows of one length")
    return rows


class Weights(Table):
    """[weights]: dimensionless weights (rows, cols) of each array that is not drawn at random."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _matrices(self) -> Weights:
        wrong = []
        for name, rows in (self.model_extra or {}).items():
            try:
                _matrix(rows)
            except PydanticCustomError as error:
                wrong.append(entry("weights", name, rows, error.message()))
        if wrong:
            raise refuse_all(wrong)
        return self

    def matrices(self) -> dict[str, Rows]:
        """Return the weights by the name of their array."""
        return {name: _matrix(rows) for name, rows in (self.model_extra or {}).items()}


Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers)]
Matrix = Annotated[Rows, BeforeValidator(_matrix)]
