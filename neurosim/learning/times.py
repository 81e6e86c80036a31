"""How long the operations of training take, and the conductances at each phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neurosim.rng import Streams

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that pass in training; devices age meanwhile.

    Attributes
    ----------
    free_phase
        From the reading of the free phase to that of the first nudged one.
    nudged_phase
        The same from one nudged phase to the next, and from the last one to the programming.
    update
        From the programming to the next free phase.
    epoch
        Pause before every epoch but the first.
    """

    free_phase: float = 0.0
    nudged_phase: float = 0.0
    update: float = 0.0
    epoch: float = 0.0

    @property
    def within_step(self) -> bool:
        """Whether the phases of a step read conductances of different age."""
        return self.free_phase > 0 or self.nudged_phase > 0


INSTANT = Times()
"""Nothing takes time."""


def waited(
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    seconds: float,
    streams: Streams,
    name: str,
    step: int,
) -> dict[str, PairState]:
    """Return all arrays after `seconds`; their random walks come from the streams ``<name>/<array>`` of this step."""
    return {
        key: crossbars[key].wait(pair, seconds, streams.generator(f"{name}/{key}", step)) for key, pair in pairs.items()
    }


@dataclass(slots=True)
class Phases:
    """The arrays at the beginning of each phase of a step: phase 0 is the free one, what follows is older.

    A phase reads the conductances it finds when it begins; they stay while it settles.
    """

    crossbars: Mapping[str, Crossbar]
    times: Times
    streams: Streams
    use: str
    step: int
    found: list[Mapping[str, Any]] = field(default_factory=list)

    def pairs(self, phase: int) -> Mapping[str, PairState]:
        """Return the arrays at the beginning of `phase`, or after the last one."""
        while len(self.found) <= phase:
            k = len(self.found)
            seconds = self.times.free_phase if k == 1 else self.times.nudged_phase
            name = f"{self.use}/time/{k}"
            self.found.append(waited(self.crossbars, self.found[-1], seconds, self.streams, name, self.step))
        return self.found[phase]
