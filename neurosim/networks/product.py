"""Matrix product of a real or complex state with a real array: what a crossbar read computes."""

from __future__ import annotations

from neurosim.backend import Array, namespace


def product(a: Array, weights: Array, out: Array | None = None) -> Array:
    """Return ``a @ weights`` for real `weights` (rows, cols) and real or complex `a` (batch, rows).

    A complex state is read as its real and imaginary rows stacked on the batch axis: twice the real work, where
    promoting the weights to complex numbers would cost four times.
    """
    xp = namespace(a)
    if a.dtype.kind != "c":
        return xp.matmul(a, weights, out=out)
    batch = a.shape[0]
    stacked = xp.matmul(xp.concatenate((a.real, a.imag)), weights)
    if out is None:
        out = xp.empty((batch, weights.shape[1]), dtype=a.dtype)
    out.real[...] = stacked[:batch]
    out.imag[...] = stacked[batch:]
    return out
