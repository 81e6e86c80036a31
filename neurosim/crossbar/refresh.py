"""Refresh of an array: pairs that are full are reset and rewritten, devices that have aged are programmed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from neurosim.backend import Array, namespace
from neurosim.crossbar.array import Crossbar
from neurosim.crossbar.pair import PairState
from neurosim.devices.verify import pulses_towards

Counts: TypeAlias = Callable[[PairState], tuple[Array, Array | None]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The array after a refresh, and what that took.

    Attributes
    ----------
    pulses
        Pulses given, resets among them.
    refreshes
        Pairs reset and rewritten, and arrays programmed again.
    pulsed
        Sum over these pulses of the conductance of the device that got it [S]: mean of before and after each train.
    """

    state: PairState
    pulses: float = 0.0
    refreshes: int = 0
    pulsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Refresh:
    """When an array is refreshed, and how.

    Attributes
    ----------
    every
        Updates after which all devices are programmed to what was last written; 0 for never.
    stale
        The same as soon as the mean distance of the devices from what was last written exceeds this share of the
        nominal range; 0 for never.
    larger, smaller
        A pair that is only potentiated is reset and rewritten when its larger device is above `larger` and its smaller
        one above `smaller`, both as shares of the nominal range. ``larger = 1`` is never.
    rounds
        Most trains of pulses to one device in one refresh, each followed by a reading.
    longest
        Most pulses of one train.
    exact
        Write what was last written exactly, one pulse per device, as the ideal programmer does.
    """

    every: int = 0
    stale: float = 0.0
    larger: float = 0.75
    smaller: float = 0.25
    rounds: int = 20
    longest: int = 1000
    exact: bool = False

    def after_update(self, crossbar: Crossbar, state: PairState, step: int, rng: Any) -> Refreshed:
        """Return the array as it is left after update number `step`."""
        done = Refreshed(state)
        if crossbar.layout.one_way and self.larger < 1:
            done = self.emptied(crossbar, state, rng)
        if self._due(crossbar, done.state, step):
            again = self.rewritten(crossbar, done.state, rng)
            done = Refreshed(
                again.state,
                done.pulses + again.pulses,
                done.refreshes + again.refreshes,
                done.pulsed + again.pulsed,
            )
        return done

    def emptied(self, crossbar: Crossbar, state: PairState, rng: Any) -> Refreshed:
        """Return the array whose full pairs were read, reset and given their difference again."""
        xp, device = namespace(state.g_plus), crossbar.device
        share = [(g - device.g_min) / (device.g_max - device.g_min) for g in (state.read_plus, state.read_minus)]
        full = (xp.maximum(*share) > self.larger) & (xp.minimum(*share) > self.smaller)
        if not bool(full.any()):
            return Refreshed(state)
        difference = state.read_plus - state.read_minus
        begun = state
        state, resets = crossbar.reset(state, full, rng)
        plus = crossbar.plus.cells.clip(state.read_minus + xp.maximum(difference, 0))
        minus = crossbar.minus.cells.clip(state.read_plus + xp.maximum(-difference, 0))

        def train(now: PairState) -> tuple[Array, Array | None]:
            up = (
                pulses_towards(device, read, target, cells, longest=self.longest, up_only=True)
                for read, target, cells in (
                    (now.read_plus, plus, crossbar.plus.cells),
                    (now.read_minus, minus, crossbar.minus.cells),
                )
            )
            one, other = up
            return one * (full & (difference > 0)), other * (full & (difference < 0))

        heat = 0.5 * sum(crossbar.pulsed_devices(pair, full, full) for pair in (begun, state))
        state, pulses, pulsed = self._trains(crossbar, state, train, rng)
        return Refreshed(state, resets + pulses, int(full.sum()), heat + pulsed)

    def rewritten(self, crossbar: Crossbar, state: PairState, rng: Any) -> Refreshed:
        """Return the array whose devices were programmed to what was last written, exactly or by pulses."""
        if state.past_plus is None or state.past_minus is None:
            return Refreshed(state)
        plus, minus = state.past_plus, state.past_minus
        if self.exact:
            again = crossbar.rewritten(state, plus.g, minus.g, rng)
            changed = int((plus.age != again.past_plus.age).sum() + (minus.age != again.past_minus.age).sum())
            return Refreshed(again, float(changed), 1)
        device, one_way = crossbar.device, crossbar.layout.one_way

        def train(now: PairState) -> tuple[Array, Array | None]:
            one, other = (
                pulses_towards(device, read, target, cells, longest=self.longest, up_only=one_way)
                for read, target, cells in (
                    (now.read_plus, plus.g, crossbar.plus.cells),
                    (now.read_minus, minus.g, crossbar.minus.cells),
                )
            )
            return one, other if crossbar.layout.signed else None

        again, pulses, pulsed = self._trains(crossbar, state, train, rng)
        return Refreshed(again, pulses, 1, pulsed)

    def _trains(self, crossbar: Crossbar, state: PairState, train: Counts, rng: Any) -> tuple[PairState, float, float]:
        """Return the state after trains of pulses and readings in turn, the pulses given and their `pulsed`."""
        total = pulsed = 0.0
        for _ in range(self.rounds):
            plus, minus = crossbar.allowed(state, *train(state))
            given = float(abs(plus).sum()) + (0.0 if minus is None else float(abs(minus).sum()))
            if given == 0:
                break
            before, state = state, crossbar.apply(state, plus, minus, rng)
            pulsed += 0.5 * sum(crossbar.pulsed_devices(pair, plus, minus) for pair in (before, state))
            total += given
        return state, total, pulsed

    def _due(self, crossbar: Crossbar, state: PairState, step: int) -> bool:
        if self.every and step % self.every == 0:
            return True
        return self.stale > 0 and staleness(crossbar, state) > self.stale


def staleness(crossbar: Crossbar, state: PairState) -> float:
    """Return the mean distance of the devices from what was last written, as a share of the nominal range."""
    sides = [(state.g_plus, state.past_plus)]
    if crossbar.layout.signed:
        sides.append((state.g_minus, state.past_minus))
    moved = [float(abs(g - past.g).mean()) for g, past in sides if past is not None and past.g is not None]
    return sum(moved) / max(len(moved), 1) / (crossbar.device.g_max - crossbar.device.g_min)
