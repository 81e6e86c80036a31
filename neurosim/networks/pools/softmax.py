"""The softmax-weighted mean of a window: a holomorphic stand-in for the largest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.networks.pools.base import cells, check_size, clear_rest


@dataclass(frozen=True, slots=True)
class SoftmaxPooling:
    """``p = sum_i w_i z_i``, ``w = softmax(z / T)``; ``G_i = w_i (1 + (z_i - p) / T)``, of either sign.

    ``H_ij = [delta_ij (G_i + w_i) - w_j G_i - w_i G_j] / T``.

    Attributes
    ----------
    size, temperature
        Side of a window; T.
    value
        p.
    weights, slopes
        w and G of each member of a window, of the shape of `value`.
    """

    size: int
    temperature: float
    value: Array
    weights: tuple[Array, ...]
    slopes: tuple[Array, ...]

    def gather(self, v: Array) -> Array:
        """Return ``sum_i G_i v_i``."""
        return _mixed(self.slopes, cells(v, self.size))

    def spread(self, s: Array, shape: tuple[int, int]) -> Array:
        """Return ``G_i s``."""
        xp = namespace(s)
        out = xp.empty((s.shape[0], *shape, s.shape[3]), dtype=xp.result_type(s.dtype, self.value.dtype))
        clear_rest(out, self.size)
        for cell, slope in zip(cells(out, self.size), self.slopes, strict=True):
            xp.multiply(s, slope, out=cell)
        return out

    def curve(self, s: Array, v: Array) -> Array:
        """Return ``(s / T) [v_i (G_i + w_i) - w_i <v, G> - G_i <v, w>]``."""
        members = cells(v, self.size)
        along_slopes, along_weights = _mixed(self.slopes, members), _mixed(self.weights, members)
        out = namespace(v).zeros_like(v)
        scale = s * (1 / self.temperature)
        for cell, member, w, g in zip(cells(out, self.size), members, self.weights, self.slopes, strict=True):
            cell[...] = scale * (member * (g + w) - w * along_slopes - g * along_weights)
        return out


def _mixed(weights: tuple[Array, ...], members: list[Array]) -> Array:
    total = weights[0] * members[0]
    for weight, member in zip(weights[1:], members[1:], strict=True):
        total += weight * member
    return total


@dataclass(frozen=True, slots=True)
class SoftmaxPool:
    """``p = sum z e^{z/T} / sum e^{z/T}`` over ``size x size`` windows: T -> 0 the largest, T -> infinity the mean.

    Source: Laborieux and Zenke 2022, arXiv:2209.00530, appendix on softmax pooling (T = 1; T = 10 for VGG-6).

    Raises
    ------
    RangeError
        `temperature` is not a positive number.
    """

    size: int = 2
    temperature: float = 1.0
    name: str = "softmax"
    holomorphic: bool = True
    needs_map: bool = True
    curved: bool = True

    def __post_init__(self) -> None:
        check_size(self.name, self.size)
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise RangeError(f"pool 'softmax': temperature = {self.temperature!r}: allowed (0, inf)")

    def at(self, z: Array) -> SoftmaxPooling:
        """Return the pool at the map `z`, real or complex. The exponents are shifted by the largest real part."""
        xp, members, inverse = namespace(z), cells(z, self.size), 1 / self.temperature
        top = members[0].real
        for member in members[1:]:
            top = xp.maximum(top, member.real)
        weights = [xp.exp((member - top) * inverse) for member in members]
        total = weights[0].copy()
        for weight in weights[1:]:
            total += weight
        for weight in weights:
            weight /= total
        mean = _mixed(tuple(weights), members)
        slopes = tuple(w * (1 + (m - mean) * inverse) for w, m in zip(weights, members, strict=True))
        return SoftmaxPooling(self.size, self.temperature, mean, tuple(weights), slopes)
