"""The state of an array of conductance pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What devices that age or wear remember, arrays of their shape; None what there is no need to remember.

    Attributes
    ----------
    g, read
        Hidden and visible conductance [S] after the last programming; the same array where there is no write noise.
    age
        Time since then [s], float64.
    walk
        Random walk since then [S], float64.
    writes
        Pulses so far, whole numbers in float64.
    """

    g: Any = None
    read: Any = None
    age: Any = None
    walk: Any = None
    writes: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class PlaneState:
    """Conductances [S] of all G+ or of all G- of a crossbar.

    Attributes
    ----------
    g, read
        Hidden conductances and visible ones, as in `PairState`.
    past
        What the devices remember, a `Past`; None where they neither age nor wear.
    """

    g: Array
    read: Array
    past: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class PairState:
    """Conductances [S] of a crossbar, ``W = (G+ - G-) / g_ref``. A value: operations return a new one.

    Attributes
    ----------
    g_plus, g_minus
        Hidden conductances, what programming acts on; (rows, cols), G- (rows, 1) for a reference column.
    read_plus, read_minus
        Visible conductances, what a read sees; the same arrays where there is no write noise.
    past_plus, past_minus
        What the devices remember, a `Past` each; None where they neither age nor wear.
    """

    g_plus: Array
    g_minus: Array
    read_plus: Array
    read_minus: Array
    past_plus: Any = None
    past_minus: Any = None

    @classmethod
    def of(cls, plus: PlaneState, minus: PlaneState) -> PairState:
        """Return the state of an array of these two planes."""
        return cls(plus.g, minus.g, plus.read, minus.read, plus.past, minus.past)

    @property
    def plus(self) -> PlaneState:
        """The plane of G+."""
        return PlaneState(self.g_plus, self.read_plus, self.past_plus)

    @property
    def minus(self) -> PlaneState:
        """The plane of G-."""
        return PlaneState(self.g_minus, self.read_minus, self.past_minus)
