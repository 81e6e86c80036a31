"""Hybrid hardware: every read of an array passes DACs, the array and ADCs, at every step of the settling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.networks.topology import BIAS, INPUT

if TYPE_CHECKING:
    from neurosim.crossbar.tiles import ConvertedRead
    from neurosim.networks.terms import Contribution
    from neurosim.networks.topology import Topology


@dataclass(frozen=True, slots=True)
class ConvertedTerm:
    """A dense array behind converters: ``drive[:, post] += read(a[:, pre], weights)``. It has no derivative."""

    pre: slice
    post: slice
    weights: Array
    converters: ConvertedRead
    rng: Any
    held: None = None

    @property
    def products(self) -> int:
        """Multiply-adds of one evaluation per sample."""
        return int(self.weights.shape[0] * self.weights.shape[1])

    def write(self, a: Array, out: Array) -> None:
        """Set ``out[:, post]``."""
        out[:, self.post] = self.converters.read(a[:, self.pre], self.weights, self.rng)

    def add(self, a: Array, out: Array) -> None:
        """Add to ``out[:, post]``."""
        out[:, self.post] += self.converters.read(a[:, self.pre], self.weights, self.rng)


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """The converted reads of the arrays of a dense network, as one settling sees them.

    Attributes
    ----------
    forward, back
        Array -> its read from the rows, and from the columns where it is read back.
    rng
        Draws the noise of every read.
    held
        Returns the generator for the reads of clamped layers. They are made once and their digital result is kept for
        all phases: each call returns the same stream anew.
    """

    forward: Mapping[str, ConvertedRead]
    back: Mapping[str, ConvertedRead]
    rng: Any
    held: Callable[[], Any]

    def static_drive(self, top: Topology, weights: Mapping[str, Array], x: Array) -> Array:
        """Return the drive by the clamped layers, (batch, nodes)."""
        xp, rng = namespace(x), self.held()
        drive = xp.zeros((x.shape[0], top.nodes), dtype=x.dtype)
        clamped = {INPUT: x, BIAS: xp.ones((x.shape[0], 1), dtype=x.dtype)}
        for synapse in top.synapses:
            if synapse.pre in clamped:
                read = self.forward[synapse.name].read(clamped[synapse.pre], weights[synapse.name], rng)
                drive[:, top.slices[synapse.post]] += read
        return drive

    def terms(self, top: Topology, weights: Mapping[str, Array]) -> tuple[Contribution, ...]:
        """Return the contributions between free layers, in the order in which they are summed."""
        found = list[ConvertedTerm]()
        for synapse in top.synapses:
            if top.by_name[synapse.pre].clamped:
                continue
            pre, post, w = top.slices[synapse.pre], top.slices[synapse.post], weights[synapse.name]
            found.append(ConvertedTerm(pre, post, w, self.forward[synapse.name], self.rng))
            if synapse.reciprocal:
                found.append(ConvertedTerm(post, pre, w.T, self.back[synapse.name], self.rng))
        return tuple(found)
