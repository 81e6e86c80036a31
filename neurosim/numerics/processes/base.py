"""What a noise process is: a stationary Markov process, advanced over any time by its exact transition."""

from __future__ import annotations

import math
from typing import Any, Protocol

from neurosim.backend import Array
from neurosim.errors import RangeError


class NoiseProcess(Protocol):
    """Relative fluctuation of conductances, zero on average: ``G(t) = G (1 + value(state(t)))``.

    The state is an array that is passed in and out. Because a transition is exact whatever its length, the statistics
    at the times of reading do not depend on how the time between them is divided.
    """

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    def start(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Draw the stationary state of devices of `shape`; the array may have further leading axes."""
        ...

    def advance(self, state: Array, time: float, rng: Any) -> Array:
        """Return the state after `time` [s], >= 0, as a new array."""
        ...

    def value(self, state: Array, dtype: Any) -> Array:
        """Return the relative deviation of every device, in the devices' shape."""
        ...

    def covariance(self, lag: float) -> float:
        """Return the autocovariance at `lag` [s]; at 0 the variance."""
        ...

    def spectrum(self, f: float) -> float:
        """Return the one-sided power spectral density at frequency `f` [Hz], in 1/Hz."""
        ...


def require(where: str, value: float, what: str, unit: str = "", most: float = math.inf) -> None:
    """Raise `RangeError` unless `value` is positive, finite and at most `most`."""
    if not (math.isfinite(value) and 0 < value <= most):
        upper = "inf)" if math.isinf(most) else f"{most:g}]"
        raise RangeError(f"{where}.{what} = {value!r}: allowed (0, {upper}{' ' if unit else ''}{unit}")
