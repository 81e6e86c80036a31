"""What is asked of a netlist: an operating point, a transient, a small-signal response; each with tight options.

With these options ngspice 39.3 reached 1e-15 V in operating points and 1e-8 to 1e-7 V in transients. Node voltages are
around 1 V and node currents around 1 uA; `CURRENT`, `VOLTAGE` and `CHARGE` are what does not matter any more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from neurosim.errors import RangeError

CURRENT, VOLTAGE, CHARGE = 1e-18, 1e-14, 1e-26


class Analysis(Protocol):
    """One analysis card with the options it needs."""

    @property
    def options(self) -> Mapping[str, float | str]:
        """Simulator options."""
        ...

    def cards(self) -> list[str]:
        """Return the cards of the analysis."""
        ...


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """``.op``, sought from `guess` [V].

    Of several equilibria the one near the guess is found; without a guess a bistable circuit may end on a saddle.
    """

    guess: Mapping[str, float] = field(default_factory=dict)

    @property
    def options(self) -> Mapping[str, float | str]:
        """Tolerances near rounding."""
        return {"reltol": 1e-12, "abstol": CURRENT, "vntol": VOLTAGE, "itl1": 1000}

    def cards(self) -> list[str]:
        """Return the guess and the card."""
        return [*nodesets(self.guess), ".op"]


@dataclass(frozen=True, slots=True)
class SmallSignal:
    """``.ac`` at one frequency [Hz] about the operating point near `guess` [V]: exact derivatives, no step."""

    frequency: float
    guess: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.frequency < math.inf:
            raise RangeError(f"SmallSignal.frequency = {self.frequency!r}: allowed (0, inf) Hz")

    @property
    def options(self) -> Mapping[str, float | str]:
        """Those of the operating point."""
        return OperatingPoint().options

    def cards(self) -> list[str]:
        """Return the guess and the card."""
        return [*nodesets(self.guess), f".ac lin 1 {self.frequency:.17g} {self.frequency:.17g}"]


@dataclass(frozen=True, slots=True)
class Transient:
    """``.tran`` from the voltages of the capacitors, trapezoidal.

    Attributes
    ----------
    stop
        End [s].
    tau
        Shortest time constant [s]; steps are at most ``tau / 10``.
    reltol
        1e-10 gives waveforms to about 1e-7 V.
    first
        Length of the first step over tau. It is of first order: a tenth would leave an error of 1e-6, a hundredth
        leaves none that shows; a millionth is too short for neospice.
    """

    stop: float
    tau: float
    reltol: float = 1e-10
    first: float = 1e-2

    def __post_init__(self) -> None:
        if not (0 < self.tau < math.inf and 0 < self.stop < math.inf):
            raise RangeError(f"Transient: stop = {self.stop!r} s, tau = {self.tau!r} s: both must be > 0 and finite")

    @property
    def options(self) -> Mapping[str, float | str]:
        """Error control by the truncation error."""
        return {"method": "trap", "trtol": 1, "reltol": self.reltol, "abstol": 1e-16, "vntol": 1e-13, "chgtol": CHARGE}

    def cards(self) -> list[str]:
        """Return the card; ``uic`` starts from the capacitors' ``ic``."""
        return [f".tran {self.tau * self.first:.17g} {self.stop:.17g} 0 {self.tau / 10:.17g} uic"]


def nodesets(guess: Mapping[str, float]) -> list[str]:
    """Return one ``.nodeset`` line per node."""
    return [f".nodeset v({node})={value:.17g}" for node, value in guess.items()]
