"""Integrators of relaxation fields, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from neurosim.numerics.integrators.base import EmbeddedIntegrator, Integrator, Workspace
from neurosim.numerics.integrators.euler import Euler
from neurosim.numerics.integrators.exponential_euler import ExponentialEuler
from neurosim.numerics.integrators.heun import Heun
from neurosim.numerics.integrators.rk4 import RungeKutta4
from neurosim.numerics.integrators.sdirk4 import Sdirk4
from neurosim.numerics.integrators.tsit5 import Tsit5

EULER, EXPONENTIAL_EULER, HEUN, RK4, TSIT5 = Euler(), ExponentialEuler(), Heun(), RungeKutta4(), Tsit5()
SDIRK4 = Sdirk4()

_ALL: tuple[Integrator, ...] = (EULER, EXPONENTIAL_EULER, HEUN, RK4, TSIT5)

INTEGRATORS: dict[str, Integrator] = {integrator.name: integrator for integrator in _ALL}
"""Integrator by the name it has in an experiment file."""

IMPLICIT: dict[str, Integrator] = {SDIRK4.name: SDIRK4}
"""Integrators of stiff fields, which must have a Jacobian (the resistive networks have one)."""

__all__ = [
    "EULER",
    "EXPONENTIAL_EULER",
    "HEUN",
    "IMPLICIT",
    "INTEGRATORS",
    "RK4",
    "SDIRK4",
    "TSIT5",
    "EmbeddedIntegrator",
    "Euler",
    "ExponentialEuler",
    "Heun",
    "Integrator",
    "RungeKutta4",
    "Sdirk4",
    "Tsit5",
    "Workspace",
]
