"""The nudge beta as a voltage source: constant with a small-signal part, or oscillating."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.errors import RangeError
from neurosim.spice.elements import GROUND, Element, voltage


@dataclass(frozen=True, slots=True)
class BetaSource:
    """``beta(t) = value``, or ``value cos(2 pi frequency t)`` for `frequency` > 0 [Hz]; 1 V is beta = 1.

    In a small-signal analysis beta has the amplitude 1, so that every vector is its derivative by beta.
    """

    value: float = 0.0
    frequency: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and 0 <= self.frequency < math.inf):
            raise RangeError(
                f"BetaSource: value = {self.value!r}, frequency = {self.frequency!r} Hz: both finite, frequency >= 0"
            )

    def element(self, node: str) -> Element:
        """Return the source of node `node`."""
        if not self.frequency:
            return voltage(node, node, GROUND, self.value, ac=1.0)
        wave = f"sin(0 {self.value:.17g} {self.frequency:.17g} 0 0 90)"  # the sixth value is the phase in degrees
        return voltage(node, node, GROUND, self.value, wave=wave)
