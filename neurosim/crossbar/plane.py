"""One plane of an array, all its G+ or all its G-: the devices, and what pulses, writes and time do to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.faults import NO_SHORTS, Shorts
from neurosim.crossbar.lasting import Lasting
from neurosim.crossbar.pair import PlaneState
from neurosim.crossbar.write_error import WriteError
from neurosim.devices import Cells, DeviceModel


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The devices of one plane. Frozen; what evolves is a `PlaneState`, passed in and out.

    Attributes
    ----------
    device
        Device model of every element.
    cells
        The individual devices.
    lasting
        How they age and wear, or None.
    shorts
        Shorted lines.
    write_error
        How far from its target an exact write ends, or None.
    """

    device: DeviceModel
    cells: Cells
    lasting: Lasting | None = None
    shorts: Shorts = NO_SHORTS
    write_error: WriteError | None = None

    def begun(self, state: PlaneState) -> PlaneState:
        """Return `state` as that of devices which were never used before."""
        return state if self.lasting is None else replace(state, past=self.lasting.begin(state.g, state.read))

    def aimed(self, g: Array, held: Array | None, rng: Any) -> Array:
        """Return where a write of the targets `g` [S] ends; devices that keep `held` are not written."""
        return g if self.write_error is None else self.write_error.reached(g, held, self.cells, self.device, rng)

    def set(self, g: Array, rng: Any) -> PlaneState:
        """Return devices of hidden conductance `g` [S] with a new visible one, and without a past."""
        return PlaneState(g, self.device.visible(g, self.cells, rng))

    def written(self, state: PlaneState, g: Array, rng: Any) -> PlaneState:
        """Return the state after an exact write of `g` [S]: a pulse to each device it changes; those stopped stay."""
        if self.lasting is None:
            return self.set(g, rng)
        xp = namespace(g)
        pulses = self.lasting.limited((g != state.g).astype(g.dtype), state.past)
        new = self.set(xp.where(pulses != 0, g, state.g), rng)
        read = new.read if self.device.exact_read else xp.where(pulses != 0, new.read, state.read)
        return self._past(state, new.g, read, pulses)

    def allowed(self, state: PlaneState, pulses: Array) -> Array:
        """Return of these signed pulses those that the devices still take."""
        return pulses if self.lasting is None else self.lasting.limited(pulses, state.past)

    def endured(self, state: PlaneState, first: Array, second: Array) -> tuple[Array, Array]:
        """Return of two signed trains, one after the other, what the devices still take."""
        if self.lasting is None:
            return first, second
        first = self.lasting.limited(first, state.past)
        left = self.lasting.limited(abs(first) + abs(second), state.past) - abs(first)
        return first, namespace(second).clip(second, -left, left)

    def pulsed(self, state: PlaneState, pulses: Array, rng: Any) -> PlaneState:
        """Return the state after `pulses` that `allowed` let pass."""
        return self.landed(state, self.device.pulse(state.g, pulses, self.cells, rng), pulses, rng)

    def landed(self, state: PlaneState, g: Array, pulses: Array, rng: Any) -> PlaneState:
        """Return the state after `pulses` that led to `g`: only devices that got one get a new visible conductance."""
        read = g
        if not self.device.exact_read:
            index = namespace(g).flatnonzero(pulses.ravel() != 0)
            read = state.read.copy()
            read.ravel()[index] = self.device.visible(g.ravel()[index], self.cells.take(index), rng)
        return self._past(state, g, read, pulses)

    def reset(self, state: PlaneState, where: Array, rng: Any) -> Array:
        """Return the hidden conductances after an abrupt reset of the devices at `where`."""
        xp, g = namespace(state.g), state.g
        return xp.where(where, self.device.reset(self.cells, g.shape, rng, xp, g.dtype), g)

    def wait(self, state: PlaneState, seconds: float, rng: Any) -> PlaneState:
        """Return the state after `seconds` without programming."""
        if self.lasting is None:
            return state
        return PlaneState(*self.lasting.wait(state.g, state.read, state.past, seconds, rng))

    def stopped(self, state: PlaneState) -> Array:
        """Return which devices have come to the end of their life."""
        dead = None if self.lasting is None else self.lasting.dead(state.past)
        return namespace(state.g).zeros(state.g.shape, dtype=bool) if dead is None else dead

    def seen(self, g: Array) -> Array:
        """Return what reads see of conductances `g`."""
        return self.shorts.seen(g) if self.shorts else g

    def _past(self, state: PlaneState, g: Array, read: Array, pulses: Array) -> PlaneState:
        if self.lasting is None:
            return PlaneState(g, read)
        return PlaneState(*self.lasting.programmed(g, read, state.past, pulses))
