"""Yakopcic's memristor: exponential speed in the voltage, and windows that slow the state down near its ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices.cells import NEGLIGIBLE, Cells
from neurosim.devices.parameter import number
from neurosim.devices.voltage import WIDEST, StateDrive, VoltageDevice

SUBSTEPS, NEWTON_STEPS = 6, 2
NODES, WEIGHTS = (tuple(0.5 * part) for part in np.polynomial.legendre.leggauss(8))


@dataclass(frozen=True, eq=False)
class WindowDrive(StateDrive):
    """Pulses that let the state run for `time` [ranges at full speed] under a window of given knee and decay."""

    knee: float = 0.5
    decay: float = 1.0

    def move(self, g: Array) -> Array:
        """Return the mean step."""
        cells, xp = self.cells, namespace(g)
        span = xp.maximum(cells.g_high - cells.g_low, NEGLIGIBLE)
        ahead = xp.clip((cells.g_high - g if self.up else g - cells.g_low) / span, 0.0, 1.0)
        return advance(ahead, self.time, self.knee, self.decay) * (cells.g_high - cells.g_low)

    def tail(self, first: int) -> WindowDrive:
        """Return the drive without its first devices."""
        time = self.time if self.time.ndim == 0 else self.time[first:]
        return WindowDrive(self.cells.tail(first), self.up, time, self.c2c, self.knee, self.decay)


@dataclass(frozen=True, kw_only=True)
class Yakopcic(VoltageDevice):
    """Generalised memristor model: threshold, exponential voltage dependence, a window for each direction.

        dx/dt =  A_p (exp(V_up)   - exp(V_p)) f(x; x_p, alpha_p)           pulse up
        dx/dt = -A_n (exp(V_down) - exp(V_n)) f(1 - x; x_n, alpha_n)       pulse down
        f(x; k, alpha) = 1                                    x < k
                         exp(-alpha (x - k)) (1 - x)/(1 - k)  x >= k

        G = g_low + (g_high - g_low) x,   0 <= x <= 1
        noise:  G <- clip(G + dG (1 + c2c xi), g_low, g_high)

    x [1] state; V [V] amplitudes volts_up, volts_down of pulses of widths [s]; A_p, A_n [1/s] the model's speeds
    (its eta = 1); V_p, V_n [V] thresholds; g_low, g_high [S] of each device. The current of the model is
    ``a x sinh(b V)``: read at low voltage a conductance ``a b x``, so g_min = 0 and g_max = a b. Up to the knee a
    pulse is exact. Beyond it ``y = 1 - x`` obeys ``d(ln y)/dt = -rate exp(-alpha (1 - k - y)) / (1 - k)``, which
    is advanced by 6 steps of RK4; a pulse that moves up to a tenth of the range is exact to 1e-7 of the range
    (`tests/devices/test_state_models.py`). The default set is the Ag chalcogenide device under sine (Oblea et al.).

    Valid range: conductances in [g_low, g_high]; amplitudes above the thresholds, `RangeError` otherwise.

    References
    ----------
    Yakopcic et al., IEEE Electron Device Lett. 32, 1436 (2011), doi:10.1109/LED.2011.2163292;
    parameter sets: IEEE Trans. Comput.-Aided Des. 32, 1201 (2013), doi:10.1109/TCAD.2013.2252057.
    """

    speed_up: float = number(4000.0, "A_p: speed of the state, up", unit="1/s", low=0.0, open="low")
    speed_down: float = number(4000.0, "A_n: speed of the state, down", unit="1/s", low=0.0, open="low")
    v_p: float = number(0.16, "threshold up", unit="V", low=0.0)
    v_n: float = number(0.15, "threshold down", unit="V", low=0.0)
    alpha_p: float = number(1.0, "decay of the speed beyond the knee, up", low=0.0, high=20.0)
    alpha_n: float = number(5.0, "decay of the speed beyond the knee, down", low=0.0, high=20.0)
    x_p: float = number(0.3, "knee of the window, up: state from which it slows down", low=0.0, high=1.0, open="high")
    x_n: float = number(0.5, "knee of the window, down: 1 - x from which it slows down", low=0.0, high=1.0, open="high")

    def threshold(self, up: bool) -> float:
        """Return ``v_p`` or ``v_n``."""
        return self.v_p if up else self.v_n

    def rate(self, up: bool) -> float:
        """Return ``A (exp(V) - exp(V_threshold))``."""
        volts, speed = (self.volts_up, self.speed_up) if up else (self.volts_down, self.speed_down)
        return speed * (math.exp(volts) - math.exp(self.threshold(up)))

    def window(self, up: bool) -> tuple[float, float]:
        """Return knee and decay of the window."""
        return (self.x_p, self.alpha_p) if up else (self.x_n, self.alpha_n)

    def duration(self, cells: Cells, up: bool) -> Array:
        """Return the time at full speed that moves each device by its step from the middle of its range."""
        xp = namespace(cells.g_low)
        span = xp.maximum(cells.g_high - cells.g_low, NEGLIGIBLE)
        way = xp.asarray(xp.minimum(cells.step(up) / span, 0.5 * WIDEST))  # numpy makes scalars of 0-d arrays
        return time_from_middle(way, *self.window(up))

    def change(self, duration: float, up: bool) -> float:
        """Return the way from mid-range."""
        moved = advance(np.full(1, 0.5), np.asarray(duration), *self.window(up))
        return float(moved[0]) * (self.g_max - self.g_min)

    def drive(self, cells: Cells, up: bool) -> WindowDrive:
        """Return runs of the state under the window."""
        return WindowDrive(cells, up, self.duration(cells, up), self.c2c, *self.window(up))


def advance(ahead: Array, time: Array, knee: float, decay: float) -> Array:
    """Return how far the state comes in `time`, starting a distance `ahead` from the end of the range."""
    xp = namespace(ahead)
    free = 1.0 - knee
    straight = xp.minimum(time, xp.maximum(ahead - free, 0.0))
    y, h = ahead - straight, (time - straight) / SUBSTEPS
    rate, bend = math.exp(-decay * free) / free, decay * y
    q = xp.zeros_like(y)  # ln of y over what is left of it: grows, and y never passes zero
    for _ in range(SUBSTEPS):
        one = rate * xp.exp(bend * xp.exp(-q))
        two = rate * xp.exp(bend * xp.exp(-q - 0.5 * h * one))
        three = rate * xp.exp(bend * xp.exp(-q - 0.5 * h * two))
        four = rate * xp.exp(bend * xp.exp(-q - h * three))
        q = q + h / 6 * (one + 2 * (two + three) + four)
    return straight - y * xp.expm1(-q)


def time_from_middle(way: Array, knee: float, decay: float) -> Array:
    """Return the time in which the state moves by `way` from the middle: a quadrature, then Newton."""
    xp = namespace(way)
    free = 1.0 - knee
    straight = xp.minimum(way, xp.maximum(xp.full_like(way, 0.5) - free, 0.0))
    begin = 0.5 - straight
    q = -xp.log1p(-(way - straight) / begin)
    time = straight
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        left = begin * xp.exp(-q * (0.5 + float(node)))
        time = time + float(weight) * free * q * xp.exp(decay * (free - left))
    left, middle = 0.5 - way, xp.full_like(way, 0.5)
    slope = xp.where(left > free, 1.0, xp.exp(-decay * (free - left)) * left / free)
    for _ in range(NEWTON_STEPS):
        time = time - (advance(middle, time, knee, decay) - way) / slope
    return time
