"""Nodal analysis of a wired array: its nodes, line by line, with open segments and shorts, and the sparse solution.

Every crosspoint (i, j) has a node on row wire i and one on column wire j, and every line a terminal. What is joined by
0 ohm is one node. With the Laplacian ``L`` split into inner nodes f and terminals t, the currents into the terminals at
voltages ``V_t`` are ``Y V_t`` with ``Y = L_tt - L_tf L_ff^-1 L_ft``. Inner nodes with no path to a terminal float: they
carry no current and are left out, so that ``L_ff`` is never singular.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.errors import RangeError

if TYPE_CHECKING:
    from neurosim.crossbar.wires import Wires


@dataclass(frozen=True, slots=True)
class Place:
    """A node on a line: at crosspoint `position` along it, or at its terminal (None).

    `line` is ``"row"`` or ``"col"``; `position` counts columns along a row and rows along a column.
    """

    line: str
    index: int
    position: int | None = None


@dataclass(frozen=True, slots=True)
class LineFaults:
    """Faults of the lines of an array.

    Attributes
    ----------
    open_rows
        (row, p): the segment of the row that leads to crosspoint p is open; p = 0 is the one at the terminal.
    open_cols
        (col, p): the segment of the column that leads from crosspoint p towards the terminal is open; p = rows - 1 is
        the one at the terminal.
    shorts
        Pairs of nodes joined by 0 ohm, such as ``(Place("row", 2, 5), Place("row", 3, 5))``.
    """

    open_rows: tuple[tuple[int, int], ...] = ()
    open_cols: tuple[tuple[int, int], ...] = ()
    shorts: tuple[tuple[Place, Place], ...] = ()

    def __bool__(self) -> bool:
        """Whether there is a fault."""
        return bool(self.open_rows or self.open_cols or self.shorts)


NO_FAULTS = LineFaults()


@dataclass(frozen=True, slots=True, eq=False)
class _Branches:
    """Resistors between nodes, and what is joined: arrays of equal length."""

    a: list[np.ndarray] = field(default_factory=list)
    b: list[np.ndarray] = field(default_factory=list)
    siemens: list[np.ndarray] = field(default_factory=list)
    joined: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, a: np.ndarray, b: np.ndarray, ohms: float) -> None:
        if ohms == 0:
            self.joined.append((a.ravel(), b.ravel()))
            return
        self.a.append(a.ravel())
        self.b.append(b.ravel())
        self.siemens.append(np.full(a.size, 1 / ohms))


class Nodes:
    """The nodes of a wired array of conductances `g` (rows, cols) and the resistors between them.

    Attributes
    ----------
    inner
        Number of unknowns. Node k < inner is an unknown; the terminals follow, rows first; floating nodes are last.
    rows, cols
        Node on the row and on the column wire of each device, (rows * cols,).

    Raises
    ------
    RangeError
        A fault outside the array, or a short that joins two terminals: two voltage sources in parallel.
    """

    def __init__(self, g: np.ndarray, wires: Wires, faults: LineFaults = NO_FAULTS) -> None:
        self.g = g
        shape = rows, cols = g.shape
        count = 2 * rows * cols + rows + cols
        row_nodes = np.arange(rows * cols).reshape(shape)
        col_nodes = row_nodes + rows * cols
        row_ends, col_ends = 2 * rows * cols + np.arange(rows), 2 * rows * cols + rows + np.arange(cols)
        branches = _Branches()
        along_rows = np.column_stack((row_ends, row_nodes))  # node p and p + 1 are the ends of segment p
        along_cols = np.vstack((col_nodes, col_ends))
        _line(branches, along_rows, wires.r_row, {0: wires.r_source}, _opens(faults.open_rows, "open_rows", shape))
        opens = _opens(faults.open_cols, "open_cols", shape[::-1])
        _line(branches, along_cols.T, wires.r_col, {rows - 1: wires.r_sense}, opens)
        for pair in faults.shorts:
            one, other = (_node(place, along_rows, along_cols.T[:, ::-1], shape) for place in pair)
            branches.joined.append((np.array([one]), np.array([other])))
        merged = _components(count, branches.joined)
        ends = merged[np.concatenate((row_ends, col_ends))]
        if len(set(ends.tolist())) < len(ends):
            raise RangeError("wired array: a short joins two terminals, which are voltage sources; short inner nodes")
        parts = [np.concatenate(p) if p else np.zeros(0, int) for p in (branches.a, branches.b, branches.siemens)]
        a, b = merged[parts[0]], merged[parts[1]]
        device = merged[row_nodes.ravel()], merged[col_nodes.ravel()]
        order, self.inner = _order(int(merged.max()) + 1, ends, (a, b), device, g.ravel() > 0)
        self.rows, self.cols = order[device[0]], order[device[1]]
        self.terminals = len(ends)
        self._line_ends, self._siemens = (order[a], order[b]), parts[2]

    def laplacian(self, g: np.ndarray) -> Any:
        """Return the sparse Laplacian of inner nodes and terminals for device conductances `g` (rows * cols,)."""
        from scipy.sparse import coo_matrix

        a, b = (np.concatenate(ends) for ends in zip(self._line_ends, (self.rows, self.cols), strict=True))
        value, size = np.concatenate((self._siemens, g)), self.inner + self.terminals
        kept = (a != b) & (a < size) & (b < size)
        a, b, value = a[kept], b[kept], value[kept]
        entries = np.concatenate((value, value, -value, -value))
        return coo_matrix((entries, (np.concatenate((a, b, a, b)), np.concatenate((a, b, b, a)))), (size, size)).tocsr()

    def lines(self) -> Any:
        """Return the Laplacian of the lines alone, without devices."""
        return self.laplacian(np.zeros(self.g.size))


class Nodal:
    """The nodal matrix of a wired array of linear devices, its inner part factored once."""

    def __init__(self, nodes: Nodes) -> None:
        n, laplacian = nodes.inner, nodes.laplacian(nodes.g.ravel())
        self.tt: np.ndarray = laplacian[n:, n:].toarray()
        self.ft = laplacian[:n, n:].tocsc()
        self.ff = laplacian[:n, :n].tocsc()

    @cached_property
    def solve(self) -> Any:
        """The solver of the inner part; None without inner nodes."""
        return factor(self.ff) if self.ff.shape[0] else None

    def currents(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the currents into the terminals (terminals, reads) at voltages `v`, and the residual of each read."""
        if self.solve is None:
            return self.tt @ v, np.zeros(v.shape[1])
        injected = -(self.ft @ v)
        inner = self.solve(injected)
        left = abs(self.ff @ inner - injected).max(axis=0)
        return self.tt @ v + self.ft.T @ inner, relative(left, abs(injected).max(axis=0))


