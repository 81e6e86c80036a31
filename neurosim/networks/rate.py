"""The rate network: equation (1) of the design as a relaxation field bound to weights, input and nudge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from neurosim.backend import Array, namespace
from neurosim.crossbar.mapping import MAPPINGS
from neurosim.errors import ShapeError
from neurosim.networks.cost import bind_cost
from neurosim.networks.kernel_path import KernelPath
from neurosim.networks.product import product
from neurosim.networks.terms import Ahead, Back, Contribution, Coupling, OneToOne, Term
from neurosim.networks.topology import BIAS, INPUT, Synapse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neurosim.crossbar import Crossbar, PairState
    from neurosim.networks.activations.base import Activation
    from neurosim.networks.conversion import Conversion
    from neurosim.networks.cost import Cost, ReadoutNoise
    from neurosim.networks.neurons import Neurons
    from neurosim.networks.nudge import Nudge
    from neurosim.networks.topology import Topology


class ReadNoise(Protocol):
    """Fresh noise of the reads behind each drive, drawn anew at every evaluation."""

    def add(self, t: float, a: Array, parts: Sequence[slice], drive: Array) -> None:
        """Add the noise at time `t` of all reads that end in the layers `parts`, made with activity `a`, to `drive`."""
        ...


class Activate(Protocol):
    """State to activity on some columns: ``a[:, part] = sigma(y[:, part])``."""

    def __call__(self, y: Array, part: slice, a: Array) -> None:
        """Write the activity of columns `part` into `a`."""
        ...


@dataclass(frozen=True, slots=True)
class RateNetwork:
    """A network of leaky rate neurons.

    ``tau du/dt = -u + sum_pre a_pre W + sum_post a_post W^T + x W_in + b - beta dL/da``,  ``a = sigma(u)``

    Between layers of maps the products are a pooled convolution and its transpose, see `KernelPath`. Wires add
    ``gain a`` one to one, both ways. In inverted layers all but the leak (and the nudge) has the opposite sign.

    Attributes
    ----------
    topology
        Layers and arrays.
    activation
        sigma of all free layers that have no activation of their own.
    rate
        1/tau of each node in units of the nominal 1/tau: 1.0, or an array (nodes,) for neurons with a spread.
    gain
        Factor on the activity of each node and sample, (batch, nodes), or None: 0 for a neuron that is dropped.
    neurons
        Mismatch and amplifiers, between the state and sigma; None for ideal neurons.
    """

    topology: Topology
    activation: Activation
    rate: float | Array = 1.0
    gain: Array = None
    neurons: Neurons | None = None

    @property
    def fresh_reads(self) -> bool:
        """Whether noise that is fresh at every read is modelled: not that of kernels, which goes through the pool."""
        return not self.topology.convolutional

    @property
    def layouts(self) -> frozenset[tuple[str, str]]:
        """Mappings and schemes that its arrays may have: those of signed weights."""
        return frozenset((m, s) for m, schemes in MAPPINGS.items() for s, layout in schemes.items() if layout.signed)

    def read(self, crossbar: Crossbar, pair: PairState, rng: Any = None) -> Array:
        """Return the weights that one read of an array gives, (rows, cols); with read noise if `rng` is given."""
        return crossbar.weights(pair) if rng is None else crossbar.noisy_weights(pair, rng)

    def weight(self, read: Array) -> Array:
        """Return the weights of what was read, (rows, cols)."""
        return read

    def cost(self, weights: Mapping[str, Array], noise: ReadoutNoise | None = None) -> Cost:
        """Return the loss, with the readout (if any) as read in `weights`."""
        return bind_cost(self.topology, weights, noise)

    def activity(self, u: Array) -> Array:
        """Return ``sigma(u)``, times the gain if there is one, as a new array."""
        z = u if self.neurons is None else self.neurons.argument(u)
        a = self.activation.value(z)
        for span, sigma in self.topology.activations:
            sigma.value(z[:, span], out=a[:, span])
        return a if self.gain is None else a * self._gains(a)

    def slope(self, u: Array) -> Array:
        """Return the derivative of the activity as a new array."""
        z = u if self.neurons is None else self.neurons.argument(u)
        slope = self.activation.slope(z)
        for span, sigma in self.topology.activations:
            slope[:, span] = sigma.slope(z[:, span])
        if self.neurons is not None:
            slope = slope * self.neurons.slope(u)
        return slope if self.gain is None else slope * self._gains(slope)

    def polarity(self, like: Array) -> Array:
        """Return -1 for the nodes of inverted layers and 1 for others, (nodes,); None where no layer is inverted."""
        if not self.topology.inverted:
            return None
        sign = namespace(like).ones((self.topology.nodes,), dtype=like.real.dtype)
        for span in self.topology.inverted:
            sign[span] = -1.0
        return sign

    def voltage(self, u: Array) -> Array:
        """Return the voltages [v_ref] of the nodes at state `u`."""
        return u if self.neurons is None else self.neurons.voltage(u)

    def _gains(self, a: Array) -> Array:
        """Return the gain for the batch of `a`, which may be the network's stacked several times."""
        copies = a.shape[0] // self.gain.shape[0]
        return self.gain if copies == 1 else namespace(a).tile(self.gain, (copies, 1))

    def field(
        self,
        weights: Mapping[str, Array],
        x: Array,
        *,
        nudge: Nudge | None = None,
        copies: int = 1,
        read_noise: ReadNoise | None = None,
        conversion: Conversion | None = None,
    ) -> CoupledField:
        """Return the relaxation field for inputs `x` (batch, n_in), the batch stacked `copies` times."""
        static = self.static_drive(weights, x, conversion)
        if copies > 1:
            static = namespace(x).tile(static, (copies, 1))
        return self.bind(weights, static, nudge=nudge, read_noise=read_noise, conversion=conversion)

    def static_drive(self, weights: Mapping[str, Array], x: Array, conversion: Conversion | None = None) -> Array:
        """Return the part of the drive that the clamped layers give, shape (batch, nodes).

        It does not change while the network settles, so the largest product of a layered network is formed once.
        """
        xp, top = namespace(x), self.topology
        if x.ndim != 2 or x.shape[1] != top.by_name[INPUT].size:
            raise ShapeError(f"input has shape {tuple(x.shape)}; expected (batch, {top.by_name[INPUT].size})")
        if conversion is not None:
            return conversion.static_drive(top, weights, x)
        drive = xp.zeros((x.shape[0], top.nodes), dtype=x.dtype)
        for synapse in top.synapses:
            matrix, end = weights[synapse.name], top.slices.get(synapse.post)
            if synapse.pre == INPUT:
                path = self.path(synapse, weights)
                drive[:, end] += product(x, matrix) if path is None else path.ahead(x)
            elif synapse.pre == BIAS:
                shape = top.by_name[synapse.post].shape
                drive[:, end] += matrix if shape is None else xp.repeat(matrix, shape[1] * shape[2], axis=1)
        for span in top.inverted:
            drive[:, span] *= -1.0
        return drive

    def path(self, synapse: Synapse, weights: Mapping[str, Array]) -> KernelPath | None:
        """Return the reads of the kernel `synapse` and of its feedback array, if any; None for a dense array."""
        if synapse.kernel is None:
            return None
        name = synapse.forward or synapse.name
        back = next((weights[s.name] for s in self.topology.synapses if s.forward == name), None)
        return KernelPath(synapse.kernel, self.topology.maps(synapse), weights[name], back)

    def terms(self, weights: Mapping[str, Array]) -> tuple[Coupling, ...]:
        """Return the contributions between free layers, in the order in which they are summed."""
        top, found = self.topology, list[Coupling]()
        paths: dict[str, KernelPath] = {}
        for synapse in top.synapses:
            if top.by_name[synapse.pre].clamped:
                continue
            pre, post, matrix = top.slices[synapse.pre], top.slices[synapse.post], weights[synapse.name]
            path = paths.get(synapse.forward or "") or self.path(synapse, weights)
            if path is None:
                found.append(Term(pre, post, -matrix if post in top.inverted else matrix))
                if synapse.reciprocal:
                    found.append(Term(post, pre, -matrix.T if pre in top.inverted else matrix.T))
                continue
            paths[synapse.name] = path
            found.append(Ahead(path, pre, post) if synapse.forward is None else Back(path, pre, post))
            if synapse.reciprocal:
                found.append(Back(path, post, pre))
        for wire in top.wires:
            pre, post = top.slices[wire.pre], top.slices[wire.post]
            for start, end in ((pre, post), (post, pre)):
                found.append(OneToOne(start, end, -wire.gain if end in top.inverted else wire.gain))
        return tuple(found)

    def activate(self, y: Array, part: slice, a: Array) -> None:
        """Write the activity of columns `part` of state `y` into ``a[:, part]``."""
        z = y[:, part] if self.neurons is None else self.neurons.argument(y[:, part], part)
        self.activation.value(z, out=a[:, part])
        for span, sigma in self.topology.activations:
            own = slice(max(span.start, part.start), min(span.stop, part.stop))
            if own.start < own.stop:
                sigma.value(z[:, own.start - part.start : own.stop - part.start], out=a[:, own])
        if self.gain is not None:
            a[:, part] *= self._gains(a)[:, part]

    def bind(
        self,
        weights: Mapping[str, Array],
        static: Array,
        *,
        nudge: Nudge | None = None,
        read_noise: ReadNoise | None = None,
        conversion: Conversion | None = None,
    ) -> CoupledField:
        """Return the relaxation field of this network for given weights, static drive (batch, nodes) and nudge."""
        terms = self.terms(weights) if conversion is None else conversion.terms(self.topology, weights)
        return CoupledField(self.topology, terms, static, self.activate, self.rate, nudge, read_noise)


