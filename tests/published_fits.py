"""The device fits in the terms of their source: weights without unit, steps stated at w = 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """A published fit. `shape(w, up)` is the relative step; single steps are dw_min (gain -+ ...) shape."""

    dw_min: float
    shape: object
    w_min: float = -1.0
    w_max: float = 1.0
    up_down: float = 0.0
    dw_min_dtod: float = 0.3
    lognormal: bool = False
    up_down_dtod: float = 0.01
    w_max_dtod: float = 0.3
    w_min_dtod: float = 0.3
    dw_min_std: float = 0.3
    additive: bool = False
    std_add: float = 0.0
    std_slope: float = 0.0
    write_noise_std: float = 0.0

    @property
    def middle(self):
        return 0.5 * (self.w_min + self.w_max)

    @property
    def gain(self):
        """Mean and variance of the gain."""
        s = self.dw_min_dtod
        return (math.exp(s**2 / 2), math.exp(s**2) * math.expm1(s**2)) if self.lognormal else (1.0, s**2)

    def factor(self, up):
        """Mean of gain and up/down of one direction, as coded in the source."""
        return self.gain[0] + (min(self.up_down, 0) if up else -max(self.up_down, 0))

    def step(self, w, up):
        """Mean step at w."""
        return self.dw_min * self.factor(up) * self.shape(w, up)

    def halves(self, w):
        """Mean and variance of half the sum and half the difference of both steps at w."""
        up, down, (_, v), r = self.shape(w, True), self.shape(w, False), self.gain, self.up_down_dtod**2
        plus, minus = ((up + down) / 2) ** 2, ((up - down) / 2) ** 2
        a, b, d2 = self.step(w, True), self.step(w, False), self.dw_min**2
        return ((a + b) / 2, d2 * (plus * v + minus * r)), ((a - b) / 2, d2 * (minus * v + plus * r))


def constant(w, up):
    return 1.0 + 0.0 * w


def linear(gamma_up, gamma_down, w_max=1.0, w_min=-1.0):
    return lambda w, up: 1 - gamma_up * w / w_max if up else 1 - gamma_down * w / w_min


def exponential(a_up, a_down, gamma, z):
    return lambda w, up: np.maximum(0, 1 - a_up * np.exp(gamma * z(w)) if up else 1 - a_down * np.exp(-gamma * z(w)))


PUBLISHED = {
    "reram_es": Fit(
        0.00135, exponential(-1.18445, -0.081404, 5.0, lambda w: -0.5 * w - 0.5), up_down=0.259359,
        dw_min_dtod=0.2, up_down_dtod=0.05, dw_min_std=5.0, write_noise_std=75.0,
    ),
    "reram_sb": Fit(
        0.002, linear(1, 1, 1.25, -0.75), -0.75, 1.25, w_max_dtod=0.24, w_min_dtod=0.4,
        dw_min_std=3.75, additive=True, write_noise_std=56.0,
    ),
    "capacitor": Fit(
        0.005, linear(0.05, 0.05), dw_min_dtod=0.1, up_down_dtod=0.06, w_max_dtod=0.07, w_min_dtod=0.07, additive=True,
    ),
    "ecram": Fit(
        0.002, linear(0.1153, 0.5085, 1.1724, -0.8276), -0.8276, 1.1724,
        dw_min_dtod=0.1, w_max_dtod=0.05, w_min_dtod=0.05,
    ),
    "ecram_mo": Fit(
        2.8214e-4, linear(0.4152, 0.7342, 1.1714, -0.8286), -0.8286, 1.1714,
        dw_min_dtod=0.1, w_max_dtod=0.05, w_min_dtod=0.05, dw_min_std=2.0,
    ),
    "idealized": Fit(0.0002, constant, up_down_dtod=0.0),
    "gokmen_vlasov": Fit(0.0016, constant),
    "pcm": Fit(
        0.01, exponential(-27.235, -2.235, 2.5, lambda w: -w), 0.0, 2.0, dw_min_dtod=0.2, up_down_dtod=0.05,
        w_max_dtod=0.1, w_min_dtod=0.0, dw_min_std=0.6, std_add=0.042, std_slope=0.108,
    ),
    "reram_om": Fit(
        0.0949, linear(1, 1), dw_min_dtod=0.7829, lognormal=True, w_max_dtod=0.3499, w_min_dtod=0.5695,
        dw_min_std=0.4158, additive=True, write_noise_std=1.4113,
    ),
    "reram_hfo2": Fit(
        0.4622, linear(1, 1), dw_min_dtod=0.7125, lognormal=True, w_max_dtod=0.4295, w_min_dtod=0.5990,
        dw_min_std=0.2174, additive=True, write_noise_std=0.5841,
    ),
}  # fmt: skip
