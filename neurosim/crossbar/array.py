"""A crossbar: a pair array of devices, its mapping, its programming and its reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.checks import check_array
from neurosim.crossbar.drawing import drawn, lasting_pair, with_faults
from neurosim.crossbar.faults import NO_SHORTS, Faults, Shorts
from neurosim.crossbar.lasting import Lasting
from neurosim.crossbar.mapping import MAPPINGS, Layout
from neurosim.crossbar.pair import PairState
from neurosim.crossbar.read import WeightNoise
from neurosim.crossbar.write_error import WriteError
from neurosim.devices import Ageing, Cells, DeviceModel, Wear
from neurosim.errors import ConfigError, RangeError, ShapeError, choose
from neurosim.rng import Streams


@dataclass(frozen=True, slots=True, eq=False)
class Crossbar:
    """An array of weights ``W = (G+ - G-) / g_ref`` on pairs of devices. Make one with `build`.

    Rows are inputs, columns are outputs: a read from the rows gives ``x @ W``, from the columns ``a @ W.T``.
    The devices belong to the crossbar and never change; the conductances are a `PairState` passed in and out.

    Attributes
    ----------
    name
        Name of the synapse; names the random streams of its devices.
    shape
        (rows, cols).
    device
        Device model of every element.
    mapping, scheme
        Names of the mapping and of the update scheme.
    g_ref
        Conductance of a weight of one [S].
    read_noise
        Std of a conductance at each read relative to its value; not clipped, so keep it well below 1.
    cells_plus, cells_minus
        The individual devices.
    dtype
        ``"float32"`` or ``"float64"``.
    lasting
        How the devices of G+ and of G- age and wear; None when they do not.
    write_error
        How far from its target an exact write ends, or None.
    shorts_plus, shorts_minus
        Shorted lines of G+ and of G-.
    """

    name: str
    shape: tuple[int, int]
    device: DeviceModel
    mapping: str
    scheme: str
    g_ref: float
    read_noise: float
    cells_plus: Cells
    cells_minus: Cells
    dtype: str
    layout: Layout = field(repr=False)
    lasting: tuple[Lasting, Lasting] | None = field(default=None, repr=False)
    write_error: WriteError | None = None
    shorts_plus: Shorts = NO_SHORTS
    shorts_minus: Shorts = NO_SHORTS

    @classmethod
    def build(
        cls,
        name: str,
        shape: tuple[int, int],
        *,
        device: DeviceModel,
        mapping: str,
        scheme: str,
        g_ref: float,
        read_noise: float,
        streams: Streams,
        dtype: Any = "float32",
        ageing: Ageing | None = None,
        wear: Wear | None = None,
        faults: Faults | None = None,
        write_error: WriteError | None = None,
    ) -> Crossbar:
        """Check the parameters, draw the devices and return the array.

        The devices come from the streams ``devices/<name>/plus`` and ``devices/<name>/minus``, what time and pulses do
        to each of them from streams below these, their faults from ``faults/<name>/...``.

        Raises
        ------
        ConfigError
            Unknown mapping or dtype, or a scheme that the mapping does not have.
        RangeError
            `g_ref` or `read_noise` out of range, or a step that `dtype` cannot resolve at ``g_max``.
        ShapeError
            `shape` is not two positive integers.
        """
        where = f"crossbar {name}"
        layout = choose(choose(MAPPINGS, mapping, f"{where}: mapping"), scheme, f"{where}: scheme of mapping {mapping}")
        check_array(where, shape, device, g_ref, read_noise, str(dtype))
        if write_error is not None:
            write_error.check(device.g_min, device.g_max)
        plus, minus = drawn(device, layout, name, shape, streams, dtype)
        shorts = NO_SHORTS, NO_SHORTS
        if faults is not None:
            plus, minus, one, other = with_faults(faults, (plus, minus), layout, name, shape, streams)
            shorts = one, other
        lasting = None
        if ageing is not None or wear is not None:
            lasting = lasting_pair((plus, minus), layout, name, shape, ageing, wear, streams)
        return cls(
            name,
            shape,
            device,
            mapping,
            scheme,
            float(g_ref),
            float(read_noise),
            plus,
            minus,
            str(dtype),
            layout,
            lasting,
            write_error,
            *shorts,
        )

    @property
    def w_max(self) -> float:
        """Largest nominal weight; weights lie in [w_min, w_max]."""
        return self.layout.bounds(self.device)[1] / self.g_ref

    @property
    def w_min(self) -> float:
        """Smallest nominal weight: -w_max, or with one device per weight its smallest conductance."""
        return self.layout.bounds(self.device)[0] / self.g_ref

    @property
    def devices_per_pulse(self) -> int:
        """Devices moved by one pulse of `pulse`: 2 for push-pull, 1 for single and potentiate."""
        return self.layout.devices_per_pulse

    @property
    def ages(self) -> bool:
        """Whether conductances change without programming."""
        return self.lasting is not None and self.lasting[0].ageing is not None

    @property
    def weight_step(self) -> float:
        """Nominal change of weight by one pulse at mid-range: by an up pulse where there are no others."""
        if self.layout.one_way:
            return self.device.steps[0] / self.g_ref
        return self.devices_per_pulse * self.device.step / self.g_ref

    def encode(self, weights: Array, rng: Any) -> PairState:
        """Return the state programmed exactly to `weights` (rows, cols), limited to each device's range."""
        d = self._difference(weights, "weights")
        if not bool(namespace(d).isfinite(d).all()):
            raise RangeError(f"crossbar {self.name}: weights that are not finite cannot be encoded")
        placed = self.layout.place(d, self.device, self.cells_plus, self.cells_minus)
        return self.begun(self._programmed(*self._missed(*placed, None, rng), rng))

    def begun(self, pair: PairState) -> PairState:
        """Return `pair` as the state of devices that were never used before."""
        if self.lasting is None:
            return pair
        plus, minus = self.lasting
        return replace(
            pair,
            past_plus=plus.begin(pair.g_plus, pair.read_plus),
            past_minus=minus.begin(pair.g_minus, pair.read_minus),
        )

    def weights(self, state: PairState) -> Array:
        """Return the visible weights ``(G+ - G-) / g_ref``, (rows, cols)."""
        if self.shorts_plus or self.shorts_minus:
            state = self._shorted(state)
        w = state.read_plus - state.read_minus
        w *= 1 / self.g_ref
        return w

    def targets(self, state: PairState, delta_w: Array) -> tuple[Array, Array]:
        """Return G+ and G- [S] that change the visible weights by `delta_w`, within each device's range."""
        d = self._difference(delta_w, "delta_w")
        return self.layout.shift(state.read_plus, state.read_minus, d, self.device, self.cells_plus, self.cells_minus)

    def disturbed(self, state: PairState, plus: Array, minus: Array) -> PairState:
        """Return the state as read while its conductances deviate by the relative `plus` and `minus`."""
        return replace(state, read_plus=state.read_plus * (1 + plus), read_minus=state.read_minus * (1 + minus))

    def write(self, state: PairState, delta_w: Array, rng: Any) -> PairState:
        """Return the state after a closed-loop change of the weights by `delta_w`, within each device's range.

        It is exact, or ends off its target by the write error; devices whose conductance stays are not written.
        """
        d = self._difference(delta_w, "delta_w")
        pair = self.layout.shift(state.g_plus, state.g_minus, d, self.device, self.cells_plus, self.cells_minus)
        return self._written(state, *self._missed(*pair, state, rng), rng)

    def pulse(self, state: PairState, counts: Array, rng: Any) -> PairState:
        """Return the state after ``|counts|`` pulses (rows, cols) on each weight; positive raises the weight.

        Push-pull gives each pulse to both devices, in opposite directions. Only devices that got a pulse get
        a new visible conductance.
        """
        self._check(counts, "counts")
        return self.apply(state, *self.layout.trains(counts), rng)

    def apply(self, state: PairState, plus: Array, minus: Array | None, rng: Any) -> PairState:
        """Return the state after signed pulses of each device, `plus` (rows, cols) and `minus` (as G-), or None."""
        plus, minus = self.allowed(state, plus, minus)
        g_plus = self.device.pulse(state.g_plus, plus, self.cells_plus, rng)
        read_plus = self.reread(state.read_plus, g_plus, plus, self.cells_plus, rng)
        g_minus, read_minus = state.g_minus, state.read_minus
        if minus is not None:
            g_minus = self.device.pulse(g_minus, minus, self.cells_minus, rng)
            read_minus = self.reread(read_minus, g_minus, minus, self.cells_minus, rng)
        return self.passed(state, PairState(g_plus, g_minus, read_plus, read_minus), plus, minus)

    def allowed(self, state: PairState, plus: Array, minus: Array | None) -> tuple[Array, Array | None]:
        """Return of these pulses those that the devices still take."""
        if self.lasting is None:
            return plus, minus
        one, other = self.lasting
        return one.limited(plus, state.past_plus), None if minus is None else other.limited(minus, state.past_minus)

    def reset(self, state: PairState, pairs: Array, rng: Any) -> tuple[PairState, float]:
        """Return the state after an abrupt reset of both devices of `pairs` (rows, cols, bool), and the pulses."""
        xp, one = namespace(state.g_plus), pairs.astype(self.dtype)
        plus, minus = self.allowed(state, one, one)
        assert minus is not None
        g_plus, g_minus = (
            xp.where(given != 0, self.device.reset(cells, self.shape, rng, xp, self.dtype), g)
            for given, cells, g in (
                (plus, self.cells_plus, state.g_plus),
                (minus, self.cells_minus, state.g_minus),
            )
        )
        read_plus = self.reread(state.read_plus, g_plus, plus, self.cells_plus, rng)
        read_minus = self.reread(state.read_minus, g_minus, minus, self.cells_minus, rng)
        new = self.passed(state, PairState(g_plus, g_minus, read_plus, read_minus), plus, minus)
        return new, float(plus.sum()) + float(minus.sum())

    def rewritten(self, state: PairState, g_plus: Array, g_minus: Array, rng: Any) -> PairState:
        """Return the state after an exact write of these hidden conductances [S]."""
        return self._written(state, g_plus, g_minus, rng)

    def wait(self, state: PairState, seconds: float, rng: Any) -> PairState:
        """Return the state after `seconds` without programming; the same state where devices do not age."""
        if self.lasting is None or seconds == 0:
            return state
        plus, minus = self.lasting
        g_plus, read_plus, past_plus = plus.wait(state.g_plus, state.read_plus, state.past_plus, seconds, rng)
        g_minus, read_minus, past_minus = minus.wait(state.g_minus, state.read_minus, state.past_minus, seconds, rng)
        return PairState(g_plus, g_minus, read_plus, read_minus, past_plus, past_minus)

    def pulsed(self, state: PairState, counts: Array) -> float:
        """Return the sum over `counts` pulses (rows, cols) of the conductance of each device that gets one [S]."""
        return self.pulsed_devices(state, *self.layout.trains(counts))

    def pulsed_devices(self, state: PairState, plus: Array, minus: Array | None) -> float:
        """Return the same sum for pulses of each device, as `apply` takes them."""
        total = float((abs(plus) * state.g_plus).sum())
        return total if minus is None else total + float((abs(minus) * state.g_minus).sum())

    def weight_noise(self, state: PairState) -> WeightNoise:
        """Return the variances of the weights at one read: constant as long as nothing is programmed.

        Raises
        ------
        ConfigError
            Lines are shorted: their weights share the noise of their devices.
        """
        if self.shorts_plus or self.shorts_minus:
            raise ConfigError(
                f"crossbar {self.name}: read noise fresh at every read is not modelled for shorted lines, whose "
                "weights share it; take a frozen or phase one"
            )
        k = self.read_noise / self.g_ref
        plus, minus = k * state.read_plus, k * state.read_minus
        plus *= plus
        minus *= minus
        if minus.shape != plus.shape:
            return WeightNoise(plus, minus)
        plus += minus
        return WeightNoise(plus)

    def noisy_weights(self, state: PairState, rng: Any) -> Array:
        """Return the weights with one draw of the read noise of every device, (rows, cols)."""
        if self.read_noise and (self.shorts_plus or self.shorts_minus):
            plus, minus = self.conductances(state, rng)
            return plus - minus
        w = self.weights(state)
        if self.read_noise:
            w += self.weight_noise(state).draw(rng)
        return w

    def conductances(self, state: PairState, rng: Any = None) -> tuple[Array, Array]:
        """Return the visible G+ and G- in units of g_ref; given `rng`, with one draw of the read noise of each."""
        found = [read * (1 / self.g_ref) for read in (state.read_plus, state.read_minus)]
        if rng is not None and self.read_noise:
            for g in found:
                g += self.read_noise * g * rng.standard_normal(g.shape, dtype=g.dtype)
        if self.shorts_plus or self.shorts_minus:
            return self.shorts_plus.seen(found[0]), self.shorts_minus.seen(found[1])
        return found[0], found[1]

    def forward_noise(self, x: Array, state: PairState, rng: Any) -> Array:
        """Return the noise of reading `x` (batch, rows) from the rows, (batch, cols).

        Equal in distribution to ``x @ noisy - x @ W`` with fresh noisy weights for every sample. For many
        reads of one state keep `weight_noise`, for many of one input also ``weight_noise(state).forward(x)``.
        """
        if not self.read_noise:
            return namespace(x).zeros((x.shape[0], self.shape[1]), dtype=x.dtype)
        return self.weight_noise(state).forward(x).draw(rng)

    def backward_noise(self, a: Array, state: PairState, rng: Any) -> Array:
        """Return the noise of reading `a` (batch, cols) from the columns, (batch, rows): `forward_noise`."""
        if not self.read_noise:
            return namespace(a).zeros((a.shape[0], self.shape[0]), dtype=a.dtype)
        return self.weight_noise(state).backward(a).draw(rng)

    def _difference(self, weights: Array, what: str) -> Array:
        """Return the difference of conductance [S] of `weights`, as a fresh array."""
        self._check(weights, what)
        xp = namespace(weights)
        return xp.multiply(weights, self.g_ref, out=xp.empty(self.shape, dtype=self.dtype))

    def _check(self, values: Array, what: str) -> None:
        if values.shape != self.shape:
            raise ShapeError(f"crossbar {self.name}: {what} {values.shape}, expected {self.shape}")

    def _shorted(self, state: PairState) -> PairState:
        """Return the state with its visible conductances as shorted lines show them."""
        plus, minus = self.shorts_plus.seen(state.read_plus), self.shorts_minus.seen(state.read_minus)
        return replace(state, read_plus=plus, read_minus=minus)

    def _missed(self, g_plus: Array, g_minus: Array, old: PairState | None, rng: Any) -> tuple[Array, Array]:
        """Return where a write of these targets ends; devices that keep the conductance of `old` are not written."""
        if self.write_error is None:
            return g_plus, g_minus
        held = (None, None) if old is None else (old.g_plus, old.g_minus)
        plus, minus = (
            self.write_error.reached(g, before, cells, self.device, rng)
            for g, before, cells in zip((g_plus, g_minus), held, (self.cells_plus, self.cells_minus), strict=True)
        )
        return plus, minus

    def _programmed(self, g_plus: Array, g_minus: Array, rng: Any) -> PairState:
        read_plus = self.device.visible(g_plus, self.cells_plus, rng)
        read_minus = self.device.visible(g_minus, self.cells_minus, rng)
        return PairState(g_plus, g_minus, read_plus, read_minus)

    def _written(self, state: PairState, g_plus: Array, g_minus: Array, rng: Any) -> PairState:
        """Return the state after an exact write; each device that it changes counts one pulse, those stopped stay."""
        if self.lasting is None:
            return self._programmed(g_plus, g_minus, rng)
        one, other = self.lasting
        plus = one.limited((g_plus != state.g_plus).astype(self.dtype), state.past_plus)
        minus = other.limited((g_minus != state.g_minus).astype(self.dtype), state.past_minus)
        xp = namespace(g_plus)
        hidden = xp.where(plus != 0, g_plus, state.g_plus), xp.where(minus != 0, g_minus, state.g_minus)
        new = self._programmed(*hidden, rng)
        if not self.device.exact_read:
            seen = xp.where(plus != 0, new.read_plus, state.read_plus)
            new = PairState(*hidden, seen, xp.where(minus != 0, new.read_minus, state.read_minus))
        return self.passed(state, new, plus, minus)

    def passed(self, state: PairState, new: PairState, plus: Array, minus: Array | None) -> PairState:
        """Return `new`, made from `state` by so many pulses of each device, with its past."""
        if self.lasting is None:
            return new
        one, other = self.lasting
        g_plus, read_plus, past_plus = one.programmed(new.g_plus, new.read_plus, state.past_plus, plus)
        g_minus, read_minus, past_minus = new.g_minus, new.read_minus, state.past_minus
        if minus is not None:
            g_minus, read_minus, past_minus = other.programmed(g_minus, read_minus, past_minus, minus)
        return PairState(g_plus, g_minus, read_plus, read_minus, past_plus, past_minus)

    def reread(self, read: Array, g: Array, counts: Array, cells: Cells, rng: Any) -> Array:
        """Return the visible conductances after pulses: redrawn where there was one, else as before."""
        if self.device.exact_read:
            return g
        index = namespace(g).flatnonzero(counts.ravel() != 0)
        read = read.copy()
        read.ravel()[index] = self.device.visible(g.ravel()[index], cells.take(index), rng)
        return read
