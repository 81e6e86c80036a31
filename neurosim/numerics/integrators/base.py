"""What an integrator is: one step of a relaxation, with buffers that outlive the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

from neurosim.backend import Array, namespace
from neurosim.errors import ShapeError
from neurosim.numerics.relaxation import Relaxation

Coefficient: TypeAlias = Callable[[float | Array], float | Array]
"""A function of the step ratio ``h = dt rate``."""


class Workspace:
    """Buffers and step ratios of one integration, made at the first step and reused by all others.

    Parameters
    ----------
    y
        An array of the state's shape and dtype.
    rate
        The field's rate: a number or an array (nodes,).
    """

    def __init__(self, y: Array, rate: float | Array) -> None:
        self._like = y
        self._buffers: list[Array] = []
        self._dt = math.nan
        self._function: Coefficient | None = None
        self._coefficient: float | Array = 0.0
        if isinstance(rate, float | int) or rate.ndim == 0:
            self._rate: float | Array = float(rate)
        elif tuple(rate.shape) == (y.shape[-1],):
            self._rate = rate.astype(y.real.dtype)
        else:
            raise ShapeError(f"rate has shape {tuple(rate.shape)}; expected a number or ({y.shape[-1]},)")

    def buffer(self, index: int) -> Array:
        """Return buffer `index`, of the state's shape and dtype. Its contents last until it is written."""
        while len(self._buffers) <= index:
            self._buffers.append(namespace(self._like).empty_like(self._like))
        return self._buffers[index]

    def ratio(self, dt: float) -> float | Array:
        """Return ``h = dt rate``: a float, or an array (nodes,) when the nodes' rates differ."""
        return self.coefficient(dt, None)

    def coefficient(self, dt: float, function: Coefficient | None) -> float | Array:
        """Return ``function(dt rate)``, computed anew only when `dt` or `function` has changed."""
        if dt != self._dt or function is not self._function:
            ratio = dt * self._rate
            self._coefficient = ratio if function is None else function(ratio)
            self._dt, self._function = dt, function
        return self._coefficient


class Integrator(Protocol):
    """A one-step method. To add one: a file with a frozen dataclass of these members, a line in INTEGRATORS.

    Its docstring states order, stages, stability function, stable step range for ``y' = -y/tau``, source.
    """

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    @property
    def order(self) -> int:
        """Order of convergence in dt."""
        ...

    @property
    def stages(self) -> int:
        """Evaluations of the target in one step."""
        ...

    def step(self, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace) -> Array:
        """Write ``y(t + dt)`` into `out` and return it; `y` is not changed, `out` does not overlap it."""
        ...

    def amplification(self, h: float | Array) -> float | Array:
        """Return the stability function: a step of ``y' = -rate y`` with ``h = dt rate`` gives ``R(h) y``."""
        ...


class EmbeddedIntegrator(Integrator, Protocol):
    """A method whose step also estimates its own error, for step size control."""

    @property
    def error_order(self) -> int:
        """Order of the embedded, less accurate solution."""
        ...

    @property
    def embedded_stages(self) -> int:
        """Evaluations in `step_with_error`."""
        ...

    def step_with_error(
        self,
        field: Relaxation,
        t: float,
        dt: float,
        y: Array,
        slope: Array,
        out: Array,
        slope_out: Array,
        error: Array,
        work: Workspace,
    ) -> None:
        """Make one step and estimate its error.

        Parameters
        ----------
        slope
            ``target(t, y) - y``, given.
        out, slope_out, error
            Written: ``y(t + dt)``, ``target - y`` there, and the estimated error of `out`.
        """
        ...
