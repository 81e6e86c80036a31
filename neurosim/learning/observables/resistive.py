"""Resistive networks: the content of every element, and the exact gradient by the adjoint circuit.

The observable of array s between row voltages v and node voltages u is ``-c_s H(v_i - u_j)`` for one device per
crosspoint. Of a pair, whose weight moves both devices by half and in opposite directions, it is
``c_s/2 (H(v_i + u_j) - H(v_i - u_j))``, for ohmic devices ``c_s v_i u_j`` (`ResistiveNetwork` derives c). Both are
sums of products of a row's and a column's own quantity, hence factors like those of any other array.

The exact gradient does not use c: at ``I(u, g) = 0``, with ``mu = (dI/du)^-T dL/du``,

    -dL/dg_ij = mu^T dI/dg_ij = h(v_i - u_j) (B mu_i - mu_j) = d/ds [-H(v_i - u_j)] along (dv, du) = (-B mu, -mu),

B being the back gain of the row's stage and 0 for a clamped row. The derivative is taken by a complex step, which is
exact to rounding because all laws are holomorphic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import ConvergenceError
from neurosim.learning.observables.base import Factors, Measured, coefficient, rows, sum_real

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.networks.resistive import ResistiveNetwork
    from neurosim.networks.resistive.laws import Parts
    from neurosim.networks.topology import Synapse
    from neurosim.settle import Settled

TINY = 1e-20
"""Imaginary step: its square is below every rounding."""


class ResistiveObservables:
    """P and Q of every array of a resistive network.

    Parameters
    ----------
    bench
        Network, readings and batch.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.network = cast("ResistiveNetwork", bench.network)
        self.top = self.network.topology
        self.clamped = self.network.clamped(bench.x)

    def factors(self, measured: Sequence[Measured], free: Array, keep: Array | None) -> dict[str, Factors]:
        """Return P, Q of ``Re sum_k c_k dF/dW``."""
        return {s.name: self._synapse(s, measured, keep) for s in self.top.synapses}

    def _synapse(self, synapse: Synapse, measured: Sequence[Measured], keep: Array | None) -> Factors:
        xp, post = namespace(self.bench.x), self.top.slices[synapse.post]
        ps, qs = [], []
        for m in measured:
            p, q = self._parts(synapse, self._rows(synapse, m.a), m.a[:, post])
            scale = self.network.co_weights[synapse.post] * coefficient(m.sample, m.a)
            ps.append(p)
            qs.append([part * scale if keep is None else part * scale * keep for part in q])
        if synapse.pre in self.clamped:  # the rows are the same in all phases: one presentation of each part will do
            return xp.concatenate(ps[0]), xp.concatenate([sum_real(parts) for parts in zip(*qs, strict=True)])
        return rows([part for p in ps for part in p], -1.0), rows([part for q in qs for part in q], 1.0)

    def _rows(self, synapse: Synapse, a: Array) -> Array:
        """Return the row voltages of an array at activity `a`."""
        if synapse.pre in self.clamped:
            return self.clamped[synapse.pre]
        stage = self.network.stages.get(synapse.pre)
        v = a[:, self.top.slices[synapse.pre]]
        return v if stage is None else stage.gain * v

    def _parts(self, synapse: Synapse, v: Array, u: Array) -> Parts:
        """Return the factors of the observable, without the weight c."""
        law = self.network.law(synapse.name)
        if self.network.inputs == "pairs":
            return law.pair_factors(v, u)
        p, q = law.factors(v, u)
        return p, [-part for part in q]

    def exact(self, free: Settled) -> dict[str, Factors]:
        """Return P, Q of ``-dL/dW`` at the free operating point."""
        xp, mu = namespace(free.u), self._adjoint(free)
        found = {}
        for synapse in self.top.synapses:
            post = self.top.slices[synapse.post]
            v = self._rows(synapse, free.u)
            if synapse.pre not in self.clamped:
                stage = self.network.stages.get(synapse.pre)
                back = 1.0 if stage is None else stage.back_gain
                v = v - (1j * TINY * back) * mu[:, self.top.slices[synapse.pre]]
            ps, qs = self._parts(synapse, v, free.u[:, post] - (1j * TINY) * mu[:, post])
            pairs: list[Factors] = []
            for p, q in zip(ps, qs, strict=True):
                pairs.append((p.real, q.imag / TINY))
                if p.dtype.kind == "c":
                    pairs.append((p.imag / TINY, q.real))
            found[synapse.name] = xp.concatenate([p for p, _ in pairs]), xp.concatenate([q for _, q in pairs])
        return found

    def _adjoint(self, free: Settled) -> Array:
        """Return mu of each sample, shape (batch, nodes)."""
        bench, xp = self.bench, namespace(free.u)
        source = xp.zeros_like(free.u)
        source[:, self.top.slices[self.top.output]] = bench.cost().force(bench.output(free.a), bench.y)
        field = self.network.field(bench.weights(0), bench.x)
        with np.errstate(over="ignore", invalid="ignore"):
            transposed = field.conductance(0.0, free.u).transpose(0, 2, 1)
        try:
            mu = xp.linalg.solve(transposed, source[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            mu = xp.full_like(source, float("nan"))
        if not bool(xp.isfinite(mu).all()):
            raise ConvergenceError(
                "rbp: the adjoint circuit has no solution: a node has no conductance to anything (all devices of its "
                "row and column at 0 S)"
            )
        return mu
