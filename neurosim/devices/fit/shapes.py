"""Which parameters of a model are fitted, in coordinates in which any number is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, logit

from neurosim.devices.base import DeviceModel
from neurosim.devices.constant_step import ConstantStep
from neurosim.devices.exp_step import ExpStep
from neurosim.devices.fit.pulses import Transitions
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.linear_step import LinearStep
from neurosim.devices.power_step import PowerStep
from neurosim.devices.soft_bounds import SoftBounds

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A free number behind a parameter: its start, and the limits within which it is sought."""

    name: str
    start: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shape:
    """How a model is fitted.

    Attributes
    ----------
    model
        The class of the model.
    coordinates
        Free numbers besides those of step, asymmetry and noise.
    parameters
        From values of the coordinates to parameters of the model.
    own_range
        Whether g_min and g_max follow from the steps, so that they are fitted where they are not known.
    """

    model: type[ImperfectDevice]
    coordinates: tuple[Coordinate, ...] = ()
    parameters: Callable[[Mapping[str, float]], dict[str, float]] = lambda at: {}
    own_range: bool = False

    @property
    def noises(self) -> tuple[str, ...]:
        """The kinds of noise the model knows; the empty one where it has no choice."""
        return ("multiplicative", "additive") if "noise" in self.model.__dataclass_fields__ else ("",)


def _powers(at: Mapping[str, float]) -> dict[str, float]:
    return {name: math.exp(at[name]) for name in ("gamma_up", "gamma_down")}


def _shares(at: Mapping[str, float]) -> dict[str, float]:
    return {name: float(expit(at[name])) for name in ("gamma_up", "gamma_down")}


def _exponentials(at: Mapping[str, float]) -> dict[str, float]:
    """Return A and gamma: `middle` is the logarithm of y(0), which is positive for every device that moves."""
    gamma, b = _powers(at), ExpStep.b
    return {
        **gamma,
        "amplitude_up": -math.expm1(at["middle_up"]) * math.exp(-gamma["gamma_up"] * b),
        "amplitude_down": -math.expm1(at["middle_down"]) * math.exp(gamma["gamma_down"] * b),
    }


def _both(name: str, start: float, low: float, high: float) -> tuple[Coordinate, ...]:
    return tuple(Coordinate(f"{name}_{way}", start, low, high) for way in ("up", "down"))


SHAPES: dict[str, Shape] = {
    "constant_step": Shape(ConstantStep),
    "linear_step": Shape(LinearStep, _both("gamma", float(logit(0.5)), -9.0, 9.0), _shares),
    "soft_bounds": Shape(SoftBounds, own_range=True),
    "power_step": Shape(PowerStep, _both("gamma", 0.0, math.log(1e-3), math.log(19.0)), _powers),
    "exp_step": Shape(
        ExpStep,
        (*_both("gamma", math.log(2.0), math.log(1e-2), math.log(8.0)), *_both("middle", 0.3, -5.0, 4.0)),
        _exponentials,
    ),
}
"""Models that can be fitted, by name. `exp_step` keeps its a and b: other values only rescale A and gamma."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One model, one kind of noise and the data: coordinates to a device model."""

    shape: Shape
    noise: str
    data: Transitions
    bounds: Bounds

    @cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """All free numbers: step, asymmetry, noise, then the shape, then an unknown range."""
        change = self.data.change
        up, down = (max(float(change[self.data.up == way].mean()), 1e-3 * float(change.std())) for way in (True, False))
        step = 0.5 * (up + down)
        noise = min(max(float(change.std()) / step, 1e-2), 50.0)
        base = (
            Coordinate("step", math.log(step), math.log(step) - 7, math.log(min(30 * step, 0.9 * self.span))),
            Coordinate("asymmetry", math.atanh(min(max((up - down) / (up + down), -0.9), 0.9)), -4.0, 4.0),
            Coordinate("c2c", math.log(noise), math.log(1e-4), math.log(99.0)),
        )
        gaps = (("g_min", self.bounds[0]), ("g_max", self.bounds[1])) if self.shape.own_range else ()
        ends = tuple(Coordinate(name, -2.0, -16.0, 3.0) for name, known in gaps if known is None)
        return (*base, *self.shape.coordinates, *ends)

    @cached_property
    def extremes(self) -> tuple[float, float]:
        """The range [S]: what is known of it, else the extremes of the readings."""
        readings = np.concatenate((self.data.before, self.data.after))
        low, high = self.bounds
        return float(readings.min()) if low is None else low, float(readings.max()) if high is None else high

    @property
    def span(self) -> float:
        """Width of the range [S]."""
        low, high = self.extremes
        return high - low

    def parameters(self, theta: np.ndarray) -> dict[str, Any]:
        """Return the parameters of the model at the coordinates `theta`."""
        at = {coordinate.name: float(value) for coordinate, value in zip(self.coordinates, theta, strict=True)}
        low, high = self.extremes
        if "g_min" in at:  # beyond the lowest reading, but not below zero
            low -= low * math.exp(at["g_min"]) / (1 + math.exp(at["g_min"]))
        if "g_max" in at:
            high += self.span * math.exp(at["g_max"])
        found: dict[str, Any] = {"g_min": low, "g_max": high, "step": math.exp(at["step"])}
        found |= {"asymmetry": math.tanh(at["asymmetry"]), "c2c": math.exp(at["c2c"])}
        found |= self.shape.parameters(at)
        return {**found, "noise": self.noise} if self.noise else found

    def build(self, theta: np.ndarray) -> DeviceModel:
        """Return the device model at the coordinates `theta`."""
        return self.shape.model(**self.parameters(theta))
