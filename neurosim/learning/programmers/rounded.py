"""Whole pulses: the wanted change is divided by the nominal step and rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import namespace
from neurosim.learning.programmers.base import Change, Programmed

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState


@dataclass(frozen=True, slots=True)
class RoundedProgrammer:
    """``n = round(dW / weight_step)`` pulses per pair: an open-loop write that assumes the nominal step.

    Attributes
    ----------
    rounding
        ``"nearest"``: changes below half a step are lost. ``"stochastic"``: rounded up with probability equal to
        the fraction, so that the mean is right.
    """

    rounding: str = "nearest"
    name: str = "rounded"
    needs_factors: bool = False

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after the rounded number of pulses."""
        pulses = change.weights()
        xp = namespace(pulses)
        pulses = pulses * (1 / crossbar.weight_step)
        if self.rounding == "stochastic":
            pulses += rng.random(pulses.shape, dtype=pulses.dtype)
            xp.floor(pulses, out=pulses)
        else:
            xp.rint(pulses, out=pulses)
        return Programmed.by_pulses(crossbar, state, pulses, rng)
