"""What a programmer is: it turns the wanted change of one array into physics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from neurosim.backend import Array, namespace

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.learning.contrast import Factors


@dataclass(frozen=True, slots=True)
class Change:
    """The wanted change of one array's weights, as factors ``scale P^T Q`` or as a finished matrix.

    Attributes
    ----------
    factors
        P (presentations, rows) and Q (presentations, cols), or None.
    scale
        Learning rate divided by the batch.
    matrix
        Change of weight (rows, cols), where an optimiser has already formed it.
    """

    factors: Factors | None = None
    scale: float = 1.0
    matrix: Array | None = None

    def weights(self) -> Array:
        """Return the change of weight, shape (rows, cols)."""
        if self.matrix is not None:
            return self.matrix
        if self.factors is None:
            raise ValueError("Change needs factors or a matrix")
        p, q = self.factors
        return namespace(p).matmul(p.T, q * self.scale)


@dataclass(frozen=True, slots=True)
class Programmed:
    """The array after programming, and what was applied.

    Attributes
    ----------
    state
        The conductances.
    counts
        Signed net pulses of each weight (rows, cols), or None where its two devices were not pulsed alike, or not at
        all.
    pulses
        Pulses of all devices.
    pulsed
        Sum over these pulses of the conductance of the device that got it [S]: mean of before and after.
    failures
        Devices that were given up before they reached their target.
    """

    state: PairState
    counts: Array | None
    pulses: float = 0.0
    pulsed: float = 0.0
    failures: float = 0.0

    @classmethod
    def by_pulses(cls, crossbar: Crossbar, state: PairState, counts: Array, rng: Any) -> Programmed:
        """Return the array after `counts` signed pulses (rows, cols) of its weights."""
        after = crossbar.pulse(state, counts, rng)
        pulses = float(abs(counts).sum()) * crossbar.devices_per_pulse
        return cls(after, counts, pulses, 0.5 * sum(crossbar.pulsed(pair, counts) for pair in (state, after)))


class Programmer(Protocol):
    """Turns wanted changes into conductance changes."""

    name: str
    needs_factors: bool

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after one programming operation."""
        ...
