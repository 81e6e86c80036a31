"""The bound resistive network: Kirchhoff's current law, its Jacobian and the co-content, batched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.errors import ShapeError
from neurosim.networks.product import product
from neurosim.networks.terms import Term

if TYPE_CHECKING:
    from neurosim.networks.nudge import Nudge
    from neurosim.networks.resistive.laws import Law
    from neurosim.networks.resistive.network import Conductances, ResistiveNetwork


@dataclass(frozen=True, slots=True)
class Branches:
    """One conductance per crosspoint, between rows at ``gain y[:, pre]`` (or at fixed `volts`) and a layer's nodes.

    The row's node gets `back` times the current that the row draws. The inverted rows of pairs have both negative.

    Attributes
    ----------
    law
        Of every element.
    g
        Conductances, shape (rows, cols).
    post, pre
        Columns of the state at the array's columns and rows; `pre` is None for a clamped layer.
    volts
        Row voltages of a clamped layer, shape (batch, rows), else None.
    weight
        c of the array in the co-content.
    """

    law: Law
    g: Array
    post: slice
    pre: slice | None
    volts: Array | None
    gain: float
    back: float
    weight: float

    def rows(self, y: Array) -> Array:
        """Return the row voltages at state `y`, (batch, rows)."""
        return self.volts if self.pre is None else self.gain * y[:, self.pre]

    def across(self, y: Array) -> Array:
        """Return the voltage of every element, from its row to its column, (batch, rows, cols)."""
        return self.rows(y)[:, :, None] - y[:, None, self.post]

    def content(self, y: Array) -> Array:
        """Return the weighted content of each sample, (batch,)."""
        parts = zip(*self.law.factors(self.rows(y), y[:, self.post]), strict=True)
        return self.weight * sum((product(p, self.g) * q).sum(axis=1) for p, q in parts)


def branches(
    network: ResistiveNetwork, conductances: Mapping[str, Conductances], clamped: Mapping[str, Array]
) -> Iterator[Branches]:
    """Yield the arrays of `network`: one for each, two where there are pairs."""
    top = network.topology
    for synapse in top.synapses:
        read, stage = conductances[synapse.name], network.stages.get(synapse.pre)
        gain, back = (1.0, 1.0) if stage is None else (stage.gain, stage.back_gain)
        volts, weight = clamped.get(synapse.pre), network.co_weights[synapse.post]
        if (read.minus is None) != (network.inputs == "doubled") or tuple(read.plus.shape) != top.shape(synapse):
            raise ShapeError(
                f"array {synapse.name}: conductances {[None if g is None else tuple(g.shape) for g in read]}; expected "
                f"{top.shape(synapse)}, {'G alone' if network.inputs == 'doubled' else 'G+ and G-'}"
            )
        for sign, g in ((1.0, read.plus), (-1.0, read.minus)):
            if g is not None:
                yield Branches(
                    network.law(synapse.name),
                    g,
                    top.slices[synapse.post],
                    top.slices.get(synapse.pre),
                    None if volts is None else sign * volts,
                    sign * gain,
                    sign * back,
                    weight,
                )


class ResistiveField:
    """``du/dt = rate (target(t, u) - u)`` with ``target = u - I(u) - beta dL/du``. One field serves one settling.

    Linear arrays are folded into a conductance to ground, a fixed current and products between layers, formed once.
    Arrays of another law are evaluated element by element, in memory (batch, rows, cols). Make one with
    `ResistiveNetwork.bind`.

    Attributes
    ----------
    evaluations
        Evaluations of the currents so far.
    products
        Multiply-adds of one evaluation per sample.
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        conductances: Mapping[str, Conductances],
        clamped: Mapping[str, Array],
        nudge: Nudge | None = None,
    ) -> None:
        self.network, self.rate, self.nudge = network, network.rate, nudge
        top = network.topology
        self._output = top.slices[top.output]
        self._branches = list(branches(network, conductances, clamped))
        self._curved = [b for b in self._branches if not b.law.linear]
        self._clamps = [(top.slices[name], c) for name, some in network.clamps.items() for c in some]
        x = next(iter(clamped.values()))
        self._ground = namespace(x).zeros((top.nodes,), dtype=x.dtype)
        self._fixed = namespace(x).zeros((x.shape[0], top.nodes), dtype=x.dtype)
        self._fold()
        self._terms = list(_terms(self._branches))
        self._matrix: Array = None
        self.evaluations = 0.0
        self.products = sum(m.weights.shape[0] * m.weights.shape[1] for m in self._terms)
        self.products += sum(b.g.shape[0] * b.g.shape[1] for b in self._curved)

    def _fold(self) -> None:
        """Sum what linear arrays and leaks put between each node and ground, and the currents of fixed rows."""
        for name, leak in self.network.leaks.items():
            self._ground[self.network.topology.slices[name]] += leak
        for b in self._branches:
            if b.law.linear:
                self._ground[b.post] += b.g.sum(axis=0)
                if b.pre is None:
                    self._fixed[:, b.post] += product(b.volts, b.g)
                else:
                    self._ground[b.pre] += b.back * b.gain * b.g.sum(axis=1)

    def activity(self, y: Array) -> Array:
        """Return `y`: what a node shows is its voltage."""
        return y

    def current(self, t: float, y: Array) -> Array:
        """Return ``I(y) + beta(t) dL/dy``, the current that leaves each node, the nudge included; (batch, nodes)."""
        out = y * self._ground
        out -= self._fixed
        for term in self._terms:
            out[:, term.post] -= product(y[:, term.pre], term.weights)
        for b in self._curved:
            drawn = b.law.current(b.across(y)) * b.g
            out[:, b.post] -= drawn.sum(axis=1)
            if b.pre is not None:
                out[:, b.pre] += b.back * drawn.sum(axis=2)
        scale = self.network.scale
        for part, clamp in self._clamps:
            out[:, part] += clamp.current(y[:, part] * scale.v_ref) / scale.i_ref
        if self.nudge is not None:
            out[:, self._output] -= self.nudge.force(t, y[:, self._output])
        self.evaluations += 1
        return out

    def target(self, t: float, y: Array, out: Array) -> Array:
        """Write ``y - current(t, y)`` into `out` and return it."""
        return namespace(y).subtract(y, self.current(t, y), out=out)

    def jacobian(self, t: float, y: Array) -> Array:
        """Return d(du/dt)/du at state `y`, shape (batch, nodes, nodes); row i belongs to du_i/dt."""
        found = self.conductance(t, y)
        found *= -self.rate if isinstance(self.rate, float | int) else -self.rate[:, None]
        return found

    def conductance(self, t: float, y: Array) -> Array:
        """Return d(current)/dy, the small-signal conductances, shape (batch, nodes, nodes)."""
        xp, (batch, nodes) = namespace(y), y.shape
        found = xp.empty((batch, nodes, nodes), dtype=y.dtype)
        found[...] = self._admittance()
        diagonal = found.reshape(batch, nodes * nodes)[:, :: nodes + 1]  # a view
        for b in self._curved:
            slope = b.law.slope(b.across(y)) * b.g
            diagonal[:, b.post] += slope.sum(axis=1)
            if b.pre is not None:
                diagonal[:, b.pre] += b.back * b.gain * slope.sum(axis=2)
                found[:, b.pre, b.post] -= b.back * slope
                found[:, b.post, b.pre] -= b.gain * slope.transpose(0, 2, 1)
        scale = self.network.scale
        for part, clamp in self._clamps:
            diagonal[:, part] += clamp.conductance(y[:, part] * scale.v_ref) / scale.g_ref
        if self.nudge is not None:
            found[:, self._output, self._output] += self.nudge.curvature(t, y[:, self._output])
        return found

    def _admittance(self) -> Array:
        """Return dI/du of the linear part, (nodes, nodes)."""
        if self._matrix is None:
            xp, nodes = namespace(self._ground), self._ground.shape[0]
            self._matrix = xp.zeros((nodes, nodes), dtype=self._ground.dtype)
            self._matrix.ravel()[:: nodes + 1] += self._ground
            for term in self._terms:
                self._matrix[term.post, term.pre] -= term.weights.T
        return self._matrix

    def co_content(self, y: Array) -> Array:
        """Return E of each sample (the nudge not included), in units of g_ref v_ref^2, shape (batch,).

        ``dE/du_i = c_i I_i``: least at the operating point, and never rising while the free network settles.
        """
        network, scale = self.network, self.network.scale
        slices, weights = network.topology.slices, network.co_weights
        total: Any = sum(b.content(y) for b in self._branches)
        for name, leak in network.leaks.items():
            total = total + weights[name] * 0.5 * leak * (y[:, slices[name]] ** 2).sum(axis=1)
        unit = scale.i_ref * scale.v_ref
        for name, some in network.clamps.items():
            for clamp in some:
                total = total + weights[name] / unit * clamp.content(y[:, slices[name]] * scale.v_ref).sum(axis=1)
        return total


def _terms(some: list[Branches]) -> Iterator[Term]:
    """Yield the products between free layers that linear arrays make: to the columns, and back to the rows."""
    joined: dict[tuple[int, int], tuple[Branches, Array, Array]] = {}
    for b in some:
        if b.law.linear and b.pre is not None:
            key = b.pre.start, b.post.start
            there, back = b.gain * b.g, b.back * b.g
            if key in joined:
                there, back = joined[key][1] + there, joined[key][2] + back
            joined[key] = b, there, back
    for b, there, back in joined.values():
        if b.pre is not None:
            yield Term(b.pre, b.post, there)
            yield Term(b.post, b.pre, back.T)
