"""What time does to a conductance: drift, retention loss and diffusion. Any device model can have them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.devices.cells import NEGLIGIBLE, Cells
from neurosim.devices.imperfect import lognormal
from neurosim.devices.parameter import check_parameters, number
from neurosim.errors import RangeError


@dataclass(frozen=True, kw_only=True)
class Ageing:
    """Change of a conductance with the age of its last programming.

        G(age) = clip(rest + (G_0 (1 + age / t0)^-nu - rest) exp(-age / lifetime) + X(age), g_low, g_high)
        nu     = gain clip(nu - nu_slope ln(G_0 / g_ref), nu_low, nu_high)

    G_0 [S] what was programmed; age [s] time since then; gain of each device lognormal, of mean 1 and relative std
    `nu_spread`, drawn once. X is a random walk of each device that starts at 0 with every programming,
    ``dX = -X dt / lifetime + diffusion dW``: its transitions are drawn exactly, so its statistics do not depend on the
    steps of time. ``lifetime = 0`` is none. A conductance never leaves its device's own range: ``g_low`` is the floor.

    Only the age counts: waiting t1, then t2, is waiting t1 + t2 (in distribution where there is diffusion).

    Raises
    ------
    RangeError
        A parameter outside its declared range, or ``nu_low > nu_high``.

    References
    ----------
    nu(G): Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852.
    """

    nu: float = number(0.0, "drift exponent at g_ref", low=0.0, high=1.0)
    nu_spread: float = number(0.0, "relative std of nu from device to device", low=0.0, high=2.0)
    nu_slope: float = number(0.0, "what nu falls by per factor e of the programmed conductance", low=-1.0, high=1.0)
    nu_low: float = number(0.0, "smallest mean nu", low=0.0, high=1.0)
    nu_high: float = number(1.0, "largest mean nu", low=0.0, high=1.0)
    t0: float = number(1.0, "age at which drift has set in", unit="s", low=0.0, open="low")
    g_ref: float = number(51e-6, "conductance whose exponent is nu", unit="S", low=0.0, open="low")
    lifetime: float = number(0.0, "time constant of retention loss; 0 for none", unit="s", low=0.0)
    rest: float = number(0.0, "conductance that is left after retention loss", unit="S", low=0.0)
    diffusion: float = number(0.0, "std of the random walk after one second", unit="S", low=0.0)

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.nu_low > self.nu_high:
            raise RangeError(f"Ageing.nu_low = {self.nu_low:g}: must not exceed nu_high = {self.nu_high:g}")

    @property
    def active(self) -> bool:
        """Whether anything changes with time."""
        drifts = self.nu > 0 or self.nu_slope != 0 or self.nu_low > 0
        return drifts or self.lifetime > 0 or self.diffusion > 0

    def gains(self, shape: tuple[int, ...], rng: Any) -> Array:
        """Return the factor of nu of each device, drawn whatever the spread, so that a sweep keeps its devices."""
        return lognormal(1.0, self.nu_spread, rng.standard_normal(shape, dtype="float64"))

    def exponent(self, g: Array, gains: Array) -> Array:
        """Return nu of devices programmed to `g` [S]."""
        xp = namespace(g)
        if not self.nu_slope:
            return gains * min(max(self.nu, self.nu_low), self.nu_high)
        mean = self.nu - self.nu_slope * xp.log(xp.maximum(g, NEGLIGIBLE) / self.g_ref)
        return xp.clip(mean, self.nu_low, self.nu_high) * gains

    def aged(self, g: Array, age: Array, gains: Array, walk: Array | None, cells: Cells) -> Array:
        """Return the conductances [S] that were `g` when programmed `age` [s] ago (class docstring)."""
        xp = namespace(g)
        found = g * (1 + age / self.t0) ** -self.exponent(g, gains)
        if self.lifetime:
            found = self.rest + (found - self.rest) * xp.exp(-age / self.lifetime)
        if walk is not None:
            found = found + walk
        return cells.clip(found.astype(g.dtype))

    def walked(self, walk: Array, seconds: float, rng: Any) -> Array:
        """Return the random walks [S] after `seconds` more: the exact transition of an Ornstein-Uhlenbeck process."""
        variance, keep = seconds, 1.0
        if self.lifetime:
            keep = math.exp(-seconds / self.lifetime)
            variance = -0.5 * self.lifetime * math.expm1(-2 * seconds / self.lifetime)
        noise = rng.standard_normal(walk.shape, dtype=walk.dtype)
        return keep * walk + self.diffusion * math.sqrt(variance) * noise
