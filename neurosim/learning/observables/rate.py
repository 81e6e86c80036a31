"""Rate networks: pre x post activity, and the exact gradient by recurrent backpropagation (RBP).

With ``a* = sigma(u*)``, ``D = diag sigma'(u*)``, coupling ``M`` (drive = a M + ...) and ``g = dL/da``,
``mu = g + (mu D) M^T`` is solved by the same sweeps as the network itself and ``dL/dW_ij = a_i lambda_j`` with
``lambda = mu D``; a reciprocal array adds its backward read, ``lambda_i a_j``. Where the coupling is not linear (the
pools of kernels) M is its derivative at ``a*``.

Almeida 1987; Pineda 1987, doi:10.1103/PhysRevLett.59.2229.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from neurosim.backend import Array, namespace
from neurosim.learning.linear_network import linear_activity
from neurosim.learning.observables.base import Factors, Measured, coefficient, rows, sum_real
from neurosim.learning.observables.kernel import KernelObservables
from neurosim.networks.feedback import KOLEN_POLLACK, feedback_pairs
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import BIAS, INPUT, Synapse

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.settle import Settled


class RateObservables:
    """P and Q of every array of a rate network.

    Parameters
    ----------
    bench
        Network, readings and batch.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench, self.top = bench, bench.network.topology
        ones = namespace(bench.x).ones((bench.x.shape[0], 1), dtype=bench.x.dtype)
        self.clamped = {INPUT: bench.x, BIAS: ones}
        self.kernels = KernelObservables(bench)

    def factors(self, measured: Sequence[Measured], free: Array, keep: Array | None) -> dict[str, Factors]:
        """Return P, Q of ``Re sum_k c_k dF/dW``."""
        scaled = [m.a * coefficient(m.sample, m.a) for m in measured]
        if keep is not None:
            scaled = [s * keep for s in scaled]
        found = self._shared(measured, scaled, free) if self.bench.feedback == KOLEN_POLLACK else {}
        for synapse in self.top.synapses:
            if synapse.name not in found:
                found[synapse.name] = self._synapse(synapse, measured, scaled, free)
        if self.top.readout:
            errors = [self._readout_error(m, keep) for m in measured]
            for synapse in self.top.readout:
                found[synapse.name] = self._readout(synapse, measured, errors)
        return found

    def _shared(self, measured: Sequence[Measured], scaled: Sequence[Array], free: Array) -> dict[str, Factors]:
        """Return P, Q of pairs of untied arrays that are to become alike: of both, what one read both ways would get.

        Both gradients are those of ``a_pre W a_post`` at the nudged states, each the other's transpose; with equal
        leak ``W - B^T`` then decays (symKP-VF of Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, eq. (21)).
        """
        found: dict[str, Factors] = {}
        for forward, back in feedback_pairs(self.top):
            p, q = self._synapse(replace(forward, reciprocal=True), measured, scaled, free)
            found[forward.name] = p, q
            found[back.name] = (p, q) if forward.kernel is not None else (q, p)
        return found

    def _synapse(self, synapse: Synapse, measured: Sequence[Measured], scaled: Sequence[Array], free: Array) -> Factors:
        if synapse.kernel is not None:
            return self.kernels.factors(synapse, measured, scaled, free)
        post = self.top.slices[synapse.post]
        if synapse.pre in self.clamped:  # the same in all phases: one presentation will do
            return self._clamped(synapse, sum_real([s[:, post] for s in scaled]))
        pre = self.top.slices[synapse.pre]
        if not synapse.reciprocal:  # vector-field form: pre at the free state, response of post
            return free[:, pre], sum_real([s[:, post] for s in scaled])
        p = rows([m.a[:, pre] for m in measured], -1.0)
        return p, rows([s[:, post] for s in scaled], 1.0)

    def _clamped(self, synapse: Synapse, q: Array) -> Factors:
        """Return P, Q of an array that reads a clamped layer; a bias of maps is shared by all positions of one."""
        shape = self.top.by_name[synapse.post].shape
        if shape is not None:  # whatever the pool passes on: its slopes sum to one in each window
            q = q.reshape(q.shape[0], shape[0], -1).sum(axis=2)
        return self.clamped[synapse.pre], q

    def _readout_error(self, m: Measured, keep: Array | None) -> Array:
        """Return ``-c beta (softmax - y)``: the cost is part of F, so its gradient needs no response."""
        factor = -complex(m.sample.coefficient) * complex(m.sample.beta)
        error = self.bench.cost(m.phase).readout_factors(self.bench.output(m.a), self.bench.y)
        if error is None:
            raise TypeError("a readout array needs a cost with readout_factors")
        error = error * (factor if error.dtype.kind == "c" else factor.real)
        return error if keep is None else error * keep

    def _readout(self, synapse: Synapse, measured: Sequence[Measured], errors: Sequence[Array]) -> Factors:
        if synapse.pre == BIAS:
            return self.clamped[BIAS], sum_real(errors)
        return rows([self.bench.output(m.a) for m in measured], -1.0), rows(errors, 1.0)

    def exact(self, free: Settled) -> dict[str, Factors]:
        """Return P, Q of ``-dL/dW`` at the free operating point."""
        return {**self.adjoint(free.a, self._adjoint(free)), **self.loss(free.a)}

    def adjoint(self, a: Array, lam: Array) -> dict[str, Factors]:
        """Return P, Q of ``-dL/dW`` through the drive at activity `a` with ``lam = dL/d(drive)``, (batch, nodes)."""
        xp, sign = namespace(a), cast("RateNetwork", self.bench.network).polarity(a)
        if sign is not None:  # an array drives an inverted layer by minus what it reads
            lam = lam * sign
        found: dict[str, Factors] = {}
        for synapse in self.top.synapses:
            if synapse.kernel is not None:
                found[synapse.name] = self.kernels.exact(synapse, a, lam)
                continue
            post = self.top.slices[synapse.post]
            if synapse.pre in self.clamped:
                found[synapse.name] = self._clamped(synapse, -lam[:, post])
                continue
            pre = self.top.slices[synapse.pre]
            p, q = a[:, pre], -lam[:, post]
            if synapse.reciprocal:
                p = xp.concatenate((p, lam[:, pre]))
                q = xp.concatenate((q, -a[:, post]))
            found[synapse.name] = p, q
        return found

    def loss(self, a: Array) -> dict[str, Factors]:
        """Return P, Q of ``-dL/dW`` of the readout arrays, which act on the loss itself, at activity `a`."""
        output, found = self.bench.output(a), dict[str, Factors]()
        for synapse in self.top.readout:
            error = self.bench.cost().readout_factors(output, self.bench.y)
            found[synapse.name] = self.clamped[BIAS] if synapse.pre == BIAS else output, -1 * error
        return found

    def _adjoint(self, free: Settled) -> Array:
        """Return lambda = dL/d(drive) of each sample, shape (batch, nodes)."""
        bench, top, xp = self.bench, self.top, namespace(free.u)
        network = cast("RateNetwork", bench.network)
        slope = network.slope(free.u)
        source = xp.zeros_like(free.u)
        source[:, top.slices[top.output]] = bench.cost().force(bench.output(free.a), bench.y)

        terms = [adjoint for term in network.terms(bench.weights(0)) for adjoint in term.transposed(free.a)]
        return linear_activity(top, terms, slope, source, bench.options, "rbp: the adjoint")
