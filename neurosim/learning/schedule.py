"""Learning rates over the updates of a run. To add a schedule: write its class, and add it to `SCHEDULES`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Schedule(Protocol):
    """A learning rate as a function of the updates made."""

    def rate(self, lr: float, step: int) -> float:
        """Return the rate of update `step` (from 0) of an array whose initial rate is `lr`; 0 stays 0."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """The initial rate at every update."""

    def rate(self, lr: float, step: int) -> float:
        """Return `lr`."""
        return lr


CONSTANT = ConstantRate()


@dataclass(frozen=True, slots=True)
class CosineRate:
    """``lr_min + (lr - lr_min) (1 + cos(pi t/T)) / 2``, and ``lr_min`` from T on.

    Attributes
    ----------
    period
        T in counts of t, >= 1.
    every
        Updates per count: those of an epoch for a rate that is set once per epoch, or 1.
    lr_min
        The last rate, of every array that learns.

    References
    ----------
    Loshchilov and Hutter 2017, arXiv:1608.03983, eq. (5), without restarts.
    """

    period: int
    every: int = 1
    lr_min: float = 0.0

    def rate(self, lr: float, step: int) -> float:
        """Return the rate of update `step`."""
        if lr == 0:
            return 0.0
        share = min(step // self.every, self.period) / self.period
        return self.lr_min + (lr - self.lr_min) * (1 + math.cos(math.pi * share)) / 2


def _cosine(*, epochs: int, batches: int, per: str, lr_min: float) -> CosineRate:
    return CosineRate(epochs, batches, lr_min) if per == "epoch" else CosineRate(epochs * batches, 1, lr_min)


SCHEDULES: Mapping[str, Callable[..., Any]] = {"constant": lambda **_: CONSTANT, "cosine": _cosine}
"""Name -> function of epochs (T), batches (updates per epoch), per ("epoch" or "step") and lr_min."""
