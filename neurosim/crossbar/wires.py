"""Line resistance, exact: a wired array of linear devices is a matrix, found by nodal analysis.

Every crosspoint (i, j) is a device ``g[i, j]`` between a node on row wire i and a node on column wire j. Along a row
the nodes are joined by segments of `r_row`, along a column by segments of `r_col`:

    row terminal i -- r_source -- r_row -- (i, 0) -- r_row -- (i, 1) ...            from the left
    (0, j) -- r_col -- (1, j) ... (rows - 1, j) -- r_col -- r_sense -- column terminal j   to the bottom

With the Laplacian ``L`` split into inner nodes f and terminals t, the currents into the terminals at voltages ``V_t``
are ``Y V_t`` with ``Y = L_tt - L_tf L_ff^-1 L_ft``, which is symmetric: read from the columns, the array is the
transpose of what it is read from the rows. The effective conductance is ``G_eff = -Y[columns, rows]^T``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurosim.crossbar.line_solver import LineSolver
from neurosim.errors import ConfigError, RangeError, ShapeError, choose

METHODS = ("auto", "iterative", "direct")
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Wires:
    """Resistances of the lines of an array [ohm], all >= 0.

    Attributes
    ----------
    r_row, r_col
        One segment of a row (between neighbouring columns) and of a column (between neighbouring rows).
    r_source, r_sense
        In series with each row terminal and with each column terminal.
    """

    r_row: float = 0.0
    r_col: float = 0.0
    r_source: float = 0.0
    r_sense: float = 0.0

    def __post_init__(self) -> None:
        for name in ("r_row", "r_col", "r_source", "r_sense"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise RangeError(f"Wires.{name} = {value!r}: allowed [0, inf) ohm")

    def figure_of_merit(self, g: np.ndarray) -> float:
        """Return ``n^2 r / R_min``, the size of the voltage drop: `n` the longer side, `r` the larger segment."""
        return float(max(g.shape) ** 2 * max(self.r_row, self.r_col) * g.max())


@dataclass(frozen=True, slots=True, eq=False)
class WireRead:
    """Currents of reads of a wired array, and how well Kirchhoff's law holds.

    Attributes
    ----------
    columns
        Into the column terminals [A], (reads, cols).
    rows
        From the row terminals into the array [A], (reads, rows).
    residual
        Largest current left at a node over the largest injected one, (reads,), recomputed from the voltages.
    iterations
        Steps of the iterative solution; 0 for the direct one.
    method
        ``"iterative"`` or ``"direct"``: what gave the answer.
    figure_of_merit
        ``n^2 r / R_min`` of the array.
    """

    columns: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    iterations: int
    method: str
    figure_of_merit: float


class WiredArray:
    """An array with line resistance; what its reads have in common is factored once.

    Parameters
    ----------
    g
        Conductances [S], shape (rows, cols), >= 0; 0 is an open device.
    wires
        Resistances of the lines.

    Raises
    ------
    ShapeError, RangeError
        `g` is not a matrix, or holds a negative or non-finite conductance.

    Notes
    -----
    Two exact ways: a sparse LU of the 2 rows x cols nodes, and conjugate gradients that eliminate line by line
    (`LineSolver`), which for one read are some 70 times faster at 256 x 256 and need a resistance in every segment.
    Without any resistance the array is exactly `g`.
    """

    def __init__(self, g: np.ndarray, wires: Wires) -> None:
        g = np.asarray(g, dtype=np.float64)
        if g.ndim != 2 or g.size == 0:
            raise ShapeError(f"wired array: g has shape {g.shape}; expected (rows, cols)")
        if not (np.isfinite(g).all() and (g >= 0).all()):
            raise RangeError("wired array: a conductance is negative or not finite; allowed [0, inf) S")
        self.g, self.wires = g, wires

    def read(
        self,
        v_rows: np.ndarray,
        v_cols: np.ndarray | None = None,
        *,
        method: str = "auto",
        tolerance: float = TOLERANCE,
    ) -> WireRead:
        """Return the currents for row terminals at `v_rows` (reads, rows) [V] and column terminals at `v_cols`, or 0.

        Parameters
        ----------
        v_rows, v_cols
            Voltages of the terminals; either side may be driven, or both.
        method
            ``"iterative"``, ``"direct"``, or ``"auto"``: iterative where every segment has a resistance. An iterative
            solution that does not reach the tolerance is replaced by the direct one, and the result says so.
        tolerance
            Largest residual of the iterative solution.

        Raises
        ------
        ShapeError, ConfigError
            Wrong shapes, an unknown method, or no resistance where the iterative method needs one.
        """
        rows, cols = self.g.shape
        v_rows = np.asarray(v_rows, dtype=np.float64)
        v_cols = np.zeros((len(v_rows), cols)) if v_cols is None else np.asarray(v_cols, dtype=np.float64)
        if v_rows.shape != (len(v_rows), rows) or v_cols.shape != (len(v_rows), cols):
            raise ShapeError(
                f"read of {rows} x {cols}: v_rows {v_rows.shape}, v_cols {v_cols.shape}; expected one row a read"
            )
        choose(dict.fromkeys(METHODS), method, "wired array: method")
        lined = self.wires.r_row > 0 and self.wires.r_col > 0
        if method == "iterative" and not lined:
            raise ConfigError("wired array: method = 'iterative' needs r_row > 0 and r_col > 0; use 'direct'")
        if lined and method != "direct":
            found = self._iterative(v_rows, v_cols, tolerance)
            if found is not None:
                return found
        return self._direct(v_rows, v_cols)

    def admittance(self) -> np.ndarray:
        """Return Y [S] of the rows + cols terminals, row terminals first; ``I = Y V``, I into the array."""
        nodes = self._nodes
        if nodes.solve is None:
            return nodes.tt
        reach = nodes.ft.toarray()
        return np.asarray(nodes.tt - reach.T @ nodes.solve(reach))

    def effective(self) -> np.ndarray:
        """Return G_eff [S], shape (rows, cols): ``I_col = V_row @ G_eff`` with the column terminals at 0 V."""
        rows, cols = self.g.shape
        nodes = self._nodes
        if nodes.solve is None:
            return self.g.copy()
        side = slice(0, rows) if rows <= cols else slice(rows, rows + cols)  # the fewer back-substitutions
        other = slice(rows, rows + cols) if rows <= cols else slice(0, rows)
        reach = nodes.ft[:, side].toarray()
        found = nodes.ft[:, other].T @ nodes.solve(reach) - nodes.tt[other, side]
        return np.asarray(found.T if rows <= cols else found)

    @cached_property
    def _lines(self) -> LineSolver:
        w = self.wires
        return LineSolver(self.g, 1 / w.r_row, 1 / w.r_col, 1 / (w.r_row + w.r_source), 1 / (w.r_col + w.r_sense))

    @cached_property
    def _nodes(self) -> _Nodes:
        return _Nodes(self.g, self.wires)

    def _iterative(self, v_rows: np.ndarray, v_cols: np.ndarray, tolerance: float) -> WireRead | None:
        lines = self._lines
        found = lines.solve(v_rows, v_cols, tolerance=tolerance)
        if not found.converged:
            return None
        columns = lines.g_out * (found.col_nodes[:, -1, :] - v_cols)
        rows = lines.g_in * (v_rows - found.row_nodes[:, :, 0])
        merit = self.wires.figure_of_merit(self.g)
        return WireRead(columns, rows, found.residual, found.iterations, "iterative", merit)

    def _direct(self, v_rows: np.ndarray, v_cols: np.ndarray) -> WireRead:
        terminals = np.concatenate((v_rows, v_cols), axis=1).T
        current, residual = self._nodes.currents(terminals)
        rows = self.g.shape[0]
        merit = self.wires.figure_of_merit(self.g)
        return WireRead(-current[rows:].T, current[:rows].T, residual, 0, "direct", merit)


class _Nodes:
    """The nodal matrix of a wired array, its inner part factored: ``L = [[ff, ft], [tf, tt]]``."""

    def __init__(self, g: np.ndarray, wires: Wires) -> None:
        terminals, laplacian = _laplacian(g, wires)
        inner = np.setdiff1d(np.arange(laplacian.shape[0]), terminals)
        self.tt: np.ndarray = laplacian[terminals][:, terminals].toarray()
        self.ft = laplacian[inner][:, terminals].tocsc()
        self.ff = laplacian[inner][:, inner].tocsc()
        self.solve = _factor(self.ff) if inner.size else None

    def currents(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the currents into the terminals (terminals, reads) at voltages `v`, and the residual of each read."""
        if self.solve is None:
            return self.tt @ v, np.zeros(v.shape[1])
        injected = -(self.ft @ v)
        inner = self.solve(injected)
        left = abs(self.ff @ inner - injected).max(axis=0)
        size = abs(injected).max(axis=0)
        return self.tt @ v + self.ft.T @ inner, np.where(size > 0, left / np.where(size > 0, size, 1.0), left)


