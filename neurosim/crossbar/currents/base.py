"""What a current curve is: the current of a device over the voltage across it."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Current(Protocol):
    """A device ``i = g h(v)`` with conductance g [S] and voltage v [V].

    h is odd and increasing with ``h'(0) = 1``, so that g is the conductance at small voltages.
    """

    @property
    def name(self) -> str:
        """Its word in the registry ``CURRENTS``."""
        ...

    @property
    def ohmic(self) -> bool:
        """Whether ``h(v) = v``: the array is then a matrix."""
        ...

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return ``h(v)`` [V]."""
        ...

    def slope(self, v: np.ndarray) -> np.ndarray:
        """Return ``h'(v)`` >= 1."""
        ...

    def formula(self, v: str) -> str:
        """Return ``h(v)`` as text for circuit simulators, `v` being the text of its argument."""
        ...
