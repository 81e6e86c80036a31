"""The passive network: layers of circuit nodes joined by arrays of conductances, described apart from their values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError, ShapeError, choose
from neurosim.networks.cost import DifferentialError, SquaredError
from neurosim.networks.resistive.circuit import ResistiveField
from neurosim.networks.resistive.laws import Law, Linear
from neurosim.networks.topology import BIAS, INPUT, Topology
from neurosim.units import Scale

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.networks.cost import Cost
    from neurosim.networks.nudge import Nudge
    from neurosim.networks.rate import ReadNoise
    from neurosim.networks.resistive.diode import Clamp

INPUTS = ("doubled", "pairs")
OUTPUTS = ("single", "pairs")
OHMIC = Linear()


class Conductances(NamedTuple):
    """What a network reads of one array, in units of g_ref: G (rows, cols), or G+ and G- of pairs."""

    plus: Array
    minus: Array | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A bidirectional amplifier behind every node of a layer, for the arrays that leave the layer.

    They are driven at `gain` times the node's voltage (a voltage-controlled source), and `back_gain` times the current
    they draw is taken from the node (a current-controlled source). The pair A, 1/A keeps the power of both sides
    equal; Kendall et al. 2020 (arXiv:2006.01981) have A = 4.

    Attributes
    ----------
    gain
        A > 0.
    back_gain
        B > 0; 0, the default, stands for 1/A and is replaced by it.
    """

    gain: float
    back_gain: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise RangeError(f"Stage.gain = {self.gain!r}: allowed (0, inf)")
        if not (math.isfinite(self.back_gain) and self.back_gain >= 0):
            raise RangeError(f"Stage.back_gain = {self.back_gain!r}: allowed (0, inf), or 0 for 1 / gain")
        if self.back_gain == 0:
            object.__setattr__(self, "back_gain", 1 / self.gain)


