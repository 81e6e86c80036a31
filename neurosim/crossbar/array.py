"""A crossbar: a pair array of devices, its mapping, its programming and its reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.checks import check_array
from neurosim.crossbar.drawing import drawn
from neurosim.crossbar.faults import Faults
from neurosim.crossbar.mapping import MAPPINGS, Layout
from neurosim.crossbar.pair import PairState
from neurosim.crossbar.plane import Plane
from neurosim.crossbar.read import WeightNoise
from neurosim.crossbar.write_error import WriteError
from neurosim.devices import Ageing, DeviceModel, Wear
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
    plus, minus
        The devices of G+ and of G-.
    dtype
        ``"float32"`` or ``"float64"``.
    """

    name: str
    shape: tuple[int, int]
    device: DeviceModel
    mapping: str
    scheme: str
    g_ref: float
    read_noise: float
    plus: Plane = field(repr=False)
    minus: Plane = field(repr=False)
    dtype: str
    layout: Layout = field(repr=False)

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
        plus, minus = drawn(
            device,
            layout,
            name,
            shape,
            streams,
            dtype,
            ageing=ageing,
            wear=wear,
            faults=faults,
            write_error=write_error,
        )
        g_ref, read_noise = float(g_ref), float(read_noise)
        return cls(name, shape, device, mapping, scheme, g_ref, read_noise, plus, minus, str(dtype), layout)

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
        return self.plus.lasting is not None and self.plus.lasting.ageing is not None

    @property
    def wears(self) -> bool:
        """Whether devices stop after a number of pulses."""
        return self.plus.lasting is not None and self.plus.lasting.wear is not None

    @property
    def shorted(self) -> bool:
        """Whether any lines are shorted."""
        return bool(self.plus.shorts or self.minus.shorts)

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
        plus, minus = self.layout.place(d, self.device, self.plus.cells, self.minus.cells)
        plus, minus = self.plus.aimed(plus, None, rng), self.minus.aimed(minus, None, rng)
        return self.begun(PairState.of(self.plus.set(plus, rng), self.minus.set(minus, rng)))

    def begun(self, pair: PairState) -> PairState:
        """Return `pair` as the state of devices that were never used before."""
        return PairState.of(self.plus.begun(pair.plus), self.minus.begun(pair.minus))

    def weights(self, state: PairState) -> Array:
        """Return the visible weights ``(G+ - G-) / g_ref``, (rows, cols)."""
        w = self.plus.seen(state.read_plus) - self.minus.seen(state.read_minus)
        w *= 1 / self.g_ref
        return w

    def targets(self, state: PairState, delta_w: Array) -> tuple[Array, Array]:
        """Return G+ and G- [S] that change the visible weights by `delta_w`, within each device's range."""
        d = self._difference(delta_w, "delta_w")
        return self.layout.shift(state.read_plus, state.read_minus, d, self.device, self.plus.cells, self.minus.cells)

    def disturbed(self, state: PairState, plus: Array, minus: Array) -> PairState:
        """Return the state as read while its conductances deviate by the relative `plus` and `minus`."""
        return replace(state, read_plus=state.read_plus * (1 + plus), read_minus=state.read_minus * (1 + minus))

    def write(self, state: PairState, delta_w: Array, rng: Any) -> PairState:
        """Return the state after a closed-loop change of the weights by `delta_w`, within each device's range.

        It is exact, or ends off its target by the write error; devices whose conductance stays are not written.
        """
        d = self._difference(delta_w, "delta_w")
        g = state.g_plus, state.g_minus
        plus, minus = self.layout.shift(*g, d, self.device, self.plus.cells, self.minus.cells)
        return self.rewritten(state, self.plus.aimed(plus, g[0], rng), self.minus.aimed(minus, g[1], rng), rng)

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
        one = self.plus.pulsed(state.plus, plus, rng)
        return PairState.of(one, state.minus if minus is None else self.minus.pulsed(state.minus, minus, rng))

    def allowed(self, state: PairState, plus: Array, minus: Array | None) -> tuple[Array, Array | None]:
        """Return of these pulses those that the devices still take."""
        other = None if minus is None else self.minus.allowed(state.minus, minus)
        return self.plus.allowed(state.plus, plus), other

    def reset(self, state: PairState, pairs: Array, rng: Any) -> tuple[PairState, float]:
        """Return the state after an abrupt reset of both devices of `pairs` (rows, cols, bool), and the pulses."""
        one = pairs.astype(self.dtype)
        plus, minus = self.plus.allowed(state.plus, one), self.minus.allowed(state.minus, one)
        g_plus = self.plus.reset(state.plus, plus != 0, rng)
        g_minus = self.minus.reset(state.minus, minus != 0, rng)
        new = PairState.of(
            self.plus.landed(state.plus, g_plus, plus, rng), self.minus.landed(state.minus, g_minus, minus, rng)
        )
        return new, float(plus.sum()) + float(minus.sum())

    def rewritten(self, state: PairState, g_plus: Array, g_minus: Array, rng: Any) -> PairState:
        """Return the state after an exact write of these hidden conductances [S]."""
        return PairState.of(self.plus.written(state.plus, g_plus, rng), self.minus.written(state.minus, g_minus, rng))

    def wait(self, state: PairState, seconds: float, rng: Any) -> PairState:
        """Return the state after `seconds` without programming; the same state where devices do not age."""
        if not self.ages or seconds == 0:
            return state
        return PairState.of(self.plus.wait(state.plus, seconds, rng), self.minus.wait(state.minus, seconds, rng))

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
        if self.shorted:
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
        if self.read_noise and self.shorted:
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
        return self.plus.seen(found[0]), self.minus.seen(found[1])

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
