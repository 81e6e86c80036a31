"""Reads of a wired array by conjugate gradients on its row nodes, preconditioned line by line.

With R and C the voltages of the nodes on the row and on the column wires, D = diag(g), and the tridiagonal matrices
``T_r = A_r + D``, ``T_c = A_c + D`` of the separate lines (A: segments and terminals), Kirchhoff's law is

    T_r R - D C = b_r ,     T_c C - D R = b_c .

The columns are eliminated exactly, each by its own tridiagonal solve, which leaves the symmetric positive definite

    S R = b_r + D T_c^-1 b_c ,     S = T_r - D T_c^-1 D .

``T_r^-1`` preconditions: ``T_r^-1 S = 1 - T_r^-1 D T_c^-1 D`` is close to 1 where the devices conduct worse than the
lines. All rows together are one tridiagonal matrix of rows x cols nodes, as are all columns: one factorisation of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.errors import RangeError


@dataclass(frozen=True, slots=True, eq=False)
class LineSolution:
    """Node voltages of reads.

    Attributes
    ----------
    row_nodes, col_nodes
        Voltages [V] on the row and on the column wires, (reads, rows, cols).
    residual
        Largest Kirchhoff current that is left at a node over the largest injected one, recomputed at the end, (reads,).
    iterations
        Steps of the conjugate gradients.
    converged
        Whether every residual is within the tolerance.
    """

    row_nodes: np.ndarray
    col_nodes: np.ndarray
    residual: np.ndarray
    iterations: int
    converged: bool


class LineSolver:
    """Factored lines of one array; any number of reads use them.

    Parameters
    ----------
    g
        Conductances (rows, cols) [S], >= 0.
    g_row, g_col
        Conductance of a segment of a row and of a column [S], > 0 and finite.
    g_in, g_out
        Conductance between a row terminal and its first node, and between the last node of a column and its terminal.
    """

    def __init__(self, g: np.ndarray, g_row: float, g_col: float, g_in: float, g_out: float) -> None:
        if not all(0 < value < np.inf for value in (g_row, g_col, g_in, g_out)):
            raise RangeError("line solver: every segment needs a resistance > 0 ohm; use the direct solution")
        self.g, self.g_in, self.g_out = g, g_in, g_out
        self._g_row, self._g_col = g_row, g_col
        self._rows = _Tridiagonal(g, g_row, g_in, first=True)
        self._cols = _Tridiagonal(g.T, g_col, g_out, first=False)

    def solve(
        self, v_rows: np.ndarray, v_cols: np.ndarray, *, tolerance: float = 1e-12, max_iterations: int = 400
    ) -> LineSolution:
        """Return the node voltages for terminals at `v_rows` (reads, rows) and `v_cols` (reads, cols) [V]."""
        reads, (rows, cols) = v_rows.shape[0], self.g.shape
        b_row, b_col = np.zeros((reads, rows, cols)), np.zeros((reads, rows, cols))
        b_row[:, :, 0] = self.g_in * v_rows
        b_col[:, -1, :] = self.g_out * v_cols
        rhs = b_row + self.g * self._solve_cols(b_col)
        solution, made = self._conjugate_gradients(rhs, tolerance, max_iterations)
        col_nodes = self._solve_cols(b_col + self.g * solution)
        residual = self._residual(solution, col_nodes, b_row, b_col)
        return LineSolution(solution, col_nodes, residual, made, bool((residual <= tolerance).all()))

    def _conjugate_gradients(self, rhs: np.ndarray, tolerance: float, most: int) -> tuple[np.ndarray, int]:
        """Return R and the steps made; every read has its own step lengths."""
        x = self._rows.solve(rhs)
        r = rhs - self._schur(x)
        z = self._rows.solve(r)
        p, rho = z.copy(), _dot(r, z)
        stop = 0.1 * tolerance * np.abs(rhs).max(axis=(1, 2), initial=0.0)
        for made in range(most):
            if (np.abs(r).max(axis=(1, 2)) <= stop).all():
                return x, made
            q = self._schur(p)
            step = _ratio(rho, _dot(p, q))
            x += step * p
            r -= step * q
            z = self._rows.solve(r)
            before, rho = rho, _dot(r, z)
            p *= _ratio(rho, before)
            p += z
        return x, most

    def _schur(self, x: np.ndarray) -> np.ndarray:
        found = self._rows.apply(x)
        found -= self.g * self._solve_cols(self.g * x)
        return found

    def _solve_cols(self, b: np.ndarray) -> np.ndarray:
        return self._cols.solve(b.transpose(0, 2, 1)).transpose(0, 2, 1)

    def _residual(self, r: np.ndarray, c: np.ndarray, b_row: np.ndarray, b_col: np.ndarray) -> np.ndarray:
        at_rows = self._rows.apply(r) - self.g * c - b_row
        at_cols = self._cols.apply(c.transpose(0, 2, 1)).transpose(0, 2, 1) - self.g * r - b_col
        left = np.maximum(np.abs(at_rows).max(axis=(1, 2)), np.abs(at_cols).max(axis=(1, 2)))
        injected = np.maximum(np.abs(b_row).max(axis=(1, 2)), np.abs(b_col).max(axis=(1, 2)))
        return np.asarray(np.where(injected > 0, left / np.where(injected > 0, injected, 1.0), left))


class _Tridiagonal:
    """Parallel lines (lines, length) with devices to elsewhere, as one symmetric tridiagonal matrix.

    The terminal is at the first node of each line, or at the last.
    """

    def __init__(self, g: np.ndarray, segment: float, terminal: float, *, first: bool) -> None:
        from scipy.linalg import lapack

        lines, length = g.shape
        diagonal = g + 2 * segment
        diagonal[:, 0] -= segment
        diagonal[:, -1] -= segment
        diagonal[:, 0 if first else -1] += terminal
        off = np.full((lines, length), -segment)
        off[:, -1] = 0.0  # lines do not touch
        self._diagonal, self._segment = diagonal, segment
        self._d, self._e, info = lapack.dpttrf(diagonal.ravel(), off.ravel()[: max(off.size - 1, 1)])
        if info:
            raise RangeError("line solver: a line is not positive definite; conductances must be >= 0 and finite")
        self._solver: Any = lapack.dpttrs

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Return the solution for right-hand sides (reads, lines, length)."""
        reads = b.shape[0]
        flat = np.array(b.reshape(reads, -1)).T  # a copy, which the solver overwrites
        found, _ = self._solver(self._d, self._e, flat, overwrite_b=True)
        return np.ascontiguousarray(found.T).reshape(b.shape)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return the product with x (reads, lines, length)."""
        found = self._diagonal * x
        found[:, :, 1:] -= self._segment * x[:, :, :-1]
        found[:, :, :-1] -= self._segment * x[:, :, 1:]
        return np.asarray(found)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("kij,kij->k", a, b)[:, None, None])


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a/b, 0 where b is 0: a read that is solved makes no more steps."""
    return np.asarray(np.where(b > 0, a / np.where(b > 0, b, 1.0), 0.0))
