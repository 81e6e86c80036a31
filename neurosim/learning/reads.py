"""Read noise that is fresh at every read, referred to the outputs of the arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar import Crossbar, PairState
from neurosim.networks.topology import BIAS, INPUT, Topology


class FreshReadNoise:
    """Noise of all reads that end in a layer, drawn anew at each evaluation of its drive.

    For independent Gaussian noise of every device at every read, the sum over a column is Gaussian with variance
    ``sum_i a_i^2 sigma_ij^2``: one normal per output replaces one per device, and the statistics are the same
    (`neurosim.crossbar.read`). The variances of clamped layers are formed once.

    Parameters
    ----------
    topology, crossbars, pairs
        The arrays and their conductances.
    x
        Clamped inputs of the (stacked) batch, shape (batch, n_in).
    rng
        Generator of the draws.
    """

    def __init__(
        self,
        topology: Topology,
        crossbars: Mapping[str, Crossbar],
        pairs: Mapping[str, PairState],
        x: Array,
        rng: Any,
    ) -> None:
        self.rng = rng
        clamped = {INPUT: x, BIAS: namespace(x).ones((x.shape[0], 1), dtype=x.dtype)}
        self._fixed, self._forward, self._backward = [], [], []
        for synapse in topology.synapses:
            noise = crossbars[synapse.name].weight_noise(pairs[synapse.name])
            post = topology.slices[synapse.post]
            if synapse.pre in clamped:
                self._fixed.append((post, noise.forward(clamped[synapse.pre])))
                continue
            pre = topology.slices[synapse.pre]
            self._forward.append((pre, post, noise))
            if synapse.reciprocal:
                self._backward.append((post, pre, noise))

    def add(self, a: Array, parts: Sequence[slice], drive: Array) -> None:
        """Add the noise of all reads that end in the layers `parts` to `drive` (batch, nodes)."""
        for post, fixed in self._fixed:
            if post in parts:
                drive[:, post] += fixed.draw(self.rng)
        for source, end, noise in self._forward:
            if end in parts:
                drive[:, end] += noise.forward(a[:, source]).draw(self.rng)
        for source, end, noise in self._backward:
            if end in parts:
                drive[:, end] += noise.backward(a[:, source]).draw(self.rng)


class FreshReadoutNoise:
    """Noise of the readout array and its bias, drawn anew at each read.

    Parameters
    ----------
    topology, crossbars, pairs
        The arrays and their conductances; the topology has a readout.
    rng
        Generator of the draws.
    """

    def __init__(
        self, topology: Topology, crossbars: Mapping[str, Crossbar], pairs: Mapping[str, PairState], rng: Any
    ) -> None:
        self.rng = rng
        noise = {s.pre == BIAS: crossbars[s.name].weight_noise(pairs[s.name]) for s in topology.readout}
        self._weights, self._bias = noise[False], noise.get(True)

    def logits(self, a: Array) -> Array:
        """Return the noise of reading activity `a` (batch, n_last) from the rows, (batch, n_classes)."""
        drawn = self._weights.forward(a).draw(self.rng)
        if self._bias is not None:
            ones = namespace(a).ones((a.shape[0], 1), dtype=a.real.dtype)
            drawn = drawn + self._bias.forward(ones).draw(self.rng)
        return drawn

    def force(self, error: Array) -> Array:
        """Return the noise of reading `error` (batch, n_classes) from the columns, (batch, n_last)."""
        return self._weights.backward(error).draw(self.rng)
