"""Write-verify: pulse, read, and pulse again until the device reads what it should or the budget is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.learning.programmers.base import Change, Programmed

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState


@dataclass(frozen=True, slots=True)
class WriteVerifyProgrammer:
    """One pulse at a time towards the target of each device, with a read before every pulse and after the last.

    A device is done once a read lies within ``tolerance * step`` of its target. Reads carry the array's read noise, a
    new draw each; pulses follow the device model. Devices whose target is the conductance they show are not touched.

    Attributes
    ----------
    tolerance
        Accepted deviation of a read, in nominal steps of the device, > 0. Below half a step the loop has to hit it by
        chance.
    budget
        Most pulses on one device in one write.
    """

    tolerance: float = 0.5
    budget: int = 20
    name: str = "write_verify"
    needs_factors: bool = False

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after the loop, with all its pulses and the devices that were given up."""
        goals = crossbar.targets(state, change.weights())
        shown = state.read_plus, state.read_minus
        xp, pulses, pulsed = namespace(state.g_plus), 0.0, 0.0
        wanted = [goal != now for goal, now in zip(goals, shown, strict=True)]
        for spent in range(self.budget + 1):
            wanted, signs = self._verify(crossbar, state, goals, wanted, rng)
            left = sum(int(w.sum()) for w in wanted)
            if left == 0 or spent == self.budget:
                break
            pulses += left
            plus, minus = (xp.where(w, s, 0.0).astype(crossbar.dtype) for w, s in zip(wanted, signs, strict=True))
            before = state
            state = crossbar.apply(before, plus, minus if crossbar.layout.signed else None, rng)
            for pair in (before, state):
                pulsed += 0.5 * float((abs(plus) * pair.g_plus).sum() + (abs(minus) * pair.g_minus).sum())
        return Programmed(state, None, pulses, pulsed, float(left))

    def _verify(
        self, crossbar: Crossbar, state: PairState, goals: tuple[Array, Array], wanted: list[Array], rng: Any
    ) -> tuple[list[Array], list[Array]]:
        """Return which devices still miss their goals, and in which direction they have to go."""
        xp, missed, signs = namespace(state.g_plus), [], []
        for goal, read, open_ in zip(goals, (state.read_plus, state.read_minus), wanted, strict=True):
            seen = read
            if crossbar.read_noise:
                seen = read * (1 + crossbar.read_noise * rng.standard_normal(read.shape, dtype=read.dtype))
            error = goal - seen
            missed.append(open_ & (xp.abs(error) > self.tolerance * crossbar.device.step))
            signs.append(xp.sign(error))
        return missed, signs
