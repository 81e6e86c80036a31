"""Quantities as text at the edges, SI floats inside, and the one place where natural units become SI."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from neurosim.errors import ConfigError, RangeError

PREFIXES = {"": 0, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d]*)\s*")


def parse_quantity(text: str | float | int, unit: str, where: str = "value") -> float:
    """Return `text` as an SI float in `unit`.

    Parameters
    ----------
    text
        ``"25 uS"``, ``"2.5e-5 S"``, or a bare number, which is taken as SI.
    unit
        The SI unit allowed, for example ``"S"``, ``"V"``, ``"F"``, ``"s"`` or ``"ohm"``.
    where
        The dotted key, for the error message.

    Raises
    ------
    ConfigError
        Another unit, an unknown prefix, text that is not a quantity, or a value that is not finite.
    """
    allowed = f"a number with the unit {unit}, such as '25 u{unit}' (a bare number is in {unit})"
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ConfigError(f"{where} = {text!r}: expected {allowed}")
    if isinstance(text, str):
        match = _QUANTITY.fullmatch(text)
        if match is None:
            raise ConfigError(f"{where} = {text!r}: expected {allowed}")
        number, suffix = match.groups()
        prefix = suffix.removesuffix(unit) if suffix else ""
        if suffix and (not suffix.endswith(unit) or prefix not in PREFIXES):
            raise ConfigError(f"{where} = {text!r}: unit {suffix!r} is not {unit}; expected {allowed}")
        value = float(Decimal(number).scaleb(PREFIXES[prefix]))  # so that '5 uS' is 5e-6 to the last bit
    else:
        value = float(text)
    if not math.isfinite(value):
        raise ConfigError(f"{where} = {text!r}: not finite; expected {allowed}")
    return value


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """Return `value` with an engineering prefix, for example ``'25 uS'``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    for prefix in ("G", "M", "k", "", "m", "u", "n", "p", "f"):
        if abs(value) >= 10.0 ** PREFIXES[prefix] * (1 - 1e-12):
            return f"{value / 10.0 ** PREFIXES[prefix]:.{digits}g} {prefix}{unit}"
    return f"{value / 10.0 ** PREFIXES['f']:.{digits}g} f{unit}"


@dataclass(frozen=True, slots=True)
class Scale:
    """Natural units to SI: the only place where they meet.

    A node of capacitance `c_node` [F] with leak `g_ref` [S] relaxes with ``tau = c_node / g_ref`` [s].
    A dimensionless state ``u`` is ``v_ref * u`` volts, a weight ``W`` is ``g_ref * W`` siemens, a time
    ``t`` in units of tau is ``tau * t`` seconds, and a current is in units of ``g_ref * v_ref``.
    """

    v_ref: float = 0.2
    g_ref: float = 1e-5
    c_node: float = 1e-12

    def __post_init__(self) -> None:
        for name in ("v_ref", "g_ref", "c_node"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise RangeError(f"Scale.{name} = {value!r}: must be positive and finite")

    @property
    def tau(self) -> float:
        """Time constant of a node [s]."""
        return self.c_node / self.g_ref

    @property
    def i_ref(self) -> float:
        """Current that charges a node by one natural unit per tau [A]."""
        return self.g_ref * self.v_ref
