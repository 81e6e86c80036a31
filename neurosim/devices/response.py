"""The measurement every device paper begins with: n pulses up, then n pulses down, on many devices."""

from __future__ import annotations

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
    """

    pulse: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    examples: np.ndarray
    symmetry_point: float | None
    states: float


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
    return PulseResponse(np.arange(2 * n + 1), mean, std, kept, symmetry_point(model), model.states)


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
