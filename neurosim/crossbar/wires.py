"""Line resistance, exact: a wired array is found by nodal analysis, of ohmic devices as a matrix.

Every crosspoint (i, j) is a device ``g[i, j]`` between a node on row wire i and a node on column wire j. Along a row
the nodes are joined by segments of `r_row`, along a column by segments of `r_col`:

    row terminal i -- r_source -- r_row -- (i, 0) -- r_row -- (i, 1) ...            from the left
    (0, j) -- r_col -- (1, j) ... (rows - 1, j) -- r_col -- r_sense -- column terminal j   to the bottom

The currents into the terminals are ``Y V_t`` with a symmetric Y (`neurosim.crossbar.nodal`): read from the columns,
the array is the transpose of what it is read from the rows. Effective conductances are ``G_eff = -Y[columns, rows]^T``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurosim.crossbar.approximations import APPROXIMATIONS
from neurosim.crossbar.currents import Current, Ohmic
from neurosim.crossbar.elimination import eliminate
from neurosim.crossbar.line_solver import LineSolver
from neurosim.crossbar.newton_read import newton_read
from neurosim.crossbar.nodal import NO_FAULTS, LineFaults, Nodal, Nodes
from neurosim.errors import ConfigError, RangeError, ShapeError, choose
from neurosim.numerics.status import Status

METHODS = ("auto", "iterative", "direct")
EXACT = ("auto", "elimination", "direct")
TOLERANCE = 1e-12
MISMATCH = 1e-8
"""Largest deviation of a read through G_eff from a read solved by itself; above it G_eff is solved directly."""


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

    def turned(self) -> Wires:
        """Return the wires of the array seen from its columns: rows and columns exchanged."""
        return Wires(self.r_col, self.r_row, self.r_sense, self.r_source)

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
        Steps of the iterative solution, or the most Newton steps of a read; 0 for the direct one.
    method
        ``"iterative"``, ``"direct"`` or ``"newton"``: what gave the answer.
    figure_of_merit
        ``n^2 r / R_min`` of the array.
    status
        SETTLED, unless Newton steps ended above the tolerance: `residual` says by how much.
    """

    columns: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    iterations: int
    method: str
    figure_of_merit: float
    status: Status = Status.SETTLED


@dataclass(frozen=True, slots=True, eq=False)
class Effective:
    """The effective conductance of a wired array, and how good it is.

    Attributes
    ----------
    g
        G_eff [S], (rows, cols): ``I_col = V_row @ G_eff`` with the column terminals at 0 V.
    residual
        Largest deviation of the column currents, relative to the largest, of one read of random signs through G_eff
        from the same read solved by itself. Of an approximation this is the error of that read.
    method
        ``"elimination"``, ``"direct"``, or the name of an approximation.
    approximate
        Whether the method is one of ``APPROXIMATIONS``.
    figure_of_merit
        ``n^2 r / R_min`` of the array.
    """

    g: np.ndarray
    residual: float
    method: str
    approximate: bool
    figure_of_merit: float


