"""The state of an array of conductance pairs."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array


@dataclass(frozen=True, slots=True, eq=False)
class PairState:
    """Conductances [S] of a crossbar, ``W = (G+ - G-) / g_ref``. A value: operations return a new one.

    Attributes
    ----------
    g_plus, g_minus
        Hidden conductances, what programming acts on; (rows, cols), G- (rows, 1) for a reference column.
    read_plus, read_minus
        Visible conductances, what a read sees; the same arrays where there is no write noise.
    """

    g_plus: Array
    g_minus: Array
    read_plus: Array
    read_minus: Array
