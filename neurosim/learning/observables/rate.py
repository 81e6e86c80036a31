"""Rate networks: pre x post activity, and the exact gradient by recurrent backpropagation (RBP).

With ``a* = sigma(u*)``, ``D = diag sigma'(u*)``, coupling ``M`` (drive = a M + ...) and ``g = dL/da``,
``mu = g + (mu D) M^T`` is solved by the same sweeps as the network itself and ``dL/dW_ij = a_i lambda_j`` with
``lambda = mu D``; a reciprocal array adds its backward read, ``lambda_i a_j``.

Almeida 1987; Pineda 1987, doi:10.1103/PhysRevLett.59.2229.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from neurosim.backend import Array, namespace
from neurosim.errors import ConvergenceError
from neurosim.learning.observables.base import Factors, Measured, coefficient, rows, sum_real
from neurosim.networks.rate import CoupledField, RateNetwork, Term
from neurosim.networks.topology import BIAS, INPUT, Synapse
from neurosim.numerics.fixed_point import solve
from neurosim.numerics.status import Status

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

    def factors(self, measured: Sequence[Measured], free: Array, keep: Array | None) -> dict[str, Factors]:
        """Return P, Q of ``Re sum_k c_k dF/dW``."""
        scaled = [m.a * coefficient(m.sample, m.a) for m in measured]
        if keep is not None:
            scaled = [s * keep for s in scaled]
        found = {s.name: self._synapse(s, measured, scaled, free) for s in self.top.synapses}
        if self.top.readout:
            errors = [self._readout_error(m, keep) for m in measured]
            for synapse in self.top.readout:
                found[synapse.name] = self._readout(synapse, measured, errors)
        return found

    def _synapse(self, synapse: Synapse, measured: Sequence[Measured], scaled: Sequence[Array], free: Array) -> Factors:
        post = self.top.slices[synapse.post]
        if synapse.pre in self.clamped:  # the same in all phases: one presentation will do
            return self.clamped[synapse.pre], sum_real([s[:, post] for s in scaled])
        pre = self.top.slices[synapse.pre]
        if not synapse.reciprocal:  # vector-field form: pre at the free state, response of post
            return free[:, pre], sum_real([s[:, post] for s in scaled])
        p = rows([m.a[:, pre] for m in measured], -1.0)
        return p, rows([s[:, post] for s in scaled], 1.0)

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
        xp, bench = namespace(free.u), self.bench
        lam = self._adjoint(free)
        found: dict[str, Factors] = {}
        for synapse in self.top.synapses:
            post = self.top.slices[synapse.post]
            if synapse.pre in self.clamped:
                found[synapse.name] = self.clamped[synapse.pre], -lam[:, post]
                continue
            pre = self.top.slices[synapse.pre]
            p, q = free.a[:, pre], -lam[:, post]
            if synapse.reciprocal:
                p = xp.concatenate((p, lam[:, pre]))
                q = xp.concatenate((q, -free.a[:, post]))
            found[synapse.name] = p, q
        for synapse in self.top.readout:
            error = bench.cost().readout_factors(bench.output(free.a), bench.y)
            p = self.clamped[BIAS] if synapse.pre == BIAS else bench.output(free.a)
            found[synapse.name] = p, -1 * error
        return found

    def _adjoint(self, free: Settled) -> Array:
        """Return lambda = dL/d(drive) of each sample, shape (batch, nodes)."""
        bench, top, xp = self.bench, self.top, namespace(free.u)
        network = cast("RateNetwork", bench.network)
        slope = network.activation.slope(free.u)
        source = xp.zeros_like(free.u)
        source[:, top.slices[top.output]] = bench.cost().force(bench.output(free.a), bench.y)

        def scale(y: Array, part: slice, a: Array) -> None:
            xp.multiply(y[:, part], slope[:, part], out=a[:, part])

        terms = [Term(t.post, t.pre, t.weights.T) for t in network.terms(bench.weights(0))]
        field = CoupledField(top, terms, source, scale)
        size = float(xp.abs(source).max()) or 1.0
        tolerance = bench.options.tolerance * size
        found = solve(field, source, tolerance=tolerance, max_sweeps=bench.options.max_sweeps)
        if found.status is not Status.SETTLED:
            raise ConvergenceError(
                f"rbp: the adjoint did not settle (residual {float(found.residual.max()):.3g}, allowed "
                f"{tolerance:.3g}): the free state is close to a fold or the weights are too large"
            )
        return field.activity(found.y).copy()
