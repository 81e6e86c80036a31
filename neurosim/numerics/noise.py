"""Noise of the states whose strength does not depend on the time step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError
from neurosim.numerics.integrators.base import Integrator, Workspace


class StationaryNoise:
    """White noise on a relaxing state, given by its stationary standard deviation sigma.

    After each step ``y += sigma sqrt(1 - R(h)^2) xi`` with standard normal xi, where R is the stability
    function of the integrator and ``h = dt/tau``. Around a fixed target the state is then an autoregressive
    process with variance sigma^2 at every dt and the autocorrelation ``R(h)^k -> exp(-t/tau)``. For Euler at
    ``dt = tau`` it is fresh noise of standard deviation sigma at each step.

    Parameters
    ----------
    sigma
        Stationary standard deviation, >= 0, in units of the state: one number, or an array (nodes,). A
        complex state gets it in the real and in the imaginary part, independently.
    integrator, dt
        The step; it must damp, ``|R| < 1`` at every node.
    y
        An array of the state's shape and dtype.
    work
        Workspace of the integration.
    rng
        Generator of the state's backend.

    Raises
    ------
    RangeError
        sigma is negative or not finite, or the step does not damp.
    ConfigError
        There is no generator.
    """

    def __init__(
        self, sigma: float | Array, integrator: Integrator, dt: float, y: Array, work: Workspace, rng: Any
    ) -> None:
        single = isinstance(sigma, float | int)
        if not (math.isfinite(sigma) and sigma >= 0 if single else bool(namespace(y).isfinite(sigma).all())):
            raise RangeError(f"noise = {sigma!r}: the stationary standard deviation must be finite and >= 0")
        _require(rng)
        loss = _loss(integrator, dt, work.ratio(dt))
        root = math.sqrt(loss) if isinstance(loss, float) else namespace(y).sqrt(loss)
        self._amplitude = sigma * root
        self._rng = rng
        self._complex = y.dtype.kind == "c"
        self._xi = namespace(y).empty(y.shape, dtype=y.real.dtype)

    def add(self, y: Array) -> None:
        """Add one step's noise to `y` in place."""
        for part in (y.real, y.imag) if self._complex else (y,):
            # size beside out: cupy draws a single number without it
            xi = self._rng.standard_normal(size=self._xi.shape, dtype=self._xi.dtype, out=self._xi)
            xi *= self._amplitude
            part += xi


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """A linear relaxation ``y' = -A y`` by its modes, with the deviations that noise keeps up.

    Attributes
    ----------
    vectors
        Modes as columns, each scaled to its stationary deviation, (batch or 1, nodes, modes): the stationary
        covariance is ``vectors vectors^T``.
    rates
        Their rates, > 0, (batch or 1, modes).
    """

    vectors: Array
    rates: Array


class ModalNoise:
    """White noise on coupled nodes: in each mode what `StationaryNoise` is on one node.

    After each step ``y += V sqrt(1 - R(rate dt)^2) xi``, V the scaled modes: the covariance is ``V V^T`` at every dt.
    Errors as `StationaryNoise`.
    """

    def __init__(self, modes: Modes, integrator: Integrator, dt: float, y: Array, rng: Any) -> None:
        _require(rng)
        loss = _loss(integrator, dt, modes.rates * dt)
        self._factor = modes.vectors * namespace(y).sqrt(loss)[:, None, :]
        self._rng = rng

    def add(self, y: Array) -> None:
        """Add one step's noise to `y` in place."""
        xi = self._rng.standard_normal(size=y.shape, dtype=y.dtype)
        y += namespace(y).matmul(self._factor, xi[:, :, None])[:, :, 0]


def _require(rng: Any) -> None:
    if rng is None:
        raise ConfigError("noise needs a random generator: pass rng=streams.generator('state_noise', step)")


def _loss(integrator: Integrator, dt: float, ratio: float | Array) -> Any:
    """Return ``1 - R(h)^2``, what a step takes from the variance of a mode."""
    growth = integrator.amplification(ratio)
    worst = abs(growth) if isinstance(growth, float) else float(abs(growth).max())
    if not worst < 1:
        raise RangeError(
            f"dt = {dt:g} (units of tau): {integrator.name} multiplies deviations by {worst:.3g} a step, "
            "so the noise has no stationary state; use a smaller dt or exponential_euler"
        )
    return 1.0 - growth * growth
