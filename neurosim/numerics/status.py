"""How a numerical solution ended. The text of each value is the sentence for the user."""

from __future__ import annotations

import math
from enum import Enum


class Status(Enum):
    """Outcome of `integrate`, `integrate_adaptive` or `solve`. Never an exception: the caller decides."""

    SETTLED = "settled: every sample's residual is within the tolerance"
    UNSETTLED = (
        "did not settle: the residual is above the tolerance at the end; allow more steps or sweeps, "
        "a longer time, or a larger tolerance"
    )
    DIVERGED = "diverged: a state is inf or NaN; use a smaller dt, a smaller nudge or smaller weights"
    STEP_LIMIT = (
        "stopped at the step limit before the end time; allow more steps, loosen rtol and atol, or compute in float64"
    )

    @classmethod
    def of_residual(cls, worst: float, tolerance: float) -> Status:
        """Return the status that the largest residual `worst` of a finished solution means."""
        if not math.isfinite(worst):
            return cls.DIVERGED
        return cls.SETTLED if worst <= tolerance else cls.UNSETTLED