def effective_conductance(g: np.ndarray, wires: Wires | None) -> np.ndarray:
    """Return the conductances (rows, cols) [S] that an array `g` has at its terminals; `g` itself without wires."""
    return np.asarray(g) if wires is None else WiredArray(g, wires).effective()


def _laplacian(g: np.ndarray, wires: Wires) -> tuple[np.ndarray, Any]:
    """Return the indices of the terminals (rows, then columns) and the Laplacian over all distinct nodes."""
    from scipy.sparse import coo_matrix

    rows, cols = g.shape
    row_nodes, row_ends = _line(np.arange(rows), cols, wires.r_row, wires.r_source, 0)
    used = int(max(row_nodes.max(), row_ends.max())) + 1
    col_nodes, col_ends = _line(np.arange(cols), rows, wires.r_col, wires.r_sense, used)
    size = int(max(col_nodes.max(), col_ends.max())) + 1
    branches = [(row_nodes.ravel(), col_nodes.T.ravel(), g.ravel())]
    if wires.r_row:
        branches.append(_segments(row_nodes[:, :-1], row_nodes[:, 1:], wires.r_row))
    if wires.r_col:
        branches.append(_segments(col_nodes[:, :-1], col_nodes[:, 1:], wires.r_col))
    if wires.r_row + wires.r_source:
        branches.append(_segments(row_ends, row_nodes[:, 0], wires.r_row + wires.r_source))
    if wires.r_col + wires.r_sense:
        branches.append(_segments(col_ends, col_nodes[:, -1], wires.r_col + wires.r_sense))
    a, b, value = (np.concatenate(parts) for parts in zip(*branches, strict=True))
    entries = np.concatenate((value, value, -value, -value))
    index = np.concatenate((a, b, a, b)), np.concatenate((a, b, b, a))
    return np.concatenate((row_ends, col_ends)), coo_matrix((entries, index), shape=(size, size)).tocsc()


def _line(lines: np.ndarray, length: int, r: float, r_end: float, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the node of each crosspoint (lines, length) and of each terminal; without resistance nodes coincide."""
    count = len(lines)
    ends = first + lines
    if r:
        inner = first + count + np.arange(count * length).reshape(count, length)
    elif r_end:
        inner = np.repeat((first + count + lines)[:, None], length, axis=1)
    else:
        inner = np.repeat(ends[:, None], length, axis=1)
    return inner, ends


def _segments(a: np.ndarray, b: np.ndarray, r: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return a.ravel(), b.ravel(), np.full(a.size, 1 / r)


def _factor(matrix: Any) -> Any:
    """Return the solver of a symmetric positive definite sparse matrix."""
    from scipy.sparse.linalg import splu

    factored = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factored.solve
