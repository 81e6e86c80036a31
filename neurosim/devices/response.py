"""The measurement every device paper begins with: n pulses up, then n pulses down, on many devices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurosim.devices.base import DeviceModel
from neurosim.errors import RangeError

LONGEST = 20_000
"""Most pulses each way."""


@dataclass(frozen=True, slots=True, eq=False)
class PulseResponse:
    """Pulse response of a device model.

    Attributes
    ----------
    pulse
        Pulse number, 0 to 2 n; the first n raise the conductance, shape (points,).
    mean, std
        Mean and standard deviation over the devices of the visible conductance [S], shape (points,).
    examples
        Visible conductance of a few single devices [S], shape (devices, points).
    symmetry_point
        `symmetry_point` of the model [S], or None.
    states
        Nominal number of states, range / step.
    effective_states
        `effective_states` of the model.
    """

    pulse: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    examples: np.ndarray
    symmetry_point: float | None
    states: float
    effective_states: float

    @property
    def dynamic_range(self) -> float:
        """Largest over smallest mean conductance; infinite where the smallest is zero."""
        low = float(self.mean.min())
        return float(self.mean.max()) / low if low > 0 else math.inf


@dataclass(frozen=True, slots=True, eq=False)
class StepProfile:
    """Mean step of the nominal device along its range.

    Attributes
    ----------
    conductance
        [S], shape (points,).
    up, down
        Mean step there [S], both as sizes.
    """

    conductance: np.ndarray
    up: np.ndarray
    down: np.ndarray

    @property
    def asymmetry(self) -> np.ndarray:
        """``(up - down) / (up + down)``; NaN where neither moves."""
        both = self.up + self.down
        return np.asarray(np.where(both > 0, (self.up - self.down) / np.where(both > 0, both, 1.0), np.nan))


def pulse_response(
    model: DeviceModel,
    rng: np.random.Generator,
    *,
    pulses: int | None = None,
    devices: int = 1000,
    examples: int = 3,
) -> PulseResponse:
    """Return what sampled devices do under `pulses` up and then as many down, from their lower bounds.

    Parameters
    ----------
    model
        The device model.
    rng
        Generator of the devices and of their noise.
    pulses
        Pulses each way; by default the nominal number of states, at most `LONGEST`.
    devices
        Devices sampled; the standard error of the mean is ``std / sqrt(devices)``.
    examples
        Devices whose single traces are kept, at most `devices`.

    Raises
    ------
    RangeError
        `pulses` or `devices` out of range.
    """
    n = min(max(round(model.states), 1), LONGEST) if pulses is None else pulses
    if not 1 <= n <= LONGEST or not 1 <= examples <= devices:
        raise RangeError(
            f"pulse response: pulses = {n}, devices = {devices}, examples = {examples}: "
            f"allowed 1 to {LONGEST} pulses and 1 <= examples <= devices"
        )
    cells = model.sample((devices,), rng, np, np.float64)
    g = model.write(np.zeros(devices), cells)
    mean, std = np.empty(2 * n + 1), np.empty(2 * n + 1)
    kept = np.empty((examples, 2 * n + 1))
    up = np.ones(devices, dtype=np.int8)
    for k in range(2 * n + 1):
        if k:
            g = model.pulse(g, up if k <= n else -up, cells, rng)
        seen = model.visible(g, cells, rng)
        mean[k], std[k], kept[:, k] = seen.mean(), seen.std(), seen[:examples]
    return PulseResponse(
        np.arange(2 * n + 1), mean, std, kept, symmetry_point(model), model.states, effective_states(model)
    )


def step_profile(model: DeviceModel, points: int = 201) -> StepProfile:
    """Return the mean steps of the nominal device at `points` conductances from g_min to g_max."""
    g, cells = np.linspace(model.g_min, model.g_max, points), model.nominal(np, np.float64)
    up, down = (np.broadcast_to(model.increment(g, cells, way), g.shape).astype(float) for way in (True, False))
    return StepProfile(g, up, down)


def effective_states(model: DeviceModel) -> float:
    """Return how many values of one device a pulse can tell apart: ``range / max(step, 2 std)``.

    std is that of the visible conductance after one pulse at mid-range, cycle-to-cycle and write noise together, the
    larger of both directions: values closer than two of them are not two values.
    """
    g, cells = np.full(1, model.g_mid), model.nominal(np, np.float64)
    noise = 0.0
    for up in (True, False):
        std = model.jitter(g, model.increment(g, cells, up), cells, up)
        noise = max(noise, 0.0 if std is None else float(np.max(std)))
    write = getattr(model, "write_noise", 0.0) * model.step
    return (model.g_max - model.g_min) / max(model.step, 2 * math.hypot(noise, write))


def symmetry_point(model: DeviceModel) -> float | None:
    """Return the conductance [S] at which one pulse up and one pulse down of the nominal device cancel.

    None where there is no such single point: steps that are equal everywhere, or nowhere.
    """
    cells = model.nominal(np, np.float64)

    def excess(g: float) -> float:
        at = np.array([g])
        return float(np.sum(model.increment(at, cells, True) - model.increment(at, cells, False)))

    low, high = model.g_min, model.g_max
    at_low, at_high = excess(low), excess(high)
    if not at_low * at_high < 0:
        return None
    while high - low > 1e-12 * model.g_max:
        middle = 0.5 * (low + high)
        if excess(middle) * at_low > 0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
