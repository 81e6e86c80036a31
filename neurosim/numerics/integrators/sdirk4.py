"""A singly diagonally implicit Runge-Kutta method for stiff circuits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.integrators.tableau import Tableau
from neurosim.numerics.newton import newton
from neurosim.numerics.relaxation import Relaxation

GAMMA = 0.25

TABLEAU = Tableau(
    c=(1 / 4, 3 / 4, 11 / 20, 1 / 2, 1.0),
    a=(
        (GAMMA,),
        (1 / 2, GAMMA),
        (17 / 50, -1 / 25, GAMMA),
        (371 / 1360, -137 / 2720, 15 / 544, GAMMA),
        (25 / 24, -49 / 48, 125 / 16, -85 / 12, GAMMA),
    ),
    b=(25 / 24, -49 / 48, 125 / 16, -85 / 12, GAMMA),
)


@dataclass(frozen=True, slots=True)
class Sdirk4:
    """Five implicit stages ``Y_i = y + dt sum_j<i a_ij f(Y_j) + dt f(Y_i) / 4``, each solved by damped Newton steps.

    - Order 4, five stages; the last stage is the step.
    - Stability function ``R = P(-h) / (1 + h/4)^5`` of a decaying mode, P of degree 4: A-stable and ``R -> 0`` as h
      grows (L-stable), so that dt is chosen by the accuracy wanted and not by the fastest node.
    - The stages lie at ``t < t' <= t + dt``: a signal that jumps between steps must have its old value at the jump.
    - Needs ``field.jacobian(t, y)``, d(dy/dt)/dy of shape (batch, nodes, nodes).

    A sample with a stage that Newton does not solve becomes NaN: the time loop then ends with DIVERGED.

    Attributes
    ----------
    accuracy
        Newton step that counts as the last of a stage, as a power of the machine epsilon, relative to the largest state
        (at least 1): 0.6 is 4e-10 in double precision. The error left is of its square.
    max_steps
        Newton steps allowed per stage.

    Source: Hairer and Wanner 1996, doi:10.1007/978-3-642-05221-7, section IV.6, table 6.5.
    """

    name: str = "sdirk4"
    order: int = 4
    stages: int = 5
    tableau: Tableau = TABLEAU
    accuracy: float = 0.6
    max_steps: int = 50

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write y(t + dt) into `out`."""
        xp, h, stage = namespace(y), work.ratio(dt), y
        jacobian = _jacobian(field, self.name)
        epsilon = float(xp.finfo(y.dtype).eps)
        slopes: list[Array] = []
        failed = xp.zeros((y.shape[0],), dtype=bool)
        one = xp.eye(y.shape[1], dtype=y.dtype)
        for c, row in zip(self.tableau.c, self.tableau.a, strict=True):
            at, base = t + c * dt, y
            for weight, slope in zip(row, slopes, strict=False):
                base = base + (weight * h) * slope

            def function(z: Array, at: float = at, base: Array = base) -> Array:
                return z - base - (GAMMA * h) * (field.target(at, z, xp.empty_like(z)) - z)

            def derivative(z: Array, at: float = at) -> Array:
                return one - (GAMMA * dt) * jacobian(at, z)

            accuracy = epsilon**self.accuracy
            found = newton(function, derivative, stage, tolerance=epsilon, step=accuracy, max_steps=self.max_steps)
            stage, failed = found.y, failed | ~found.solved
            slopes.append((stage - base) / (GAMMA * h))
        out[...] = xp.where(failed[:, None], math.nan, stage)
        return out

    def amplification(self, h: float | Array) -> float | Array:
        """Return the last stage of a step of ``y' = -y``."""
        stages: list[Any] = []
        for row in self.tableau.a:
            known = sum(a * stage for a, stage in zip(row, stages, strict=False))
            stages.append((1.0 - h * known) / (1.0 + GAMMA * h))
        return stages[-1]


def _jacobian(field: Relaxation, name: str) -> Any:
    if not hasattr(field, "jacobian"):
        raise ConfigError(
            f"integrator {name!r}: {type(field).__name__} has no Jacobian, which implicit steps need; use an explicit "
            "integrator (euler, exponential_euler, heun, rk4, tsit5)"
        )
    return field.jacobian
