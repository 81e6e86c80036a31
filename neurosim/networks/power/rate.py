"""Power of a rate network: drivers that hold rows at their activities, virtual grounds, and leaky neurons.

Every device lies between a driven line at ``V = v_ref a`` and a virtual ground, so an array read from its rows takes
``sum_ij V_i^2 (G+_ij + G-_ij)`` from the drivers, and a reciprocal one, read back, ``sum_ij V_j^2 (G+_ij + G-_ij)``
besides (one array in turn, or two copies: the charge is the same). Current mirrors deliver the array's currents I to
the nodes at their voltage U, that is ``U I``; of it the leak takes ``g_ref U^2`` and the capacitance stores the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.networks.power.base import Parts, overlap, square
from neurosim.networks.topology import BIAS, INPUT, Synapse

if TYPE_CHECKING:
    from neurosim.networks.nudge import Nudge
    from neurosim.networks.rate import RateNetwork

Pair = tuple[Array, Array]
"""G+ and G- of an array in units of g_ref; a shared reference column is (rows, 1)."""


class RatePower:
    """The power balance of a rate network (see `neurosim.networks.power.base.Power`).

    The power of amplifiers, activation circuits and pools, of which the model says nothing, is not in it. A nudged
    network with a readout reads it both ways, the second time driven by the error.

    Parameters
    ----------
    network, weights
        The network and the weights it reads.
    pairs
        Conductances of every array.
    x
        Inputs (batch, n_in).
    nudge
        As the field has it, or None.
    """

    def __init__(
        self,
        network: RateNetwork,
        weights: Mapping[str, Array],
        pairs: Mapping[str, Pair],
        x: Array,
        nudge: Nudge | None = None,
    ) -> None:
        self.network, self.nudge, self.top = network, nudge, network.topology
        self._field = network.field(weights, x, nudge=nudge)
        self._clamped = {INPUT: x, BIAS: namespace(x).ones((x.shape[0], 1), dtype=x.dtype)}
        self._fixed: dict[str, Array] = {}
        self._loads: list[tuple[str, Callable[[Array], Array]]] = []
        for synapse in self.top.arrays:
            for load in self._array(synapse, weights, pairs[synapse.name]):
                if synapse.pre in self._clamped:
                    self._fixed[synapse.name] = load(x)
                else:
                    self._loads.append((synapse.name, load))
        if self.top.readout:
            plus, minus = pairs["readout"]
            self._readout_columns = plus.sum(axis=0) + minus.sum(axis=0)
        self._out: Array = None

    def dissipated(self, t: float, u: Array) -> Parts:
        """Return the power in every array, and in the leaks of the neurons."""
        found = self._arrays(u)
        found["leak"] = square(u).sum(axis=1)
        return found

    def delivered(self, t: float, u: Array) -> Parts:
        """Return the power of the line drivers, of the mirrors that feed the nodes, and of the nudge."""
        if self._out is None or self._out.shape != u.shape or self._out.dtype != u.dtype:
            self._out = namespace(u).empty_like(u)
        drive = self._field.target(t, u, self._out)
        drivers: Any = 0.0
        for power in self._arrays(u).values():
            drivers = drivers + power
        found = {"drivers": drivers, "neurons": overlap(u, drive)}
        if self.nudge is not None:
            part = self.top.slices[self.top.output]
            force = self.nudge.force(t, self.network.activity(u)[:, part])
            found["nudge"] = overlap(u[:, part], force)
            found["neurons"] = found["neurons"] - found["nudge"]
        return found

    def stored(self, u: Array) -> Array:
        """Return ``1/2 sum_j u_j^2 / rate_j``: nodes of another time constant have another capacitance."""
        return 0.5 * (square(u) / self.network.rate).sum(axis=1)

    def _arrays(self, u: Array) -> dict[str, Array]:
        a = self.network.activity(u)
        found = {f"array/{name}": power for name, power in self._fixed.items()}
        for name, load in self._loads:
            key = f"array/{name}"
            found[key] = found[key] + load(a) if key in found else load(a)
        if self.nudge is not None and self.top.readout:
            error = self.nudge.cost.readout_factors(a[:, self.top.slices[self.top.output]], self.nudge.target)
            found["array/readout"] = found["array/readout"] + square(error) @ self._readout_columns
        return found

    def _array(self, synapse: Synapse, weights: Mapping[str, Array], pair: Pair) -> Iterator[Callable[[Array], Array]]:
        """Yield the reads of an array: functions from activities (or from x, where clamped) to power."""
        if synapse.kernel is not None:
            yield from self._kernel(synapse, weights, pair)
            return
        plus, minus = pair
        rows = plus.sum(axis=1) + minus.sum(axis=1)
        if synapse.pre in self._clamped:
            values = self._clamped[synapse.pre]
            yield lambda _: square(values) @ rows
            return
        pre = self.top.slices[synapse.pre]
        yield lambda a: square(a[:, pre]) @ rows
        if synapse.reciprocal:
            yield _back(plus, minus, self.top.slices[synapse.post])

    def _kernel(self, synapse: Synapse, weights: Mapping[str, Array], pair: Pair) -> Iterator[Callable[[Array], Array]]:
        """Yield the reads of a kernel: the same array at every position, in turn or as copies."""
        path = self.network.path(synapse, weights)
        assert path is not None
        plus, minus = pair
        both = plus + minus  # a shared reference is read once with every channel
        cols = both.sum(axis=0)
        forward, ends = synapse.forward is None, (synapse.pre, synapse.post)
        source, ahead = ends if forward else ends[::-1]

        def read(a: Array) -> Array:
            pre = self._clamped[INPUT] if source == INPUT else a[:, self.top.slices[source]]
            return path.map(square(pre), both).sum(axis=(0, 1, 2))

        def read_back(a: Array) -> Array:
            path.renew()
            pre, post = a[:, self.top.slices[source]], a[:, self.top.slices[ahead]]
            spread = path.unpooled(path.pooling(pre) if path.pool.needs_map else path.pool.at(None), post)
            return (square(spread) * cols[:, None, None, None]).sum(axis=(0, 1, 2))

        if forward:
            yield read
        if synapse.reciprocal or not forward:
            yield read_back


def _back(plus: Array, minus: Array, post: slice) -> Callable[[Array], Array]:
    """Return the read from the columns; a shared reference column is then driven by the sum of all others."""
    if minus.shape == plus.shape:
        cols = plus.sum(axis=0) + minus.sum(axis=0)
        return lambda a: square(a[:, post]) @ cols
    cols, reference = plus.sum(axis=0), minus.sum()
    return lambda a: square(a[:, post]) @ cols + square(a[:, post].sum(axis=1)) * reference
