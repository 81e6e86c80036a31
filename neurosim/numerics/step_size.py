"""Proportional-integral control of the step size from an error estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError


@dataclass(frozen=True, slots=True)
class StepSizeControl:
    """Step size control of DOPRI5.

    A step is accepted when its scaled error is at most 1. The next step is ``dt * factor`` with
    ``factor = safety error^-(1/q - 3 beta/4) previous^beta``, kept in ``[smallest, largest]``, where q is one
    more than the order of the error estimate and `previous` the scaled error of the last accepted step.

    Attributes
    ----------
    rtol, atol
        Allowed error of a node relative to its size, and absolute.
    exponent
        q.
    integral, safety, smallest, largest
        beta, and the bounds on the factor.

    Source: Hairer, Norsett and Wanner 1993, doi:10.1007/978-3-540-78862-1, section II.4; Hairer and Wanner
    1996, doi:10.1007/978-3-642-05221-7, section IV.2 (beta).
    """

    rtol: float
    atol: float
    exponent: int
    integral: float = 0.04
    safety: float = 0.9
    smallest: float = 0.2
    largest: float = 10.0

    def check(self, y: Array) -> None:
        """Raise `RangeError` unless the tolerances are positive and above the rounding of the state."""
        rounding = float(namespace(y).finfo(y.dtype).eps)
        if not (math.isfinite(self.rtol) and math.isfinite(self.atol) and self.rtol > 0 and self.atol > 0):
            raise RangeError(f"rtol = {self.rtol!r}, atol = {self.atol!r}: both must be positive and finite")
        if self.rtol < 4 * rounding:
            raise RangeError(
                f"rtol = {self.rtol:g} is below the rounding of {y.dtype} (4 eps = {4 * rounding:.2g}); use "
                "a larger rtol, or float64"
            )

    def norm(self, values: Array, y: Array, other: Array) -> float:
        """Return the largest over samples of the root mean square of ``values / (atol + rtol max(|y|))``."""
        xp = namespace(y)
        scale = xp.maximum(xp.abs(y), xp.abs(other))
        scale *= self.rtol
        scale += self.atol
        scaled = xp.abs(values)
        scaled /= scale
        scaled *= scaled
        return math.sqrt(float(scaled.mean(axis=-1).max()))

    def factor(self, error: float, previous: float, rejected: bool) -> float:
        """Return by how much to change the step after one with scaled error `error`."""
        if not math.isfinite(error):
            return self.smallest
        if error > 1.0:
            return max(self.smallest, self.safety * math.pow(error, -1 / self.exponent))
        power = 1 / self.exponent - 0.75 * self.integral
        grow = self.safety * math.pow(max(error, 1e-10), -power) * math.pow(max(previous, 1e-4), self.integral)
        return min(1.0 if rejected else self.largest, max(self.smallest, grow))
