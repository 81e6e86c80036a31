"""Exact writing: the conductances change by just what is wanted, within the devices' ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.learning.programmers.base import Change, Programmed

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState


@dataclass(frozen=True, slots=True)
class IdealProgrammer:
    """``W <- W + dW``, split over the pair by the crossbar's scheme: a perfect closed-loop write, no pulses."""

    name: str = "ideal"
    needs_factors: bool = False

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after an exact write."""
        return Programmed(crossbar.write(state, change.weights(), rng), None)
