"""Closed-form approximations of the effective conductance of a wired array, by name; none of them is exact.

Both take the ladder of one line at a time, with the other lines as they are without resistance, and give each device
the product of what its row and its column lose. A ladder of conductances ``g_1 .. g_n`` from its far end, with segments
r and the last one ``r + r_end`` to the terminal, keeps at node i, to first order in each segment,

    f_i = (1 + r sum_{k<i} (i - k) g_k) / (1 + r sum_k (n + 1 - k) g_k + r_end sum_k g_k) .

Of a 64 x 64 array (window 40, all rows driven alike) the column currents are off in the mean by

    n^2 r / R_min   loss    dmr      alpha_beta
    0.39            12 %    0.7 %    0.2 %
    1.7             37 %    2.7 %    1.9 %
    10              76 %    14 %     13 %

The names are those of the comparison at https://github.com/alambertini01/Crossbar_Models_Comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neurosim.crossbar.wires import Wires


def dmr(g: np.ndarray, wires: Wires) -> np.ndarray:
    """Return ``diag(a) G diag(b)``: the ladder of every row (column) is that of the mean row (column), O(rows cols)."""
    rows, cols = ladder(g.mean(axis=1)[:, None], wires.r_col, wires.r_sense), _rows(g.mean(axis=0)[None], wires)
    return np.asarray(rows * g * cols)


def alpha_beta(g: np.ndarray, wires: Wires) -> np.ndarray:
    """Return ``alpha * G * beta``: every line has the ladder of its own devices, O(rows cols)."""
    return np.asarray(ladder(g, wires.r_col, wires.r_sense) * g * _rows(g, wires))


def ladder(g: np.ndarray, r: float, r_end: float) -> np.ndarray:
    """Return f of parallel ladders, the columns of `g` (n, lines), their terminals behind the last row."""
    above = np.zeros_like(g)  # sum over k < i of (i - k) g_k: a sum of sums
    above[1:] = np.cumsum(np.cumsum(g[:-1], axis=0), axis=0)
    all_of = above[-1] + g.sum(axis=0)
    return np.asarray((1 + r * above) / (1 + r * all_of + r_end * g.sum(axis=0)))


def _rows(g: np.ndarray, wires: Wires) -> np.ndarray:
    """Return the factors of the rows, whose terminals are before the first column."""
    return ladder(g[:, ::-1].T, wires.r_row, wires.r_source).T[:, ::-1]


APPROXIMATIONS: Mapping[str, Callable[[np.ndarray, Wires], np.ndarray]] = {"dmr": dmr, "alpha_beta": alpha_beta}
"""Name -> closed form; results carry the name and ``approximate = True``."""
