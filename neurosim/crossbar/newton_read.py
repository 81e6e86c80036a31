"""Reads of a wired array of devices that are not ohmic: damped Newton steps on the pattern of the nodal matrix.

With the Laplacian A of the lines, Kirchhoff's law at the inner nodes is

    F(V) = A V + sum over devices of  g h(V_row - V_col) (e_row - e_col) = 0 ,

whose Jacobian is the nodal matrix of an array of conductances ``g h'``: symmetric positive definite, one factorisation
a step. A step is halved until ``|F|_2`` falls; the first state is that of ohmic devices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.crossbar.currents import Current
from neurosim.crossbar.nodal import Nodes, factor
from neurosim.numerics.status import Status

HALVINGS = 40
DECREASE = 1e-4
"""A step of length s must lower ``|F|_2`` to ``1 - DECREASE s`` times its value (Armijo)."""


@dataclass(frozen=True, slots=True, eq=False)
class NewtonRead:
    """One read.

    Attributes
    ----------
    currents
        Into the array at its terminals, rows first [A].
    residual
        Largest current left at a node over the largest one that a terminal injects into the array.
    steps
        Newton steps made.
    status
        SETTLED when the residual is within the tolerance.
    """

    currents: np.ndarray
    residual: float
    steps: int
    status: Status


def newton_read(nodes: Nodes, current: Current, v: np.ndarray, *, tolerance: float, max_steps: int) -> NewtonRead:
    """Return the read for terminals at `v` (terminals,) [V].

    A step limit or a step that improves nothing is the status UNSETTLED with the residual reached, not an exception.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the status says it
        system = _System(nodes, current, v)
        x, made = system.start(), 0
        left = system.kirchhoff(x)
        while made < max_steps and system.residual(left) > tolerance and np.isfinite(left).all():
            direction = -system.solver(x)(left)
            found = _search(system.kirchhoff, x, left, direction)
            made += 1
            if found is None:
                break
            x, left = found
        residual = system.residual(left)
        return NewtonRead(system.terminal_currents(x), residual, made, Status.of_residual(residual, tolerance))


class _System:
    """Kirchhoff's law of one read as a function of the inner voltages."""

    def __init__(self, nodes: Nodes, current: Current, v: np.ndarray) -> None:
        self.nodes, self.current, self.v = nodes, current, v
        self.lines = nodes.lines()
        self.g = nodes.g.ravel()
        size = nodes.inner + nodes.terminals
        self.live = (nodes.rows < size) & (nodes.cols < size) & (nodes.rows != nodes.cols)
        self.scale = 0.0

    def start(self) -> np.ndarray:
        """Return the inner voltages of ohmic devices, whose injected currents are the scale of residuals."""
        n, ohmic = self.nodes.inner, self.nodes.laplacian(self.g)
        injected = -(ohmic[:n, n:] @ self.v)
        self.scale = float(abs(injected).max(initial=0.0))
        return np.asarray(factor(ohmic[:n, :n])(injected)) if n else np.zeros(0)

    def _across(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        volts = np.concatenate((x, self.v, np.zeros(1)))
        last = len(volts) - 1  # where floating nodes are: no device of theirs carries anything
        rows, cols = (np.where(self.live, ends, last) for ends in (self.nodes.rows, self.nodes.cols))
        return volts[:-1], volts[rows] - volts[cols]

    def total(self, x: np.ndarray) -> np.ndarray:
        """Return the currents out of inner nodes and terminals into the array."""
        volts, across = self._across(x)
        found = self.lines @ volts
        devices = self.g * self.current.value(across)
        np.add.at(found, self.nodes.rows[self.live], devices[self.live])
        np.subtract.at(found, self.nodes.cols[self.live], devices[self.live])
        return np.asarray(found)

    def kirchhoff(self, x: np.ndarray) -> np.ndarray:
        return self.total(x)[: self.nodes.inner]

    def terminal_currents(self, x: np.ndarray) -> np.ndarray:
        return self.total(x)[self.nodes.inner :]

    def solver(self, x: np.ndarray) -> Any:
        n = self.nodes.inner
        return factor(self.nodes.laplacian(self.g * self.current.slope(self._across(x)[1]))[:n, :n])

    def residual(self, left: np.ndarray) -> float:
        largest = float(abs(left).max(initial=0.0))
        return largest / self.scale if self.scale else largest


def _search(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, left: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the state and its residual after a damped step, or None when no length improves it."""
    size, length = float(np.linalg.norm(left)), 1.0
    for _ in range(HALVINGS):
        trial = x + length * direction
        found = function(trial)
        if np.linalg.norm(found) <= (1 - DECREASE * length) * size:  # written so that a NaN is no decrease
            return trial, found
        length *= 0.5
    return None
