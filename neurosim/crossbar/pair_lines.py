"""Line resistance of arrays of pairs: how G+ and G- share lines, and what their terminals see between two solutions.

At a solution G_eff of conductances G_0, each device has the factor ``f = min(G_eff / G_0, 1)`` that its row and column
leave of it. Until the next solution the terminals are taken to see

    G_seen = G_eff + f (G - G_0) = f G + (G_eff - f G_0) ,

exact at the solution. A device's own share of the drop along its lines is of the order of one over their length, so f
is what a change of it is seen with; what is neglected is the change of the drop itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.backend import Array
from neurosim.crossbar.approximations import APPROXIMATIONS
from neurosim.crossbar.pair import PairState
from neurosim.crossbar.wires import Effective, WiredArray, Wires
from neurosim.errors import RangeError, choose

LAYOUTS = ("separate", "interleaved")
LINE_METHODS = ("exact", *APPROXIMATIONS)


@dataclass(frozen=True, slots=True, eq=False)
class PairEffective:
    """What the terminals of an array of pairs see.

    Attributes
    ----------
    g_plus, g_minus
        Effective conductances [S], of the shapes of G+ and G-.
    residual, figure_of_merit
        The larger of those of the arrays it lies on, see `Effective`.
    loss
        Share of all conductance that the lines take: ``1 - sum G_eff / sum G``.
    """

    g_plus: np.ndarray
    g_minus: np.ndarray
    residual: float
    figure_of_merit: float
    loss: float


@dataclass(frozen=True, slots=True)
class PairLines:
    """Lines of every array of pairs.

    Attributes
    ----------
    wires
        Resistances of segments and terminals.
    layout
        ``"separate"``: G+ and G- are two arrays of cols columns, each row driven twice; ``"interleaved"``: one array
        with the columns G+ and G- in turn, whose rows are twice as long. A reference column is an array of its own,
        or the last column.
    method
        ``"exact"``, or the name of an approximation.
    refresh
        Updates between two solutions in training.

    Raises
    ------
    ConfigError, RangeError
        An unknown layout or method, or a refresh below 1.
    """

    wires: Wires
    layout: str = "separate"
    method: str = "exact"
    refresh: int = 1

    def __post_init__(self) -> None:
        choose(dict.fromkeys(LAYOUTS), self.layout, "crossbar.wires.layout")
        choose(dict.fromkeys(LINE_METHODS), self.method, "crossbar.wires.method")
        if self.refresh < 1:
            raise RangeError(f"crossbar.wires.refresh = {self.refresh!r}: expected an integer >= 1 (updates)")

    def solve(self, g_plus: np.ndarray, g_minus: np.ndarray) -> PairEffective:
        """Return what the terminals see of conductances `g_plus` (rows, cols), `g_minus` (rows, cols or 1) [S]."""
        cols, alternate = g_plus.shape[1], g_minus.shape == g_plus.shape
        if self.layout == "separate":
            solved = [self._array(g_plus), self._array(g_minus)]
            plus, minus = (found.g for found in solved)
        else:
            whole = np.empty((len(g_plus), cols + g_minus.shape[1]))
            at_plus, at_minus = (
                (slice(0, None, 2), slice(1, None, 2)) if alternate else (slice(cols), slice(cols, None))
            )
            whole[:, at_plus], whole[:, at_minus] = g_plus, g_minus
            solved = [self._array(whole)]
            plus, minus = solved[0].g[:, at_plus], solved[0].g[:, at_minus]
        total = float(g_plus.sum() + g_minus.sum())
        return PairEffective(
            plus,
            minus,
            max(found.residual for found in solved),
            max(found.figure_of_merit for found in solved),
            1 - float(plus.sum() + minus.sum()) / total if total else 0.0,
        )

    def _array(self, g: np.ndarray) -> Effective:
        return WiredArray(g, self.wires).solve("auto" if self.method == "exact" else self.method)


def attenuation(g: np.ndarray, effective: np.ndarray) -> np.ndarray:
    """Return the factor f and the offset [S] of one plane at a solution, (2, rows, cols)."""
    f = np.minimum(np.divide(effective, g, out=np.ones_like(effective), where=g > 0), 1.0)
    return np.stack((f, effective - f * g))


def seen(pair: PairState, plus: Array, minus: Array) -> PairState:
    """Return the pair as its terminals see it, given the attenuation (2, rows, cols) of both planes."""
    read_plus, read_minus = pair.read_plus * plus[0], pair.read_minus * minus[0]
    read_plus += plus[1]
    read_minus += minus[1]
    return PairState(pair.g_plus, pair.g_minus, read_plus, read_minus)
