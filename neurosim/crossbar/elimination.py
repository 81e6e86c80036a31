"""The effective conductance of a wired array by eliminating it row by row: dense blocks, no fill-in, any resistances.

Row i with its devices, seen from the nodes of the columns beside it, is an admittance with a current source: with
``D = diag(g_i)`` and the tridiagonal matrix T of the row's nodes (segments, terminal and devices),

    K_i = D - D T^-1 D ,    s_i = D T^-1 e_0 / r_in        (A per V at the row terminal).

The columns carry both on from row to row through one segment r each, and at the end through ``r_col + r_sense``:

    Q_i = K_i + (1 + r Q_{i-1})^-1 Q_{i-1} ,     b <- (1 + r Q_{i-1})^-1 b      for the sources b of all rows above.

Nothing is subtracted that nearly cancels, whatever the size of r; r = 0 adds the admittances. One factorisation of a
matrix (cols, cols) per row, the shorter side being taken as the columns: ``2 rows cols^2 (cols + rows / 2)`` steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neurosim.crossbar.wires import Wires


def eliminate(g: np.ndarray, wires: Wires) -> np.ndarray:
    """Return G_eff (rows, cols) [S] of conductances `g` (rows, cols) [S] >= 0, column terminals at 0 V."""
    if g.shape[0] < g.shape[1]:  # seen from its column terminals the array is the transpose, far ends first
        return eliminate(g.T[::-1, ::-1], wires.turned())[::-1, ::-1].T
    from scipy.linalg import lapack

    rows, cols = g.shape
    sources = np.empty((cols, rows), order="F")  # currents into the ends of the columns per volt at each row
    seen = np.zeros((cols, cols), order="F")
    for i in range(rows):
        admittance, sources[:, i] = _row(g[i], wires)
        seen += admittance
        r = wires.r_col + (wires.r_sense if i == rows - 1 else 0.0)
        if r == 0:
            continue
        series = r * seen
        series[np.diag_indices(cols)] += 1
        factor, _ = lapack.dpotrf(series, lower=True, overwrite_a=True, clean=False)
        sources[:, : i + 1] = lapack.dpotrs(factor, sources[:, : i + 1], lower=True)[0]
        if i < rows - 1:
            seen = lapack.dpotrs(factor, seen, lower=True, overwrite_b=True)[0]
    return np.ascontiguousarray(sources.T)


def _row(g: np.ndarray, wires: Wires) -> tuple[np.ndarray, np.ndarray]:
    """Return the admittance (cols, cols) and the currents (cols,) per volt that one row shows to the columns."""
    r_in = wires.r_row + wires.r_source
    if r_in == 0:
        return np.diag(g), g
    if wires.r_row == 0:
        share = g / (g.sum() + 1 / r_in)
        return np.diag(g) - np.outer(g, share), share / r_in
    from scipy.linalg import lapack

    segment, cols = 1 / wires.r_row, len(g)
    diagonal = g + 2 * segment
    diagonal[-1] -= segment
    diagonal[0] += 1 / r_in - segment
    wanted = np.zeros((cols, cols + 1), order="F")
    wanted[np.arange(cols), np.arange(cols)] = g
    wanted[0, cols] = 1 / r_in
    _, _, nodes, _ = lapack.dptsv(diagonal, np.full(max(cols - 1, 1), -segment), wanted, overwrite_b=True)
    admittance = -g[:, None] * nodes[:, :cols]
    admittance[np.arange(cols), np.arange(cols)] += g
    return admittance, g * nodes[:, cols]
