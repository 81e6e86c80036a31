"""Read noise referred to the output: one normal per output instead of one per device.

A read of an array whose conductances carry independent Gaussian noise, fresh at every read, adds to each
output a Gaussian of known variance. With ``d_ij`` the noise of weight ij, made of an own part and, for a
shared reference column, a part common to the row, ``d_ij = own_ij xi_ij - shared_i eta_i``:

    forward   y_j = sum_i x_i d_ij    Var y_j = sum_i x_i^2 own_ij^2 + sum_i x_i^2 shared_i^2,
                                      the second part being the same number for all j of a sample
    backward  z_i = sum_j a_j d_ij    Var z_i = sum_j a_j^2 own_ij^2 + (sum_j a_j)^2 shared_i^2

For a complex input the real and imaginary parts share the devices' noise: their covariance has
``Re x_i Im x_i`` in the place of ``x_i^2``. Everything is exact; nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace

SMALLEST = 1e-30
"""Smallest std divided by: a zero real part has zero covariance with the imaginary part."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Zero-mean normal variables, real or complex, independent of each other.

    Attributes
    ----------
    moments
        ``[variance]`` of real variables, or ``[Var re, Cov(re, im), Var im]``, each of the variables' shape.
    """

    moments: Sequence[Array]

    def __add__(self, other: Gaussian) -> Gaussian:
        """Return the sum of two independent sets: moments add (a real one has no imaginary moments)."""
        return Gaussian([sum(parts[1:], parts[0]) for parts in _columns(self.moments, other.moments)])

    def draw(self, rng: Any) -> Array:
        """Return one draw; complex ones by the Cholesky factor of their covariance."""
        xp = namespace(self.moments[0])
        real = xp.sqrt(self.moments[0])
        xi = rng.standard_normal(real.shape, dtype=real.dtype)
        if len(self.moments) == 1:
            xi *= real
            return xi
        follow = self.moments[1] / xp.maximum(real, SMALLEST)
        imag = xp.sqrt(xp.maximum(self.moments[2] - follow * follow, 0.0))
        imag *= rng.standard_normal(real.shape, dtype=real.dtype)
        imag += follow * xi
        return real * xi + 1j * imag


def _columns(first: Sequence[Array], second: Sequence[Array]) -> list[list[Array]]:
    """Return what there is of each moment."""
    return [[m[k] for m in (first, second) if k < len(m)] for k in range(max(len(first), len(second)))]


@dataclass(frozen=True, slots=True, eq=False)
class OutputNoise:
    """Noise of the outputs of one read, for given inputs and devices.

    Attributes
    ----------
    own
        Part independent from output to output, (batch, outputs).
    common
        Part subtracted from all outputs of a sample, (batch, 1); None without a shared reference column.
    """

    own: Gaussian
    common: Gaussian | None = None

    def __add__(self, other: OutputNoise) -> OutputNoise:
        """Return the noise of two reads that end in the same outputs: still one normal per output."""
        commons = [part for part in (self.common, other.common) if part is not None]
        common = sum(commons[1:], commons[0]) if commons else None
        return OutputNoise(self.own + other.own, common)

    def draw(self, rng: Any) -> Array:
        """Return the noise of one read, (batch, outputs)."""
        noise = self.own.draw(rng)
        if self.common is not None:
            noise -= self.common.draw(rng)
        return noise


@dataclass(frozen=True, slots=True, eq=False)
class WeightNoise:
    """Variances of the weights of an array at one read.

    Attributes
    ----------
    own
        Variance of each weight by its own devices, (rows, cols), dimensionless.
    shared
        Variance by the reference device of each row, (rows, 1); None without a shared reference column.
    """

    own: Array
    shared: Array | None = None

    def forward(self, x: Array) -> OutputNoise:
        """Return the noise of a read from the rows, `x` (batch, rows) real or complex."""
        squares = moments(x)
        own = Gaussian([q @ self.own for q in squares])
        if self.shared is None:
            return OutputNoise(own)
        return OutputNoise(own, Gaussian([q @ self.shared for q in squares]))

    def backward(self, a: Array) -> OutputNoise:
        """Return the noise of a read from the columns, `a` (batch, cols) real or complex."""
        variances = [q @ self.own.T for q in moments(a)]
        if self.shared is not None:
            total = a.sum(axis=1, keepdims=True)
            variances = [v + q * self.shared.T for v, q in zip(variances, moments(total), strict=True)]
        return OutputNoise(Gaussian(variances))

    def draw(self, rng: Any) -> Array:
        """Return one draw of the noise of all weights, (rows, cols)."""
        xp = namespace(self.own)
        noise = xp.sqrt(self.own)
        noise *= rng.standard_normal(noise.shape, dtype=noise.dtype)
        if self.shared is not None:
            noise -= xp.sqrt(self.shared) * rng.standard_normal(self.shared.shape, dtype=noise.dtype)
        return noise


def moments(x: Array) -> list[Array]:
    """Return ``[x^2]`` for real `x`, ``[re^2, re im, im^2]`` for complex `x`."""
    if x.dtype.kind != "c":
        return [x * x]
    return [x.real * x.real, x.real * x.imag, x.imag * x.imag]
