"""Kernels between layers of maps: patches x unpooled activity, summed over positions.

A kernel has one presentation per sample and position of the map: with ``Phi = a_post . P(conv(a_pre) + b)``,

    dPhi/dW = sum_positions patch(a_pre)^T unpool(a_post)

(Laborieux et al. 2021, doi:10.3389/fnins.2021.633674), so P holds patches and Q the post-synaptic activity at the
positions through which the pool lets it. The exact gradient has the adjoint in place of one of the two, and for pools
with curvature the change of the unpooling, see `neurosim.networks.frozen_kernel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from neurosim.backend import Array, namespace
from neurosim.learning.observables.base import Factors, Measured, sum_real
from neurosim.networks.frozen_kernel import FrozenKernel
from neurosim.networks.topology import INPUT, Synapse

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.networks.kernel_path import KernelPath
    from neurosim.networks.rate import RateNetwork


class KernelObservables:
    """P and Q of every kernel of a rate network.

    Parameters
    ----------
    bench
        Network, readings and batch.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench, self.top = bench, bench.network.topology
        self._paths: dict[tuple[str, int], KernelPath] = {}
        self._inputs: dict[str, Array] = {}

    def factors(self, synapse: Synapse, measured: Sequence[Measured], scaled: Sequence[Array], free: Array) -> Factors:
        """Return P, Q of ``Re sum_k c_k dF/dW``; `scaled` are the activities of the phases times their c_k."""
        if synapse.pre == INPUT:
            return self._input(synapse, measured, scaled)
        pre, post = self.top.slices[synapse.pre], self.top.slices[synapse.post]
        if synapse.reciprocal:
            parts = [self._phase(synapse, m, s) for m, s in zip(measured, scaled, strict=True)]
            return _stack([p for p, _ in parts]), _stack([q for _, q in parts])
        path = self._path(synapse)  # vector-field form: the other side and the pool at the free state
        response = sum_real([s[:, post] for s in scaled])
        if synapse.forward is None:
            pooling = path.pooling(free[:, pre])
            return path.patched(free[:, pre]), path.presented(path.unpooled(pooling, response))
        pooling = path.pooling(free[:, post])
        return path.patched(response), path.presented(path.unpooled(pooling, free[:, pre]))

    def exact(self, synapse: Synapse, a: Array, lam: Array) -> Factors:
        """Return P, Q of ``-dL/dW`` at free activity `a` with the adjoint `lam` = dL/d(drive), (batch, nodes) each."""
        post = self.top.slices[synapse.post]
        path = self._path(synapse)
        if synapse.pre == INPUT:
            return self._patched(synapse, path), path.presented(
                path.unpooled(path.pooling(self.bench.x), -lam[:, post])
            )
        pre = self.top.slices[synapse.pre]
        if synapse.forward is not None:
            pooling = path.pooling(a[:, post])
            return path.patched(lam[:, post]), path.presented(path.unpooled(pooling, -a[:, pre]))
        frozen = FrozenKernel(path, a[:, pre], a[:, post])
        ahead = path.unpooled(frozen.pooling, lam[:, post])
        read_back = synapse.reciprocal or any(s.forward == synapse.name for s in self.top.synapses)
        if read_back and frozen.curved:
            ahead = ahead + frozen.bent(lam[:, pre])
        p, q = path.patched(a[:, pre]), path.presented(-ahead)
        if not synapse.reciprocal:
            return p, q
        back = path.presented(path.unpooled(frozen.pooling, -a[:, post]))
        return _stack([p, path.patched(lam[:, pre])]), _stack([q, back])

    def _input(self, synapse: Synapse, measured: Sequence[Measured], scaled: Sequence[Array]) -> Factors:
        """Return P, Q of the kernel that reads the input: the same patches, and pools, in all phases of a reading."""
        post, total = self.top.slices[synapse.post], None
        for phase in dict.fromkeys(self._reading(m.phase) for m in measured):
            here = [s[:, post] for m, s in zip(measured, scaled, strict=True) if self._reading(m.phase) == phase]
            path = self._path(synapse, phase)
            unpooled = path.unpooled(path.pooling(self.bench.x), sum_real(here))
            total = unpooled if total is None else total + unpooled
        return self._patched(synapse, path), path.presented(total)

    def _phase(self, synapse: Synapse, m: Measured, scaled: Array) -> Factors:
        """Return P, Q of one phase; the conjugate makes their real product that of the complex ones, real part."""
        a, path = m.a[:, self.top.slices[synapse.pre]], self._path(synapse, m.phase)
        # with a max pool only a derivative comes as an imaginary part (of `measure_response`): its choice is that of a
        pooling = path.pooling(a if path.pool.holomorphic else a.real)
        q = path.presented(path.unpooled(pooling, scaled[:, self.top.slices[synapse.post]]))
        return path.patched(a.conj() if a.dtype.kind == "c" else a), q

    def _patched(self, synapse: Synapse, path: KernelPath) -> Array:
        """Return the patches of the input, the same array each time."""
        if synapse.name not in self._inputs:
            self._inputs[synapse.name] = path.patched(self.bench.x)
        return self._inputs[synapse.name]

    def _reading(self, phase: int) -> int:
        return 0 if self.bench.one_reading else phase

    def _path(self, synapse: Synapse, phase: int = 0) -> KernelPath:
        """Return the reads of a kernel as in `phase`, without a pooling state."""
        key = synapse.forward or synapse.name, self._reading(phase)
        if key not in self._paths:
            network = cast("RateNetwork", self.bench.network)
            self._paths[key] = cast("KernelPath", network.path(synapse, self.bench.weights(phase)))
        self._paths[key].renew()
        return self._paths[key]


def _stack(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concatenate(parts)
