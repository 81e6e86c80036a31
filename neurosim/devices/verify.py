"""Write and verify: trains of pulses with a reading after each, until the conductance is within half a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace

if TYPE_CHECKING:
    from neurosim.devices.base import DeviceModel
    from neurosim.devices.cells import Cells

SMALLEST_STEP = 1e-30
"""Steps [S] below it are none: the device cannot be moved that way."""


def pulses_towards(
    device: DeviceModel, g: Array, target: Array, cells: Cells, *, longest: int, up_only: bool = False
) -> Array:
    """Return the signed pulses of the next train: the distance over the mean step at `g`, rounded.

    Zero where `g` is within half a step of `target`, and where the device does not move that way.

    Parameters
    ----------
    g, target
        Conductances [S] as read, and as wanted; equal shapes.
    longest
        Most pulses of one train.
    up_only
        Give no pulses that lower a conductance.
    """
    xp = namespace(g)
    distance = target - g
    step = xp.where(distance > 0, device.increment(g, cells, True), device.increment(g, cells, False))
    counts = xp.where(step > SMALLEST_STEP, xp.rint(distance / xp.maximum(step, SMALLEST_STEP)), 0.0)
    return xp.clip(counts, 0.0 if up_only else -longest, longest).astype(g.dtype)
