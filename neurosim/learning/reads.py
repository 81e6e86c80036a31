"""Read noise that is fresh at every read, referred to the outputs of the arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.crossbar import Crossbar, OutputNoise, PairState
from neurosim.errors import ConfigError
from neurosim.learning.fluctuation import Fluctuation, RunningNoise
from neurosim.networks.rate import ReadNoise
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

    Raises
    ------
    ConfigError
        The topology has kernels: their noise goes through the pool, where it is not Gaussian any more.
    """

    def __init__(
        self,
        topology: Topology,
        crossbars: Mapping[str, Crossbar],
        pairs: Mapping[str, PairState],
        x: Array,
        rng: Any,
    ) -> None:
        if topology.convolutional:
            raise ConfigError("read noise fresh at every read is not modelled for kernels; take a frozen or phase one")
        self.rng = rng
        clamped = {INPUT: x, BIAS: namespace(x).ones((x.shape[0], 1), dtype=x.dtype)}
        self._fixed: dict[int, OutputNoise] = {}  # by the first column of the layer: a slice is no key in Python 3.11
        self._reads: list[tuple[slice, slice, Callable[[Array], OutputNoise]]] = []
        for synapse in topology.synapses:
            noise = crossbars[synapse.name].weight_noise(pairs[synapse.name])
            post = topology.slices[synapse.post]
            if synapse.pre in clamped:
                one = noise.forward(clamped[synapse.pre])
                known = self._fixed.get(post.start)
                self._fixed[post.start] = one if known is None else known + one
                continue
            pre = topology.slices[synapse.pre]
            self._reads.append((pre, post, noise.forward))
            if synapse.reciprocal:
                self._reads.append((post, pre, noise.backward))

    def add(self, t: float, a: Array, parts: Sequence[slice], drive: Array) -> None:
        """Add the noise of all reads that end in the layers `parts` to `drive` (batch, nodes)."""
        for part in parts:
            noises = [read(a[:, source]) for source, end, read in self._reads if end == part]
            if part.start in self._fixed:
                noises.append(self._fixed[part.start])
            if noises:
                drive[:, part] += sum(noises[1:], noises[0]).draw(self.rng)


class Together:
    """Several noises of the same reads."""

    def __init__(self, noises: Sequence[ReadNoise]) -> None:
        self.noises = noises

    def add(self, t: float, a: Array, parts: Sequence[slice], drive: Array) -> None:
        """Add all of them to `drive` (batch, nodes)."""
        for noise in self.noises:
            noise.add(t, a, parts, drive)


def running_reads(
    topology: Topology,
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    x: Array,
    rng: Any,
    fluctuation: Fluctuation | None,
) -> ReadNoise:
    """Return the noise of all reads of one settling: fresh at every read, in physical time, or both."""
    found: list[ReadNoise] = []
    if any(crossbar.read_noise for crossbar in crossbars.values()):
        found.append(FreshReadNoise(topology, crossbars, pairs, x, rng))
    if fluctuation is not None:
        found.append(RunningNoise(fluctuation, topology, crossbars, pairs, x))
    return found[0] if len(found) == 1 else Together(found)


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
        noise = self._weights.forward(a)
        if self._bias is not None:
            ones = namespace(a).ones((a.shape[0], 1), dtype=a.real.dtype)
            noise = noise + self._bias.forward(ones)
        return noise.draw(self.rng)

    def force(self, error: Array) -> Array:
        """Return the noise of reading `error` (batch, n_classes) from the columns, (batch, n_last)."""
        return self._weights.backward(error).draw(self.rng)
