"""How much of an imperfection is tolerable: bisection on noisy, paired losses of accuracy.

On a scale from 0 (the good end) to 1 (the bad end), the loss ``d_s(p) = accuracy_s(ideal) - accuracy_s(p)`` of each
seed s is measured at chosen places p. The tolerance is the largest p up to which the mean over seeds stays within a
limit. With Student's interval ``mean +- t s / sqrt(n)`` a place is surely good when the interval lies below the limit,
surely bad when it lies above. What a test at every place does not reject is a confidence interval of the tolerance:
from the last place before the first that is not surely good, to the first place behind the last that is not surely bad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

FEWEST = 3
"""Seeds without which an interval says nothing."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a search found, as places on the scale.

    Attributes
    ----------
    lower, upper
        Ends of the confidence interval; `lower` is None when the good end is not surely good, `upper` when the bad end
        is not surely bad: then the scale does not hold the end.
    estimate
        Where the mean loss, between the measured places, first exceeds the limit; None when it does so at the good
        end or nowhere (see `exceeded`).
    exceeded
        Whether the mean loss exceeds the limit anywhere.
    """

    lower: float | None
    estimate: float | None
    upper: float | None
    exceeded: bool


@dataclass(slots=True)
class Search:
    """The places of one search, and which to measure next.

    Attributes
    ----------
    limit
        Tolerated mean loss.
    resolution
        Width of a bracket that is not halved any more, on the scale.
    confidence
        Of the interval, 0 to 1.
    snap
        Place -> nearest place that can be measured (the whole numbers of an integer key).
    measured
        Place -> loss of each seed; infinite for a run that failed.
    """

    limit: float
    resolution: float
    confidence: float = 0.95
    snap: Callable[[float], float] = field(default=lambda p: p)
    measured: dict[float, np.ndarray] = field(default_factory=dict)

    def wanted(self) -> tuple[float, ...]:
        """Return the places to measure next, all of which can be measured at once; none when the search has ended."""
        ends = tuple(end for end in (0.0, 1.0) if end not in self.measured)
        return ends or tuple(dict.fromkeys(self._midpoints()))

    def _midpoints(self) -> Iterator[float]:
        for low, high in self._brackets():
            if low is None or high is None or high - low <= self.resolution:
                continue
            middle = self.snap(0.5 * (low + high))
            if low < middle < high:
                yield middle

    def found(self) -> Tolerance:
        """Return what the measured places say; both ends must be among them."""
        (lower, _), (low, high), (_, upper) = self._brackets()
        if high is None:
            return Tolerance(lower, None, upper, exceeded=False)
        if low is None:
            return Tolerance(lower, None, upper, exceeded=True)
        before, after = (float(self.measured[place].mean()) for place in (low, high))
        share = (self.limit - before) / (after - before) if math.isfinite(after) else 0.0
        return Tolerance(lower, low + share * (high - low), upper, exceeded=True)

    def _brackets(self) -> tuple[tuple[float | None, float | None], ...]:
        """Return (below, above) of the lower end, the estimate and the upper end; None beyond the scale."""
        places = sorted(self.measured)
        means, halves = zip(*(self._interval(self.measured[place]) for place in places), strict=True)
        doubtful = [not mean + half <= self.limit for mean, half in zip(means, halves, strict=True)]
        exceeding = [not mean <= self.limit for mean in means]
        standing = [not mean - half > self.limit for mean, half in zip(means, halves, strict=True)]
        first = [_step(places, flags.index(True) if True in flags else len(flags)) for flags in (doubtful, exceeding)]
        last = _step(places, len(standing) - standing[::-1].index(True) if True in standing else 0)
        return first[0], first[1], last

    def _interval(self, losses: np.ndarray) -> tuple[float, float]:
        """Return mean and half-width; a failed run makes the place bad beyond doubt."""
        if not np.isfinite(losses).all():
            return math.inf, 0.0
        n = len(losses)
        t = float(stdtrit(n - 1, 0.5 + self.confidence / 2))
        return float(losses.mean()), t * float(losses.std(ddof=1)) / math.sqrt(n)


def _step(places: list[float], k: int) -> tuple[float | None, float | None]:
    """Return the places before and at number k; None beyond the scale."""
    return (places[k - 1] if k else None), (places[k] if k < len(places) else None)
