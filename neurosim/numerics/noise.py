"""Thermal noise of the states whose strength does not depend on the time step."""

from __future__ import annotations

import math
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
        Stationary standard deviation, >= 0, in units of the state. A complex state gets it in the real and in
        the imaginary part, independently.
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

    def __init__(self, sigma: float, integrator: Integrator, dt: float, y: Array, work: Workspace, rng: Any) -> None:
        if not (math.isfinite(sigma) and sigma >= 0):
            raise RangeError(f"noise = {sigma!r}: the stationary standard deviation must be finite and >= 0")
        if rng is None:
            raise ConfigError("noise needs a random generator: pass rng=streams.generator('state_noise', step)")
        growth = integrator.amplification(work.ratio(dt))
        worst = abs(growth) if isinstance(growth, float) else float(abs(growth).max())
        if not worst < 1:
            raise RangeError(
                f"dt = {dt:g} (units of tau): {integrator.name} multiplies deviations by {worst:.3g} a step, "
                "so the noise has no stationary state; use a smaller dt or exponential_euler"
            )
        loss = 1.0 - growth * growth
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
