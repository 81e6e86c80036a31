"""Checks of predictive coding networks: what they cannot have, and how they settle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

PREDICTIVE_CODING = "predictive_coding"
SOLVERS = ("damped", "anderson")
"""Those that can settle a network that rings."""


def predictive_findings(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what does not go with predictive coding, as table, key and what is allowed."""
    if e.network.architecture != PREDICTIVE_CODING:
        return
    if e.network.skips:
        yield "network", "skips", "a value is predicted from the layer below it only; leave them out"
    if e.settle.solver not in SOLVERS:
        text = (
            f"with architecture = {PREDICTIVE_CODING!r} values and errors turn around each other, and such sweeps grow"
        )
        yield "settle", "solver", f"{text}; set solver = 'damped' (or 'anderson')"
