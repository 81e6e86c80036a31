"""Energy and latency of a settling, from its trajectory.

Powers are integrated along the steps of the time loop by Simpson's rule, the state in the middle of a step being that
of the cubic through both ends with the field's own slopes: an error of fourth order in the step, for every integrator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.networks.power import Power
from neurosim.settle import Field, Settled, SettleOptions, transient


@dataclass(frozen=True, slots=True)
class Metered:
    """One settling with its energies, in units of ``c_node v_ref^2``, and times, in units of tau; (batch,) each.

    Attributes
    ----------
    settled
        The end of the trajectory.
    dissipated, delivered
        Energy by part, as `neurosim.networks.power.base.Power` names them.
    stored
        Change of the energy in the capacitances.
    settling_time
        When the residual falls below the tolerance for good, since the start; infinite where it does not.
    """

    settled: Settled
    dissipated: Mapping[str, Array]
    delivered: Mapping[str, Array]
    stored: Array
    settling_time: Array

    @property
    def heat(self) -> Array:
        """All that was dissipated."""
        return sum(list(self.dissipated.values())[1:], next(iter(self.dissipated.values())))

    @property
    def supplied(self) -> Array:
        """All that the sources delivered: `heat` plus `stored`, up to the error of the integration."""
        return sum(list(self.delivered.values())[1:], next(iter(self.delivered.values())))


def metered(
    field: Field, power: Power, start: Array, steps: int, options: SettleOptions, *, t0: float = 0.0
) -> Metered:
    """Integrate `field` as `transient` does, without noise, and account for its energy.

    Parameters
    ----------
    field, power
        The network and its power balance, bound to the same weights, inputs and nudge.
    start, steps, options, t0
        As for `transient`; a fixed-step integrator.
    """
    meter = _Meter(field, power, start, t0, options.tolerance)
    settled = transient(field, start, steps, options, t0=t0, observe=meter.observe)
    return Metered(
        settled, meter.dissipated, meter.delivered, power.stored(settled.u) - power.stored(start), meter.settling_time
    )


class _Meter:
    """Sums of the powers over the steps so far."""

    def __init__(self, field: Field, power: Power, start: Array, t0: float, tolerance: float) -> None:
        self.field, self.power, self.tolerance = field, power, tolerance
        self.t0 = self.t = t0
        self.u = start
        self.slope, residual = self._slope(t0, start)
        self.dissipated: dict[str, Array] = {}
        self.delivered: dict[str, Array] = {}
        self._now = self._powers(t0, start)
        xp = namespace(start)
        self.settling_time = xp.where(residual <= tolerance, 0.0, xp.inf)

    def observe(self, step: int, t: float, u: Array) -> None:
        """Add the step that ends at `t` in state `u`."""
        xp, h = namespace(u), t - self.t
        slope, residual = self._slope(t, u)
        middle = 0.5 * (self.u + u) + (h / 8) * (self.slope - slope)
        ends, between = self._powers(t, u), self._powers(0.5 * (self.t + t), middle)
        for total, before, mid, after in zip((self.dissipated, self.delivered), self._now, between, ends, strict=True):
            for name in after:
                part = (h / 6) * (before[name] + 4 * mid[name] + after[name])
                total[name] = total[name] + part if name in total else part
        good = residual <= self.tolerance
        first = xp.where(xp.isinf(self.settling_time), t - self.t0, self.settling_time)
        self.settling_time = xp.where(good, first, xp.inf)
        self.t, self.u, self.slope, self._now = t, u.copy(), slope, ends

    def _slope(self, t: float, u: Array) -> tuple[Array, Array]:
        """Return du/dt and the residual of each sample."""
        xp = namespace(u)
        away = self.field.target(t, u, xp.empty_like(u)) - u
        return away * self.field.rate, xp.abs(away).max(axis=1)

    def _powers(self, t: float, u: Array) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self.power.dissipated(t, u), self.power.delivered(t, u)
