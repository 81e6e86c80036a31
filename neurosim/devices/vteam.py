"""VTEAM: a state that moves at a speed set by the voltage above a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.devices.cells import NEGLIGIBLE, Cells
from neurosim.devices.parameter import number
from neurosim.devices.voltage import StateDrive, VoltageDevice
from neurosim.errors import RangeError


@dataclass(frozen=True, eq=False)
class ResistanceDrive(StateDrive):
    """Pulses that change the resistance 1 / G by equal amounts `time` [ohm]."""

    def move(self, g: Array) -> Array:
        """Return the mean step: ``1/G -+ time``, written without a difference of large numbers."""
        xp, part = namespace(g), g * self.time
        if not self.up:
            return g * (part / (1 + part))
        # Beyond part = 1 the resistance would be negative: there the bound stops the device, whatever the number.
        return g * (part / xp.maximum(1 - part, 1e-3))


@dataclass(frozen=True, kw_only=True)
class Vteam(VoltageDevice):
    """Threshold adaptive memristor: linear motion of the state, resistance linear in it.

        dx/dt = -k_on  (V_up   / v_on  - 1)^alpha_on  / length      pulse up    (x falls, and R with it)
        dx/dt =  k_off (V_down / v_off - 1)^alpha_off / length      pulse down
        R = 1 / G = R_on + (R_off - R_on) x,   R_on = 1 / g_high,   R_off = 1 / g_low,   0 <= x <= 1

        a pulse of width T:   1/G <- clip(1/G -+ rate T (R_off - R_on), R_on, R_off)        (exact)
        noise:                 G  <- clip(G + dG (1 + c2c xi), g_low, g_high)

    x [1] state; V [V] amplitudes volts_up, volts_down; T [s] widths; k [m/s]; length [m] the way from R_on to
    R_off; g_low, g_high [S] of each device. Voltages below a threshold move nothing. Without the window functions
    that some use with it the motion between the bounds is uniform. Up pulses, which act on the resistance, move a
    conductance the more the higher it is: ``dG = G^2 dR / (1 - G dR)``. The defaults are the set that the
    handbook of the model's authors gives, with the amplitudes our choice; R_on and R_off belong to `g_min`, `g_max`
    (50 ohm and 1 kohm: 1 mS to 20 mS, preset ``vteam_technion``).

    Valid range: g_min > 0 (R_off is finite), amplitudes above the thresholds, `RangeError` otherwise.

    References
    ----------
    Kvatinsky et al., IEEE Trans. Circuits Syst. II 62, 786 (2015), doi:10.1109/TCSII.2015.2433536.
    Values as in MemTorch's VTEAM.py.
    """

    k_on: float = number(10.0, "speed of the state, up", unit="m/s", low=0.0, open="low")
    k_off: float = number(5e-4, "speed of the state, down", unit="m/s", low=0.0, open="low")
    alpha_on: float = number(3.0, "power of the excess voltage, up", low=0.0, high=20.0)
    alpha_off: float = number(1.0, "power of the excess voltage, down", low=0.0, high=20.0)
    v_on: float = number(0.2, "threshold up", unit="V", low=0.0, open="low")
    v_off: float = number(0.02, "threshold down", unit="V", low=0.0, open="low")
    length: float = number(3e-9, "way of the state from g_max to g_min", unit="m", low=0.0, open="low")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.g_min == 0:
            raise RangeError("Vteam.g_min = 0 S: the resistance would be infinite; allowed are conductances > 0 S")

    def threshold(self, up: bool) -> float:
        """Return ``v_on`` or ``v_off``."""
        return self.v_on if up else self.v_off

    def rate(self, up: bool) -> float:
        """Return ``k (V / v - 1)^alpha / length``."""
        volts, k, power = (
            (self.volts_up, self.k_on, self.alpha_on) if up else (self.volts_down, self.k_off, self.alpha_off)
        )
        excess = volts / self.threshold(up) - 1
        return k * excess**power / self.length if excess > 0 else 0.0

    def duration(self, cells: Cells, up: bool) -> Array:
        """Return the part of the range of R that gives each device its step at mid-range."""
        xp = namespace(cells.g_low)
        low, high = (xp.maximum(bound, NEGLIGIBLE) for bound in (cells.g_low, cells.g_high))
        return _resistance(cells, up) / xp.maximum(1 / low - 1 / high, NEGLIGIBLE)

    def change(self, duration: float, up: bool) -> float:
        """Return ``|G' - g_mid|`` with ``1/G' = 1/g_mid -+ duration (R_off - R_on)``, infinite where R would vanish."""
        shift = self.g_mid * duration * (1 / max(self.g_min, NEGLIGIBLE) - 1 / self.g_max)
        if up and shift >= 1:
            return math.inf
        return self.g_mid * shift / (1 - shift if up else 1 + shift)

    def drive(self, cells: Cells, up: bool) -> ResistanceDrive:
        """Return equal changes of resistance."""
        return ResistanceDrive(cells, up, _resistance(cells, up), self.c2c)


def _resistance(cells: Cells, up: bool) -> Array:
    """Return the change of 1 / G [ohm] that moves each device by its step from the middle of its own range."""
    xp = namespace(cells.g_low)
    middle = xp.maximum(0.5 * (cells.g_low + cells.g_high), NEGLIGIBLE)
    step = cells.step(up)
    # A device of an extreme draw would pass zero conductance: it is stopped by its bound anyway.
    return step / (middle * (middle + step if up else xp.maximum(middle - step, 1e-3 * middle)))
