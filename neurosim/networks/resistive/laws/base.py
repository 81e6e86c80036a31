"""What a branch law is: the current-voltage curve of the two-terminal elements of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neurosim.backend import Array

Parts = tuple[Sequence[Array], Sequence[Array]]
"""Factors ``(P_1 .. P_K, Q_1 .. Q_K)``: P of the rows (batch, rows), Q of the columns (batch, cols)."""


class Law(Protocol):
    """A two-terminal element ``i = g h(v)``: conductance g, voltage v, both in natural units.

    h is odd, increasing and holomorphic, with ``h'(0) = 1``, so that g is the small-signal conductance. What
    equilibrium propagation measures is the content ``H(v) = integral of h from 0 to v``: it is dE/dg of the branch, E
    being the network's co-content (Kendall et al. 2020, arXiv:2006.01981; ``1/2 v^2`` for a linear element).

    A new law is one file with a frozen dataclass that has these members, and one line in the registry ``LAWS``; the
    contract tests then cover it.
    """

    @property
    def name(self) -> str:
        """Its word in a circuit file."""
        ...

    @property
    def linear(self) -> bool:
        """Whether ``h(v) = v``: the array is then part of a constant admittance matrix."""
        ...

    def current(self, v: Array) -> Array:
        """Return ``h(v)``, the current of a unit conductance; any shape, real or complex."""
        ...

    def slope(self, v: Array) -> Array:
        """Return ``h'(v)``."""
        ...

    def content(self, v: Array) -> Array:
        """Return ``H(v)``."""
        ...

    def formula(self, v: str) -> str:
        """Return ``h(v)`` as text for circuit simulators, `v` being the text of its argument.

        Only ``+ - * /``, parentheses, decimal numbers and ``sinh tanh exp`` may occur.
        """
        ...

    def factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return P, Q with ``sum_k P_k[:, i] Q_k[:, j] = H(v_row[:, i] - v_col[:, j])``."""
        ...

    def pair_factors(self, v_row: Array, v_col: Array) -> Parts:
        """Return P, Q with ``sum_k P_k[:, i] Q_k[:, j] = 1/2 (H(v_i + v_j) - H(v_i - v_j))``.

        It is the observable of the weight of a pair: half the difference of the contents of both devices.
        """
        ...
