"""Local observables of each kind of network, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neurosim.learning.observables.base import Factors, Measured, Observables
from neurosim.learning.observables.rate import RateObservables
from neurosim.learning.observables.resistive import ResistiveObservables
from neurosim.networks.rate import RateNetwork
from neurosim.networks.resistive import ResistiveNetwork

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench

OBSERVABLES: dict[type[Any], Callable[[Bench], Observables]] = {
    RateNetwork: RateObservables,
    ResistiveNetwork: ResistiveObservables,
}
"""Class of network -> its observables."""


def observables(bench: Bench) -> Observables:
    """Return the observables of the network of `bench`."""
    return OBSERVABLES[type(bench.network)](bench)


__all__ = ["OBSERVABLES", "Factors", "Measured", "Observables", "observables"]
