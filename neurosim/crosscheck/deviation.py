"""One compared quantity: what neurosim computes, what the circuit simulator computes, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurosim.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A quantity computed twice.

    Attributes
    ----------
    quantity
        What it is, in words.
    ours, spice
        Values of equal shape, real or complex.
    unit
        SI unit, ``"1"`` for a pure number.
    tolerance
        Largest deviation allowed: in `unit`, or where `relative`, over the largest magnitude of `ours`.
    relative
        Which of both.
    labels
        Name of each entry along the last axis, for the table and the file; empty for none.
    times
        Time of each entry along the first axis [s], for waveforms.
    """

    quantity: str
    ours: np.ndarray
    spice: np.ndarray
    unit: str
    tolerance: float
    relative: bool = False
    labels: Sequence[str] = ()
    times: np.ndarray | None = field(default=None)

    def __post_init__(self) -> None:
        if self.ours.shape != self.spice.shape or self.ours.size == 0:
            raise ShapeError(f"comparison {self.quantity!r}: shapes {self.ours.shape} and {self.spice.shape}")

    @property
    def worst(self) -> tuple[int, ...]:
        """Index of the largest deviation; of the first NaN if there is one."""
        difference = np.abs(self.ours - self.spice)
        flat = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
        return tuple(int(k) for k in np.unravel_index(flat, self.ours.shape))

    @property
    def deviation(self) -> float:
        """Largest absolute deviation, in `unit`."""
        return float(np.abs(self.ours[self.worst] - self.spice[self.worst]))

    @property
    def relative_deviation(self) -> float:
        """Largest absolute deviation over the largest magnitude of `ours`; infinite where all of it is 0."""
        size = float(np.abs(self.ours).max())
        return self.deviation / size if size else (0.0 if self.deviation == 0 else np.inf)

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance (a NaN is not)."""
        return bool((self.relative_deviation if self.relative else self.deviation) <= self.tolerance)

    @property
    def where(self) -> str:
        """Label of the entry with the largest deviation."""
        return self.labels[self.worst[-1]] if self.labels else ""
