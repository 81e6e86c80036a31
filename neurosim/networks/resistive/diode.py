"""The junction diode in SI units, and how a layer is clamped by diodes to fixed sources."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError, choose

CONSTANTS: dict[str, tuple[float, float]] = {
    "codata2010": (1.3806488e-23, 1.602176565e-19),
    "codata2014": (1.38064852e-23, 1.6021766208e-19),
    "codata2018": (1.380649e-23, 1.602176634e-19),
    "spice3": (1.3806226e-23, 1.6021918e-19),
}
"""Name -> Boltzmann constant [J/K], elementary charge [C]. ngspice 39 has those of CODATA 2014."""

REVERSE = ("shockley", "spice3")
ANODES = ("node", "bias")


@dataclass(frozen=True, slots=True)
class Diode:
    """``i(v) = i_s (exp(v / n V_t) - 1) + g_min v`` with ``V_t = k T / q``; v from anode to cathode, in volts.

    ``reverse = "spice3"`` replaces the exponential below ``v = -3 n V_t`` by ``-i_s (1 + (3 n V_t / (e v))^3)``, which
    joins it with equal value and slope: what SPICE 3 and ngspice compute (ngspice 39, dioload.c; with
    ``constants = "codata2014"`` and its gmin the curves are equal). It is no analytic function of v.

    Attributes
    ----------
    i_s
        Saturation current [A], > 0.
    n
        Emission coefficient, > 0.
    temperature
        T [K], > 0.
    constants
        Name in `CONSTANTS`.
    reverse
        ``"shockley"`` or ``"spice3"``.
    g_min
        Conductance across the junction [S], >= 0; ngspice has 1e-12 S by default.

    Notes
    -----
    Nothing is limited: far forward the exponential overflows to inf, as it should. The solvers damp their steps.

    Raises
    ------
    RangeError, ConfigError
        A parameter out of its range, or an unknown name.
    """

    i_s: float = 1e-9
    n: float = 1.5
    temperature: float = 300.15
    constants: str = "codata2014"
    reverse: str = "shockley"
    g_min: float = 0.0

    def __post_init__(self) -> None:
        for name, unit in (("i_s", "A"), ("n", "1"), ("temperature", "K")):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise RangeError(f"Diode.{name} = {value!r}: allowed (0, inf) {unit}")
        if not (math.isfinite(self.g_min) and self.g_min >= 0):
            raise RangeError(f"Diode.g_min = {self.g_min!r}: allowed [0, inf) S")
        choose(CONSTANTS, self.constants, "Diode.constants")
        choose(dict.fromkeys(REVERSE), self.reverse, "Diode.reverse")

    @property
    def n_vt(self) -> float:
        """``n k T / q`` [V]: the current grows e-fold with each."""
        boltzmann, charge = CONSTANTS[self.constants]
        return self.n * boltzmann * self.temperature / charge

    @property
    def holomorphic(self) -> bool:
        """Whether the curve continues analytically to complex voltages."""
        return self.reverse == "shockley"

    def current(self, v: Array) -> Array:
        """Return i(v) [A], shape of `v` [V]; complex `v` for ``reverse = "shockley"`` only."""
        self._check(v)
        if self.holomorphic:
            return self.i_s * _expm1(v / self.n_vt) + self.g_min * v
        forward, reverse, edge = self._parts(v)
        cube = (edge / (math.e * reverse)) ** 3
        found = namespace(v).where(v < edge, -self.i_s * (1 - cube), self.i_s * _expm1(forward / self.n_vt))
        return found + self.g_min * v

    def conductance(self, v: Array) -> Array:
        """Return di/dv [S]."""
        self._check(v)
        xp = namespace(v)
        if self.holomorphic:
            return self.i_s / self.n_vt * xp.exp(v / self.n_vt) + self.g_min
        forward, reverse, edge = self._parts(v)
        cube = (edge / (math.e * reverse)) ** 3
        slope = self.i_s / self.n_vt * xp.exp(forward / self.n_vt)
        return xp.where(v < edge, -3 * self.i_s * cube / reverse, slope) + self.g_min

    def content(self, v: Array) -> Array:
        """Return the integral of i from 0 to v [W]."""
        self._check(v)
        ohmic = 0.5 * self.g_min * v * v
        if self.holomorphic:
            return self.i_s * (self.n_vt * _expm1(v / self.n_vt) - v) + ohmic
        forward, reverse, edge = self._parts(v)
        joint = self.i_s * (self.n_vt * math.expm1(-3.0) - edge)
        k = (edge / math.e) ** 3  # negative: i = -i_s (1 - k / v^3) in reverse
        tail = joint - self.i_s * ((reverse - edge) + 0.5 * k * (1 / reverse**2 - 1 / edge**2))
        found = self.i_s * (self.n_vt * _expm1(forward / self.n_vt) - forward)
        return namespace(v).where(v < edge, tail, found) + ohmic

    def _parts(self, v: Array) -> tuple[Array, Array, float]:
        """Return `v` limited to the forward and to the reverse branch, and the voltage where they meet."""
        xp, edge = namespace(v), -3.0 * self.n_vt
        return xp.maximum(v, edge), xp.minimum(v, edge), edge

    def _check(self, v: Array) -> None:
        if v.dtype.kind == "c" and not self.holomorphic:
            raise RangeError(
                f"Diode.reverse = 'spice3' is not holomorphic and got a complex voltage ({v.dtype}); for complex beta "
                "use reverse = 'shockley', or choose an estimator with real beta (one_sided, random_sign, symmetric, "
                "or oscillating with the cosine waveform)"
            )


def _expm1(z: Array) -> Array:
    """Return ``exp(z) - 1``; cupy has no complex expm1."""
    xp = namespace(z)
    return xp.exp(z) - 1.0 if z.dtype.kind == "c" else xp.expm1(z)


@dataclass(frozen=True, slots=True)
class Clamp:
    """One diode from every node of a layer to a source of `bias` volts.

    Attributes
    ----------
    diode
        The diode.
    bias
        Voltage of the source against ground [V].
    anode
        ``"node"``: conducts when the node is above the bias. ``"bias"``: when it is below.

    Notes
    -----
    The nonlinearity of Kendall et al. 2020 (arXiv:2006.01981) is an antiparallel pair: anode at the node with
    ``+bias``, anode at the source with ``-bias``.
    """

    diode: Diode
    bias: float
    anode: str = "node"

    def __post_init__(self) -> None:
        if not math.isfinite(self.bias):
            raise RangeError(f"Clamp.bias = {self.bias!r}: must be finite [V]")
        if self.anode not in ANODES:
            raise ConfigError(f"Clamp.anode = {self.anode!r}: allowed {' | '.join(ANODES)}")

    def current(self, v: Array) -> Array:
        """Return the current that leaves a node at `v` [V] through the diode [A]."""
        return self.diode.current(v - self.bias) if self.anode == "node" else -self.diode.current(self.bias - v)

    def conductance(self, v: Array) -> Array:
        """Return the small-signal conductance that a node at `v` [V] sees [S]."""
        return self.diode.conductance(v - self.bias if self.anode == "node" else self.bias - v)

    def content(self, v: Array) -> Array:
        """Return the diode's content [W], whose derivative by the node's voltage is `current`."""
        return self.diode.content(v - self.bias if self.anode == "node" else self.bias - v)


def antiparallel(diode: Diode, bias: float) -> tuple[Clamp, Clamp]:
    """Return the pair that limits a node to about ``-bias - V_on .. bias + V_on``, V_on being a diode's drop."""
    return Clamp(diode, bias, "node"), Clamp(diode, -bias, "bias")
