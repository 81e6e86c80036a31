"""Teaching signals beta(t) of the always-on estimators. Time is in units of tau."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Protocol


class TeachingSignal(Protocol):
    """beta as a function of time, periodic."""

    @property
    def period(self) -> float:
        """Time of one period."""
        ...

    def __call__(self, t: float) -> complex:
        """Return beta at time `t`; at a jump the new value."""
        ...

    def before(self, t: float) -> complex:
        """Return beta at time `t`; at a jump the old value: what a step that ends there must see."""
        ...


@dataclass(frozen=True, slots=True)
class Rotation:
    """``beta = amplitude exp(2 pi i k / points)``, each point held for `dwell`: complex rotation in steps.

    Laborieux and Zenke 2022, arXiv:2209.00530, section 3.3.
    """

    amplitude: float
    points: int
    dwell: float

    @property
    def period(self) -> float:
        """Time of one turn."""
        return self.points * self.dwell

    def __call__(self, t: float) -> complex:
        """Return beta at time `t`; a switch belongs to the new point."""
        return self._point(math.floor(t / self.dwell + 1e-9))

    def before(self, t: float) -> complex:
        """Return beta at time `t`; a switch belongs to the old point."""
        return self._point(math.ceil(t / self.dwell - 1e-9) - 1)

    def _point(self, k: int) -> complex:
        return self.amplitude * cmath.exp(2j * cmath.pi * (k % self.points) / self.points)


@dataclass(frozen=True, slots=True)
class Cosine:
    """``beta = amplitude cos(2 pi t / period)``: a real oscillation, as a circuit would apply it."""

    amplitude: float
    period: float

    def __call__(self, t: float) -> float:
        """Return beta at time `t`."""
        return self.amplitude * math.cos(2 * math.pi * t / self.period)

    def before(self, t: float) -> float:
        """Return beta at time `t`: there are no jumps."""
        return self(t)
