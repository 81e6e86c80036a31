"""Programming an array by all pulses of a batch: in the order in which they come, or each direction at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.array import Crossbar
from neurosim.crossbar.pair import PairState
from neurosim.devices.events import Events, Series
from neurosim.devices.moments import pulse_at_once
from neurosim.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Batch:
    """The array after the pulses of a batch, and what was applied.

    Attributes
    ----------
    pulses
        Pulses of all devices.
    pulsed
        Sum over these pulses of the conductance of the device that got it [S]: mean of before and after.
    """

    state: PairState
    pulses: float
    pulsed: float


def aggregated(crossbar: Crossbar, state: PairState, ups: Array, downs: Array, rng: Any) -> Batch:
    """Return the array after `ups` pulses (rows, cols) that raise each weight, then `downs` that lower it.

    Each direction in one step of exact mean and variance, with one normal per device (`pulse_at_once`). A device whose
    endurance ends takes the pulses that it still has, the raising ones first.
    """
    first, second = (crossbar.layout.trains(counts) for counts in (ups, -downs))
    device, one, other = crossbar.device, crossbar.plus, crossbar.minus
    plus = one.endured(state.plus, first[0], second[0])
    g_plus = pulse_at_once(device, state.g_plus, plus, one.cells, rng)
    if first[1] is None or second[1] is None:
        return _landed(crossbar, state, (g_plus, state.g_minus), (_total(plus), None), rng)
    minus = other.endured(state.minus, first[1], second[1])
    g_minus = pulse_at_once(device, state.g_minus, minus, other.cells, rng)
    return _landed(crossbar, state, (g_plus, g_minus), (_total(plus), _total(minus)), rng)


def _total(trains: tuple[Array, Array]) -> Array:
    """Return the pulses of two trains of opposite signs."""
    total = trains[0] - trains[1]
    return namespace(total).abs(total, out=total)


def in_order(
    crossbar: Crossbar, state: PairState, series: Iterable[Events], ups: Array, downs: Array, rng: Any
) -> Batch:
    """Return the array after all events of `series` on its weights, one after another.

    Parameters
    ----------
    crossbar, state
        The array.
    series
        Events of the weights, block after block.
    ups, downs
        Their sums in each direction, (rows, cols).
    rng
        Generator of the cycle-to-cycle noise.

    Raises
    ------
    ConfigError
        Devices of limited endurance, which would have to stop in the middle of the batch.
    """
    layout = crossbar.layout
    if crossbar.wears:
        raise ConfigError(
            "learning.pulse_order = 'samples': the end of a device's life within a batch is not modelled; use "
            "'aggregated' or 'net', or leave [crossbar.wear] out"
        )
    first, second = (layout.trains(counts) for counts in (ups, -downs))
    plus = Series(crossbar.device, state.g_plus, crossbar.plus.cells, rng)
    two = first[1] is not None and second[1] is not None
    minus = Series(crossbar.device, state.g_minus, crossbar.minus.cells, rng) if two else None
    for events in series:
        one, other = layout.trains(events.counts)
        plus.apply(replace(events, counts=one))
        if minus is not None:
            minus.apply(replace(events, counts=other))
    totals = _total((first[0], second[0])), None if minus is None else _total((first[1], second[1]))
    return _landed(crossbar, state, (plus.g, state.g_minus if minus is None else minus.g), totals, rng)


def _landed(
    crossbar: Crossbar, state: PairState, g: tuple[Array, Array], totals: tuple[Array, Array | None], rng: Any
) -> Batch:
    """Return the array whose devices got so many pulses, which led to the hidden conductances `g`."""
    pulses = sum(float(total.sum()) for total in totals if total is not None)
    plus, minus = (None if total is None else total.astype(g[0].dtype) for total in totals)
    assert plus is not None
    one, other = crossbar.plus.landed(state.plus, g[0], plus, rng), state.minus
    after = PairState.of(one, other if minus is None else crossbar.minus.landed(other, g[1], minus, rng))
    # a product without the whole array of its terms, which would cost as much as the moments
    pulsed = sum(0.5 * float(plus.ravel() @ pair.g_plus.ravel()) for pair in (state, after))
    if minus is not None:
        pulsed += sum(0.5 * float(minus.ravel() @ pair.g_minus.ravel()) for pair in (state, after))
    return Batch(after, pulses, pulsed)