@dataclass(frozen=True)
class ResistiveNetwork:
    """A nonlinear resistive network; build a layered one with `layered_resistive`.

    Node i of a free layer has capacitance to ground, and Kirchhoff's current law is, in natural units,

        du_i/dt = -rate_i (I_i(u) + beta dL/du_i)
        I_i = leak u_i + diodes(u_i) + sum_k g_ki h(u_i - v_k) + B sum_j g_ij h(A u_i - u_j)

    over the arrays that end at its layer (rows at the voltages v_k) and those that leave it, behind the stage A, B.
    With ``inputs = "doubled"`` the clamped layers hold (x, -x) and every crosspoint one conductance, ``g >= 0``; with
    ``"pairs"`` every crosspoint has G+ from the row at v and G- from an inverted copy of the row at -v (for a free
    layer: an inverting copy of its stage, gain -A, back gain -B), so that signed weights ``W = G+ - G-`` exist.

    The currents derive from one function. With ``C_s`` the content of array s and ``D_l`` that of the leaks and diodes
    of layer l, ``d C_s / d u_i = A (current)`` for an array that leaves layer l, of which the node gets B times: with

        c_post = c_pre B_pre / A_pre,   c_output = 1:      E = sum_l c_l D_l + sum_s c_post(s) C_s,   dE/du_i = c_l I_i

    so the network is reciprocal, E (the co-content) falls as the free network settles, and equilibrium propagation
    holds: ``F = -E - beta L`` has its gradient zero at the nudged state, and the observable of array s is
    ``-dE/dg = -c_post H(v_row - v_col)``. An array before a stage therefore counts A/B times as much as one behind it.

    Attributes
    ----------
    topology
        Clamped layers ``input`` and ``bias`` and free layers; every array between free layers is reciprocal.
    scale
        Natural units to SI, for the diodes.
    stages
        Free layer -> stage; layers without one drive their arrays directly.
    leaks
        Free layer -> conductance to ground of each node, in units of g_ref; 0 where not given.
    clamps
        Free layer -> diodes from each node to fixed sources.
    laws
        Array -> law of its elements; linear where not given.
    inputs
        ``"doubled"`` or ``"pairs"``: how signed weights are made.
    outputs
        ``"single"``: one node per output. ``"pairs"``: nodes (v+, v-), the first half of the layer and the second.
    rate
        c_node over the node's own capacitance: 1.0, or an array (nodes,).

    Raises
    ------
    ConfigError
        A readout, an array that is not reciprocal, an unknown name, stages whose weights c contradict each other, or an
        odd number of nodes where they are halved.
    """

    topology: Topology
    scale: Scale
    stages: Mapping[str, Stage] = field(default_factory=dict)
    leaks: Mapping[str, float] = field(default_factory=dict)
    clamps: Mapping[str, tuple[Clamp, ...]] = field(default_factory=dict)
    laws: Mapping[str, Law] = field(default_factory=dict)
    inputs: str = "doubled"
    outputs: str = "single"
    rate: float | Array = 1.0

    fresh_reads: ClassVar[bool] = False
    """Whether noise that is fresh at every read is modelled."""

    def __post_init__(self) -> None:
        choose(dict.fromkeys(INPUTS), self.inputs, "network.inputs")
        choose(dict.fromkeys(OUTPUTS), self.outputs, "network.outputs")
        free, arrays = self.topology.slices, {s.name: s for s in self.topology.synapses}
        for key in ("stages", "leaks", "clamps"):
            for layer in getattr(self, key):
                choose(free, layer, f"network.{key}: free layer")
        for name in self.laws:
            choose(arrays, name, "network.laws: array")
        for layer, leak in self.leaks.items():
            if not (math.isfinite(leak) and leak >= 0):
                raise RangeError(f"network.leaks.{layer} = {leak!r}: allowed [0, inf), in units of g_ref")
        self._check_topology()
        _ = self.co_weights

    def _check_topology(self) -> None:
        top = self.topology
        if top.readout:
            raise ConfigError("a resistive network has no readout outside its dynamics: set softmax_readout = False")
        for synapse in top.synapses:
            if not (top.by_name[synapse.pre].clamped or synapse.reciprocal):
                raise ConfigError(
                    f"array {synapse.name} from {synapse.pre} to {synapse.post} is not reciprocal: conductances carry "
                    "current both ways; use a tied topology"
                )
        halved = [layer for layer in top.layers if layer.clamped and self.inputs == "doubled"]
        halved += [top.by_name[top.output]] if self.outputs == "pairs" else []
        for layer in halved:
            if layer.size % 2:
                raise ConfigError(f"layer {layer.name} has {layer.size} nodes, which do not come in pairs (+, -)")

    @cached_property
    def co_weights(self) -> dict[str, float]:
        """Free layer -> its weight c in the co-content, 1 at the output."""
        top = self.topology
        links = [(s, self.ratio(s.pre)) for s in top.synapses if s.pre in top.slices]
        found: dict[str, float] = {}
        for root in (top.output, *top.slices):
            stack = [] if root in found else [root]
            found.setdefault(root, 1.0)
            while stack:
                layer = stack.pop()
                for s, ratio in links:
                    for here, there, factor in ((s.pre, s.post, ratio), (s.post, s.pre, 1 / ratio)):
                        if here == layer and there not in found:
                            found[there] = found[here] * factor
                            stack.append(there)
        for s, ratio in links:
            if not math.isclose(found[s.post], found[s.pre] * ratio, rel_tol=1e-9):
                raise ConfigError(
                    f"array {s.name} from {s.pre} to {s.post}: the gains of the stages on its way and on another way "
                    "to the output disagree, so no co-content exists; use back_gain = 1 / gain times one common factor "
                    "per step towards the output"
                )
        return found

    def ratio(self, layer: str) -> float:
        """Return B/A of the stage of `layer`, 1 without one."""
        stage = self.stages.get(layer)
        return 1.0 if stage is None else stage.back_gain / stage.gain

    def law(self, array: str) -> Law:
        """Return the law of the elements of `array`."""
        return self.laws.get(array, OHMIC)

    def clamped(self, x: Array) -> dict[str, Array]:
        """Return the voltages of the rows of each clamped layer, (batch, size), for data `x` (batch, n_in).

        The input holds x and the bias 1; doubled, they hold (x, -x) and (1, -1).
        """
        xp, top = namespace(x), self.topology
        doubled = self.inputs == "doubled"
        size = top.by_name[INPUT].size // (2 if doubled else 1)
        if x.ndim != 2 or x.shape[1] != size:
            raise ShapeError(f"input has shape {tuple(x.shape)}; expected (batch, {size})")
        rows = {INPUT: x}
        if BIAS in top.by_name:
            rows[BIAS] = xp.ones((x.shape[0], 1), dtype=x.dtype)
        return {name: xp.concatenate((v, -v), axis=1) for name, v in rows.items()} if doubled else rows

    def bind(self, conductances: Mapping[str, Conductances], x: Array, *, nudge: Nudge | None = None) -> ResistiveField:
        """Return the relaxation field for given conductances, data `x` (batch, n_in) and nudge."""
        return ResistiveField(self, conductances, self.clamped(x), nudge)

    def field(
        self,
        conductances: Mapping[str, Conductances],
        x: Array,
        *,
        nudge: Nudge | None = None,
        copies: int = 1,
        read_noise: ReadNoise | None = None,
    ) -> ResistiveField:
        """Return the relaxation field with the batch stacked `copies` times; `nudge` is that of the stacked batch."""
        if read_noise is not None:
            raise ConfigError("read noise that is fresh at every read is not modelled in resistive networks")
        return self.bind(conductances, namespace(x).tile(x, (copies, 1)) if copies > 1 else x, nudge=nudge)

    @property
    def layouts(self) -> frozenset[tuple[str, str]]:
        """Mappings and schemes that its arrays may have.

        Pairs must be programmed so that G+ + G-, which loads the nodes, stays: other schemes have other observables.
        """
        return frozenset({("unsigned", "single") if self.inputs == "doubled" else ("balanced", "push_pull")})

    def read(self, crossbar: Crossbar, pair: PairState, rng: Any = None) -> Conductances:
        """Return the conductances that one read of an array gives; with read noise if `rng` is given."""
        plus, minus = crossbar.conductances(pair, rng)
        return Conductances(plus, None if self.inputs == "doubled" else minus)

    def weight(self, read: Conductances) -> Array:
        """Return the weights of what was read, (rows, cols)."""
        return read.plus if read.minus is None else read.plus - read.minus

    def cost(self, conductances: Mapping[str, Conductances], noise: object = None) -> Cost:
        """Return the loss; there is no readout whose conductances or noise would matter."""
        return SquaredError() if self.outputs == "single" else DifferentialError()

    def voltage(self, u: Array) -> Array:
        """Return `u`: the state is the voltages [v_ref]."""
        return u

    def activity(self, u: Array) -> Array:
        """Return `u` as a new array."""
        return u.copy()
