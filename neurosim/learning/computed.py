"""Gradients that are computed, not measured: what estimators are compared with, and what can train in their place.

To add one: write its function from a bench to a contrast, and add it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.learning.bptt import measure_bptt
from neurosim.learning.contrast import Contrast
from neurosim.learning.reference import measure_rbp
from neurosim.learning.response import measure_response

if TYPE_CHECKING:
    import numpy as np

    from neurosim.learning.bench import Bench
    from neurosim.learning.estimators import Sample


@dataclass(frozen=True, slots=True)
class Reference:
    """A computed gradient in the place of an estimator.

    Attributes
    ----------
    name
        Its word in an experiment file.
    function
        Bench and `mask` -> contrast with one finished group.
    steady
        Whether it exists at steady states only: then samples without one are left out even where training goes on
        with unsettled ones.
    """

    name: str
    function: Callable[..., Contrast]
    steady: bool

    def contrast(self, bench: Bench, *, mask: bool = False) -> Contrast:
        """Return the gradient on `bench`; with `mask`, that of the samples that settled."""
        return self.function(bench, mask=mask)

    def samples(self, rng: np.random.Generator) -> tuple[Sample, ...]:
        """Return no phases: nothing is nudged."""
        return ()


REFERENCES: Mapping[str, Reference] = {
    reference.name: reference
    for reference in (
        Reference("rbp", measure_rbp, steady=True),
        Reference("bptt", measure_bptt, steady=False),
        Reference("true_response", measure_response, steady=True),
    )
}
"""Name -> computed gradient: exact at the steady state, through time, and EP's own in the limit of no nudge."""
