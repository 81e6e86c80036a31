"""What the pulsed models share: device-to-device spread, asymmetry, noise, stuck devices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.devices.base import DeviceModel
from neurosim.devices.cells import Cells
from neurosim.devices.parameter import choice, number


def lognormal(mean: float, spread: float, normal: Array) -> Array:
    """Return positive values of the given mean and relative std, both exact, from standard normals.

    ``mean * exp(s xi - s^2 / 2)`` with ``s^2 = ln(1 + spread^2)``.
    """
    s = math.sqrt(math.log1p(spread * spread))
    return mean * namespace(normal).exp(s * normal - 0.5 * s * s)


@dataclass(frozen=True, kw_only=True)
class ImperfectDevice(DeviceModel):
    """A device with individual properties. Leaf classes add `increment` and `jitter`.

    Device k of an array has, with independent standard normals xi,

        step_up   = step gain (1 + alpha),   step_down = step gain (1 - alpha)
        alpha     = clip(asymmetry + asymmetry_d2d xi, -1, 1)
        gain, g_low / g_min, g_high / g_max    lognormal, mean 1, std step_d2d and bounds_d2d

    With ``bounds_from = "reference"`` the distances r - g_low and g_high - r from the reference conductance r are
    lognormal instead; a lower bound that would be negative is zero. `low_spread` multiplies the std of the lower bound.

    Should the two drawn bounds of a device come out in the wrong order, they are exchanged.
    """

    asymmetry: float = number(
        0.0,
        "alpha: up and down steps are step (1 + alpha) and step (1 - alpha)",
        low=-1.0,
        high=1.0,
        open="both",
    )
    step_d2d: float = number(0.0, "relative std of the step from device to device", low=0.0, high=2.0)
    asymmetry_d2d: float = number(0.0, "std of alpha from device to device", low=0.0, high=1.0)
    bounds_d2d: float = number(0.0, "relative std of g_min and g_max from device to device", low=0.0, high=1.0)
    bounds_from: str = choice(
        "zero", "what bounds_d2d is relative to: each bound, or its distance from the reference", ("zero", "reference")
    )
    reference: float = number(0.5, "the reference: 0 at g_min, 1 at g_max", low=0.0, high=1.0, open="both")
    low_spread: float = number(1.0, "spread of the lower bound in units of bounds_d2d", low=0.0, high=10.0)
    c2c: float = number(0.0, "std of a single step relative to its mean (cycle to cycle)", low=0.0, high=100.0)
    write_noise: float = number(
        0.0, "std of the visible around the hidden conductance, in units of step", low=0.0, high=1000.0
    )
    reset_level: float = number(
        0.0, "mean conductance after a reset: 0 at g_min, 1 at g_max", low=0.0, high=1.0, open="high"
    )
    reset_d2d: float = number(0.0, "std of it from device to device, as a share of the range", low=0.0, high=1.0)
    reset_c2c: float = number(0.0, "std of it from reset to reset, as a share of the range", low=0.0, high=1.0)
    stuck_fraction: float = number(0.0, "probability that a device is stuck", low=0.0, high=1.0, open="high")
    stuck_at: str = choice("random", "where stuck devices sit (random: uniform in range)", ("random", "g_min", "g_max"))

    @property
    def exact_read(self) -> bool:
        """Whether `visible` returns the hidden conductance itself."""
        return self.write_noise == 0

    @property
    def steps(self) -> tuple[float, float]:
        """Nominal mid-range step up and down [S]."""
        return self.step * (1 + self.asymmetry), self.step * (1 - self.asymmetry)

    def sample(self, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Cells:
        """Draw the individual devices of an array (class docstring).

        The draws are always the same six in the same order, so that changing one spread leaves the devices
        unchanged in every other respect: points of a sweep differ only in what was swept. That of the reset follows.
        """
        cells = self.nominal(xp, dtype)
        if not (self.step_d2d or self.asymmetry_d2d or self.bounds_d2d or self.stuck_fraction or self.reset_d2d):
            return cells
        low, high, gain, alpha = (rng.standard_normal(shape, dtype=dtype) for _ in range(4))
        chance, level = (rng.random(shape, dtype=dtype) for _ in range(2))
        g_low, g_high = cells.g_low, cells.g_high
        if self.bounds_d2d:
            g_low, g_high = self.bounds(low, high)
        if self.stuck_fraction:
            stuck = chance < self.stuck_fraction
            value = {"random": g_low + level * (g_high - g_low), "g_min": g_low, "g_max": g_high}[self.stuck_at]
            g_low, g_high = xp.where(stuck, value, g_low), xp.where(stuck, value, g_high)
        step_up, step_down = cells.step_up, cells.step_down
        if self.step_d2d or self.asymmetry_d2d:
            step = lognormal(self.step, self.step_d2d, gain)
            lean = xp.clip(self.asymmetry + self.asymmetry_d2d * alpha, -1.0, 1.0)
            step_up, step_down = step * (1 + lean), step * (1 - lean)
        g_reset = None
        if self.reset_level or self.reset_d2d:
            normal = rng.standard_normal(shape, dtype=dtype)
            g_reset = self._reset_mean + self.reset_d2d * (self.g_max - self.g_min) * normal
        return Cells(g_low, g_high, step_up, step_down, g_reset)

    @property
    def _reset_mean(self) -> float:
        return self.g_min + self.reset_level * (self.g_max - self.g_min)

    def reset(self, cells: Cells, shape: tuple[int, ...], rng: Any, xp: Any, dtype: Any) -> Array:
        """Return conductances after an abrupt reset: each device's own mean, the noise of this reset, in its range."""
        mean = self._reset_mean if cells.g_reset is None else cells.g_reset
        if not (self.reset_level or self.reset_d2d or self.reset_c2c):
            mean = cells.g_low
        found = xp.broadcast_to(xp.asarray(mean, dtype=dtype), shape).copy()
        if self.reset_c2c:
            found += self.reset_c2c * (self.g_max - self.g_min) * rng.standard_normal(shape, dtype=dtype)
        return cells.clip(found)

    @property
    def g_reference(self) -> float:
        """The reference conductance r [S]."""
        return self.g_min + self.reference * (self.g_max - self.g_min)

    def bounds(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return the bounds of single devices from standard normals, in order."""
        xp, r, below, above = namespace(low), self.g_reference, self.low_spread * self.bounds_d2d, self.bounds_d2d
        if self.bounds_from == "reference":
            return xp.maximum(r - lognormal(r - self.g_min, below, low), 0), r + lognormal(self.g_max - r, above, high)
        ends = lognormal(self.g_min, below, low), lognormal(self.g_max, above, high)
        return xp.minimum(*ends), xp.maximum(*ends)

    def visible(self, g: Array, cells: Cells, rng: Any) -> Array:
        """Return ``clip(g + write_noise step xi, g_low, g_high)``, or `g` itself without write noise."""
        if self.exact_read:
            return g
        seen = rng.standard_normal(g.shape, dtype=g.dtype)
        seen *= self.write_noise * self.step
        seen += g
        return cells.clip(seen, out=seen)