def relative(left: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return ``left / size``, and `left` itself where nothing is injected."""
    return np.asarray(np.where(size > 0, left / np.where(size > 0, size, 1.0), left))


def factor(matrix: Any) -> Any:
    """Return the solver of a symmetric positive definite sparse matrix."""
    from scipy.sparse.linalg import splu

    factored = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factored.solve


def _line(
    branches: _Branches, nodes: np.ndarray, r: float, ends: dict[int, float], opens: set[tuple[int, int]]
) -> None:
    """Add the segments of parallel lines; columns p and p + 1 of `nodes` (lines, length + 1) end segment p."""
    for p in range(nodes.shape[1] - 1):
        closed = [k for k in range(len(nodes)) if (k, p) not in opens]
        if closed:
            branches.add(nodes[closed, p], nodes[closed, p + 1], r + ends.get(p, 0.0))


def _opens(listed: tuple[tuple[int, int], ...], name: str, shape: tuple[int, int]) -> set[tuple[int, int]]:
    for line, segment in listed:
        if not (0 <= line < shape[0] and 0 <= segment < shape[1]):
            raise RangeError(
                f"LineFaults.{name} = ({line}, {segment}): allowed lines 0 to {shape[0] - 1}, "
                f"segments 0 to {shape[1] - 1}"
            )
    return set(listed)


def _node(place: Place, rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> int:
    """Return the node at a place; `rows` and `cols` hold the nodes of each line."""
    lines, length = {"row": (rows, shape[1]), "col": (cols, shape[0])}.get(place.line, (None, 0))
    at = place.position
    if lines is None or not 0 <= place.index < len(lines) or not (at is None or 0 <= at < length):
        raise RangeError(f"LineFaults.shorts: {place}: allowed 'row' or 'col', its index, a crosspoint on it or None")
    if place.line == "row":
        return int(lines[place.index, 0 if at is None else at + 1])
    return int(lines[place.index, 0 if at is None else length - at])


def _components(count: int, joined: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the number of the node that each of `count` nodes belongs to when those `joined` are one."""
    if not joined:
        return np.arange(count)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    a, b = (np.concatenate(side) for side in zip(*joined, strict=True))
    graph = coo_matrix((np.ones(len(a)), (a, b)), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _order(
    count: int,
    ends: np.ndarray,
    lines: tuple[np.ndarray, np.ndarray],
    device: tuple[np.ndarray, np.ndarray],
    conducts: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Return the new number of each node (inner, terminals, floating ones) and how many inner ones there are."""
    joined = [lines, (device[0][conducts], device[1][conducts])]
    part = _components(count, joined)
    reached = np.isin(part, part[ends])
    terminal = np.zeros(count, bool)
    terminal[ends] = True
    order = np.empty(count, int)
    inner, floating = np.flatnonzero(reached & ~terminal), np.flatnonzero(~reached)
    order[inner] = np.arange(len(inner))
    order[ends] = len(inner) + np.arange(len(ends))
    order[floating] = len(inner) + len(ends) + np.arange(len(floating))
    return order, len(inner)
