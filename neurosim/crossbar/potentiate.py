"""Pairs whose devices are only potentiated: positive updates pulse G+, negative ones G-."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.crossbar.one_sided import OneSided


@dataclass(frozen=True, slots=True)
class Potentiate(OneSided):
    """One device up for a positive pulse, the other up for a negative one; no pulse lowers a conductance.

    Both devices fill up, and the weight stops where they are full: a refresh reads the pair, resets both devices and
    writes the difference back (`neurosim.crossbar.refresh`). An exact write places the pair anew, as in `OneSided`.
    """

    devices_per_pulse: int = 1
    one_way: bool = True

    def trains(self, counts: Array) -> tuple[Array, Array | None]:
        """Return the positive counts for G+ and the size of the negative ones for G-."""
        xp = namespace(counts)
        return xp.maximum(counts, 0), xp.maximum(-counts, 0)