class WiredArray:
    """An array with line resistance; what its reads have in common is factored once.

    Parameters
    ----------
    g
        Conductances [S], shape (rows, cols), >= 0; 0 is an open device. At small voltages, where it is not ohmic.
    wires
        Resistances of the lines.
    faults
        Open segments and shorts of the lines.
    current
        Current over voltage of the devices.

    Raises
    ------
    ShapeError, RangeError
        `g` is not a matrix, or holds a negative or non-finite conductance; a fault that the array cannot have.

    Notes
    -----
    Three exact ways for ohmic devices: a sparse LU of the 2 rows x cols nodes; for reads, conjugate gradients that
    eliminate line by line (`LineSolver`), which need a resistance in every segment and lines without faults; for the
    whole matrix, the elimination of row after row (`eliminate`). Other devices are read by Newton steps.
    Without any resistance the array is exactly `g`.
    """

    def __init__(
        self, g: np.ndarray, wires: Wires, *, faults: LineFaults = NO_FAULTS, current: Current | None = None
    ) -> None:
        g = np.asarray(g, dtype=np.float64)
        if g.ndim != 2 or g.size == 0:
            raise ShapeError(f"wired array: g has shape {g.shape}; expected (rows, cols)")
        if not (np.isfinite(g).all() and (g >= 0).all()):
            raise RangeError("wired array: a conductance is negative or not finite; allowed [0, inf) S")
        self.g, self.wires, self.faults = g, wires, faults
        self.current = current or Ohmic()
        if faults:
            _ = self._nodes  # a fault that cannot be is refused here

    def read(
        self,
        v_rows: np.ndarray,
        v_cols: np.ndarray | None = None,
        *,
        method: str = "auto",
        tolerance: float = TOLERANCE,
        max_steps: int = 100,
    ) -> WireRead:
        """Return the currents for row terminals at `v_rows` (reads, rows) [V] and column terminals at `v_cols`, or 0.

        Parameters
        ----------
        v_rows, v_cols
            Voltages of the terminals; either side may be driven, or both.
        method
            ``"iterative"``, ``"direct"``, or ``"auto"``: iterative where it is possible. An iterative solution that
            does not reach the tolerance is replaced by the direct one, and the result says so. Devices that are not
            ohmic are read by Newton steps.
        tolerance
            Largest residual of the iterative solution and of Newton steps.
        max_steps
            Most Newton steps of a read.

        Raises
        ------
        ShapeError, ConfigError
            Wrong shapes, an unknown method, or one that this array does not have.
        """
        rows, cols = self.g.shape
        v_rows = np.asarray(v_rows, dtype=np.float64)
        v_cols = np.zeros((len(v_rows), cols)) if v_cols is None else np.asarray(v_cols, dtype=np.float64)
        if v_rows.shape != (len(v_rows), rows) or v_cols.shape != (len(v_rows), cols):
            raise ShapeError(
                f"read of {rows} x {cols}: v_rows {v_rows.shape}, v_cols {v_cols.shape}; expected one row a read"
            )
        choose(dict.fromkeys(METHODS), method, "wired array: method")
        if not self.current.ohmic:
            if method != "auto":
                raise ConfigError(f"wired array: method = {method!r} is for ohmic devices; leave it 'auto'")
            return self._newton(v_rows, v_cols, tolerance, max_steps)
        lined = self.wires.r_row > 0 and self.wires.r_col > 0 and not self.faults
        if method == "iterative" and not lined:
            raise ConfigError(
                "wired array: method = 'iterative' needs r_row > 0 and r_col > 0 and lines without faults; use 'direct'"
            )
        if lined and method != "direct":
            found = self._iterative(v_rows, v_cols, tolerance)
            if found is not None:
                return found
        return self._direct(v_rows, v_cols)

    def admittance(self) -> np.ndarray:
        """Return Y [S] of the rows + cols terminals, row terminals first; ``I = Y V``, I into the array."""
        self._must_be_ohmic()
        nodal = self._nodal
        if nodal.solve is None:
            return nodal.tt
        reach = nodal.ft.toarray()
        return np.asarray(nodal.tt - reach.T @ nodal.solve(reach))

    def effective(self) -> np.ndarray:
        """Return G_eff [S], shape (rows, cols): ``I_col = V_row @ G_eff`` with the column terminals at 0 V."""
        return self.solve().g

    def solve(self, method: str = "auto") -> Effective:
        """Return G_eff with the residual of its check.

        Parameters
        ----------
        method
            ``"elimination"``, ``"direct"`` (sparse LU, one back-substitution per line of the shorter side), ``"auto"``:
            elimination, replaced by the direct solution where its check fails or lines have faults; or the name of
            an approximation.

        Raises
        ------
        ConfigError
            An unknown method, devices that are not ohmic, or faults that the method does not know.
        """
        self._must_be_ohmic()
        choose(dict.fromkeys((*EXACT, *APPROXIMATIONS)), method, "wired array: method")
        if self.faults and method not in ("auto", "direct"):
            raise ConfigError(f"wired array: method = {method!r} knows no faults of lines; use 'direct'")
        if method in APPROXIMATIONS:
            found = APPROXIMATIONS[method](self.g, self.wires)
            return self._checked(found, method)
        if self.wires == Wires() and not self.faults:
            return Effective(self.g.copy(), 0.0, "direct", False, 0.0)
        if method != "direct" and not self.faults:
            quick = self._checked(eliminate(self.g, self.wires), "elimination")
            if method == "elimination" or quick.residual <= MISMATCH:
                return quick
        return self._checked(self._by_sparse_factor(), "direct")

    def _checked(self, g: np.ndarray, method: str) -> Effective:
        v = np.random.default_rng(0).choice([-1.0, 1.0], len(g))
        read = self.read(v[None])
        scale = float(abs(read.columns).max())
        error = float(abs(v @ g - read.columns[0]).max())
        return Effective(g, error / scale if scale else error, method, method in APPROXIMATIONS, read.figure_of_merit)

    def _by_sparse_factor(self) -> np.ndarray:
        rows, cols = self.g.shape
        nodal = self._nodal
        if nodal.solve is None:
            return -nodal.tt[:rows, rows:]
        side = slice(0, rows) if rows <= cols else slice(rows, rows + cols)  # the fewer back-substitutions
        other = slice(rows, rows + cols) if rows <= cols else slice(0, rows)
        reach = nodal.ft[:, side].toarray()
        found = nodal.ft[:, other].T @ nodal.solve(reach) - nodal.tt[other, side]
        return np.asarray(found.T if rows <= cols else found)

    def _must_be_ohmic(self) -> None:
        if not self.current.ohmic:
            raise ConfigError(f"wired array: devices with current {self.current.name!r} are no matrix; use read()")

    @cached_property
    def _lines(self) -> LineSolver:
        w = self.wires
        return LineSolver(self.g, 1 / w.r_row, 1 / w.r_col, 1 / (w.r_row + w.r_source), 1 / (w.r_col + w.r_sense))

    @cached_property
    def _nodes(self) -> Nodes:
        return Nodes(self.g, self.wires, self.faults)

    @cached_property
    def _nodal(self) -> Nodal:
        return Nodal(self._nodes)

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
        current, residual = self._nodal.currents(terminals)
        rows = self.g.shape[0]
        merit = self.wires.figure_of_merit(self.g)
        return WireRead(-current[rows:].T, current[:rows].T, residual, 0, "direct", merit)

    def _newton(self, v_rows: np.ndarray, v_cols: np.ndarray, tolerance: float, max_steps: int) -> WireRead:
        terminals, rows = np.concatenate((v_rows, v_cols), axis=1), self.g.shape[0]
        reads = [newton_read(self._nodes, self.current, v, tolerance=tolerance, max_steps=max_steps) for v in terminals]
        currents = np.array([read.currents for read in reads]).reshape(len(reads), sum(self.g.shape))
        return WireRead(
            -currents[:, rows:],
            currents[:, :rows],
            np.array([read.residual for read in reads]),
            max((read.steps for read in reads), default=0),
            "newton",
            self.wires.figure_of_merit(self.g),
            next((read.status for read in reads if read.status is not Status.SETTLED), Status.SETTLED),
        )


def effective_conductance(g: np.ndarray, wires: Wires | None) -> np.ndarray:
    """Return the conductances (rows, cols) [S] that an array `g` has at its terminals; `g` itself without wires."""
    return np.asarray(g) if wires is None else WiredArray(g, wires).effective()