class _Part:
    """Some layers of the drive: their columns, the terms that end there, and which layer has none."""

    def __init__(self, layers: Sequence[slice], terms: Sequence[Contribution]) -> None:
        self.layers = tuple(layers)
        self.columns = slice(min(p.start for p in layers), max(p.stop for p in layers))
        self.contiguous = sum(p.stop - p.start for p in layers) == self.columns.stop - self.columns.start
        ends = [term for term in terms if term.post in self.layers]
        seen: set[int] = set()
        self.terms = []
        for term in ends:
            self.terms.append((term, term.post.start not in seen))
            seen.add(term.post.start)
        self.bare = tuple(p for p in layers if p.start not in seen)
        self.spans = (self.columns,) if self.contiguous else self.layers
        self.held = tuple({id(term.held): term.held for term in ends if term.held is not None}.values())


class CoupledField:
    """``y' = rate (target(t, y) - y)`` of coupled layers, with its work buffers. One field serves one settling.

    `target` is the total drive: what each node's voltage would become without its own leak lag. `relax` sets one
    block of layers to its target exactly, which is what alternating half-network sweeps do. The pool behind a layer of
    maps makes the drive of that layer depend on its own activity: its target is then that of its present state.

    Attributes
    ----------
    evaluations
        Evaluations of the whole drive so far (a block counts by its share of the products).
    products
        Multiply-adds of one evaluation per sample.
    """

    def __init__(
        self,
        topology: Topology,
        terms: Sequence[Contribution],
        static: Array,
        activate: Activate,
        rate: float | Array = 1.0,
        nudge: Nudge | None = None,
        read_noise: ReadNoise | None = None,
    ) -> None:
        self.rate, self.static, self.nudge, self.read_noise = rate, static, nudge, read_noise
        self._activate = activate
        slices = topology.slices
        self._output = slices[topology.output]
        self._whole = _Part(list(slices.values()), terms)
        self._parts = [_Part([slices[name] for name in names], terms) for names in topology.blocks]
        self.blocks = len(self._parts)
        self.evaluations = 0.0
        self.products = sum(term.products for term in terms)
        self._a: Array = None

    def activity(self, y: Array) -> Array:
        """Return sigma(y), shape of `y`, in this field's buffer (overwritten by the next evaluation)."""
        if self._a is None or self._a.shape != y.shape or self._a.dtype != y.dtype:
            self._a = namespace(y).empty_like(y)
        self._activate(y, self._whole.columns, self._a)
        return self._a

    def target(self, t: float, y: Array, out: Array) -> Array:
        """Write the total drive at state `y` (batch, nodes) into `out` and return it."""
        self._drive(t, self.activity(y), self._whole, out)
        self.evaluations += 1
        return out

    def relax(self, block: int, t: float, y: Array, a: Array) -> Array:
        """Set block `block` of `y` and of its activity `a` to its target; return the largest change per sample."""
        xp, part = namespace(y), self._parts[block]
        old = [y[:, span].copy() for span in part.spans]
        self._drive(t, a, part, y)
        change = None
        for span, before in zip(part.spans, old, strict=True):
            self._activate(y, span, a)
            before -= y[:, span]
            moved = xp.abs(before).max(axis=1)
            change = moved if change is None else xp.maximum(change, moved)
        self.evaluations += 1 / self.blocks
        return change

    def _drive(self, t: float, a: Array, part: _Part, out: Array) -> None:
        for held in part.held:
            held.renew()
        for term, first in part.terms:
            if first:
                term.write(a, out)
            else:
                term.add(a, out)
        for layer in part.bare:
            out[:, layer] = 0.0
        for span in part.spans:
            out[:, span] += self.static[:, span]
        if self.nudge is not None and self._output in part.layers:
            out[:, self._output] += self.nudge.force(t, a[:, self._output])
        if self.read_noise is not None:
            self.read_noise.add(t, a, part.layers, out)
