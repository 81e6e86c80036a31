"""What the arrays read in each phase of one update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.learning.bench import Network, Weights
    from neurosim.learning.fluctuation import Fluctuation

PHASES = ("shared", "separate")

Arrays: TypeAlias = "tuple[Mapping[str, Crossbar], Mapping[str, PairState]]"
"""All arrays, and their conductances as their terminals see them."""


class Readings:
    """Phase number -> weights as they are read in that phase; each is drawn once.

    Parameters
    ----------
    network
        What is read of an array.
    arrays
        Phase number -> arrays and conductances. Where there are two sets, the phases take them in turn: the free one
        (phase 0) the first, the first nudged one the second.
    draw
        Array name, key of the reading -> generator of the read noise; None without.
    copies
        Number of sets.
    changing
        Whether a phase finds other conductances than the one before.
    per_phase
        Whether every phase has a draw of its own, at its own time, or all share one.
    fluctuation
        Noise in physical time, or None.
    """

    def __init__(
        self,
        network: Network,
        arrays: Callable[[int], Arrays],
        draw: Callable[[str, int], Any] | None = None,
        *,
        copies: int = 1,
        changing: bool = False,
        per_phase: bool = False,
        fluctuation: Fluctuation | None = None,
    ) -> None:
        self.network, self.arrays, self.draw = network, arrays, draw
        self.copies, self.changing = copies, changing
        self.per_phase, self.fluctuation = per_phase, fluctuation
        self._read: dict[int, Weights] = {}

    @property
    def one(self) -> bool:
        """Whether all phases read the same weights."""
        return not self.per_phase and not self.changing and self.copies == 1

    def __call__(self, phase: int) -> Weights:
        """Return the weights, or conductances, of every array in `phase`."""
        if not self.per_phase:
            return self._known(phase if self.changing else phase % self.copies)
        if self.fluctuation is not None:  # phases pass in their order, whichever is asked for first
            for earlier in range(len(self._read), phase):
                self.fluctuation.reach(earlier)
                self._known(earlier)
            self.fluctuation.reach(phase)
        return self._known(phase)

    def _known(self, key: int) -> Weights:
        if key not in self._read:
            self._read[key] = self._one(key)
        return self._read[key]

    def _one(self, key: int) -> Weights:
        crossbars, pairs = self.arrays(key)
        found, reading = {}, key if self.per_phase else key % self.copies
        for name, pair in pairs.items():
            crossbar = crossbars[name]
            seen = pair if self.fluctuation is None else self.fluctuation.seen(crossbar, pair)
            found[name] = self.network.read(crossbar, seen, None if self.draw is None else self.draw(name, reading))
        return found
