"""The largest of a window, the pool of the literature's convolutional EP networks; not holomorphic."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.networks.pools.base import cells, check_size, clear_rest


@dataclass(frozen=True, slots=True)
class MaxPooling:
    """``p = z_m`` with m the first largest member of each window.

    Attributes
    ----------
    size
        Side of a window.
    value
        p.
    chosen
        For each member of a window whether it is m, bool, of the shape of `value`: exactly one is.
    """

    size: int
    value: Array
    chosen: tuple[Array, ...]

    def gather(self, v: Array) -> Array:
        """Return ``v_m``."""
        total = None
        for cell, here in zip(cells(v, self.size), self.chosen, strict=True):
            total = cell * here if total is None else total + cell * here
        return total

    def spread(self, s: Array, shape: tuple[int, int]) -> Array:
        """Return `s` at m and 0 elsewhere."""
        xp = namespace(s)
        out = xp.empty((s.shape[0], *shape, s.shape[3]), dtype=s.dtype)
        clear_rest(out, self.size)
        for cell, here in zip(cells(out, self.size), self.chosen, strict=True):
            xp.multiply(s, here, out=cell)
        return out

    def curve(self, s: Array, v: Array) -> Array:
        """Return None: between the switches of m there is no curvature."""
        return None


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Largest over ``size x size`` windows, ``G_i = 1`` at the largest member (the first of equals), 0 elsewhere.

    The choice is made anew at every evaluation and used by both directions of the read.

    Source: Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, section on convolutional architectures.
    """

    size: int = 2
    name: str = "max"
    holomorphic: bool = False
    needs_map: bool = True
    curved: bool = False

    def __post_init__(self) -> None:
        check_size(self.name, self.size)

    def at(self, z: Array) -> MaxPooling:
        """Return the pool at the real map `z`.

        Raises
        ------
        RangeError
            `z` is complex.
        """
        if z.dtype.kind == "c":
            raise RangeError(
                f"pool 'max' is not holomorphic and got a complex map ({z.dtype}); for complex beta use pool = "
                "'softmax', 'average' or 'none', or choose an estimator with real beta (one_sided, random_sign, "
                "symmetric, or oscillating with the cosine waveform)"
            )
        xp, members = namespace(z), cells(z, self.size)
        best = members[0]
        for member in members[1:]:
            best = xp.maximum(best, member)
        chosen = [members[0] == best]
        open_ = ~chosen[0]
        for member in members[1:]:
            chosen.append((member == best) & open_)
            open_ = open_ & ~chosen[-1]
        return MaxPooling(self.size, best, tuple(chosen))
