"""What an account of power is: voltage times current of every branch, grouped by what the branch belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from neurosim.backend import Array

Parts = Mapping[str, Array]
"""Name -> power of each sample, (batch,), in units of ``g_ref v_ref^2``; energies in units of ``c_node v_ref^2``."""


class Power(Protocol):
    """The power balance of one bound network.

    ``sum(delivered) - sum(dissipated) = d(stored)/dt`` at every state: Kirchhoff's laws make it an identity. A complex
    state stands for two real networks, one for the real and one for the imaginary parts; their powers are added.
    """

    def dissipated(self, t: float, u: Array) -> Parts:
        """Return the power that turns into heat, by array (``array/<name>``) and other element, at state `u`."""
        ...

    def delivered(self, t: float, u: Array) -> Parts:
        """Return the power of the sources."""
        ...

    def stored(self, u: Array) -> Array:
        """Return the energy in the capacitances of the nodes, ``1/2 C V^2``, (batch,)."""
        ...


def square(z: Array) -> Array:
    """Return ``|z|^2``, real."""
    return z * z if z.dtype.kind != "c" else z.real * z.real + z.imag * z.imag


def overlap(one: Array, other: Array) -> Array:
    """Return ``sum_j Re(conj(one) other)`` of each sample, (batch,)."""
    if one.dtype.kind != "c" and other.dtype.kind != "c":
        return (one * other).sum(axis=1)
    return (one.real * other.real + one.imag * other.imag).sum(axis=1)
