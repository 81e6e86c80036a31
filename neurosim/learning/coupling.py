"""J, the map from the activities of the free layers to their drives, with the activation bypassed; how symmetric it is.

With rows for states, drive = a M and J = M^T; S and A are its symmetric and its antisymmetric part. The pools of
kernels are held as they stand at one activity: both directions of a read then share the slopes G, ``G conv_W`` ahead
and ``conv_B^T G`` back, and M is linear in every array. Left out is that a pool with curvature changes its slopes,
which couples a layer to itself by ``conv_B^T (a_post H) conv_W``: a block beside those of M, symmetric when B = W.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace

if TYPE_CHECKING:
    from neurosim.networks.rate import RateNetwork
    from neurosim.networks.terms import Contribution


class HeldCoupling:
    """M of every sample, each with its own pools.

    Parameters
    ----------
    network, weights
        A rate network and its arrays as they are read.
    a
        Activities at which the pools stand, (batch, nodes); without kernels M is the same for all.
    """

    def __init__(self, network: RateNetwork, weights: Mapping[str, Array], a: Array) -> None:
        self.network, self.weights, self.a = network, weights, a
        self._terms = network.terms(weights)
        self._ahead = [part for term in self._terms for part in term.tangent(a, held=True)]

    def driven(self, e: Array) -> Array:
        """Return ``e M`` of activities e (batch, nodes), the drive they give: one read of each array."""
        return signed(self.network, _sum(self._ahead, e))

    def transposed(self, e: Array) -> Array:
        """Return ``e M^T``, (batch, nodes): what a network of the transposed arrays would give."""
        back = [part for term in self._terms for part in term.transposed(self.a, held=True)]
        return _sum(back, signed(self.network, e))


def signed(network: RateNetwork, drive: Array) -> Array:
    """Return `drive` as the functional coupling counts it: with the opposite sign in inverted layers."""
    sign = network.polarity(drive)
    return drive if sign is None else drive * sign


def _sum(terms: Sequence[Contribution], e: Array) -> Array:
    v = namespace(e).zeros_like(e)
    for held in {id(term.held): term.held for term in terms}.values():
        if held is not None:
            held.renew()
    for term in terms:
        term.add(e, v)
    return v


def coupling(network: RateNetwork, weights: Mapping[str, Array], a: Array | None = None) -> Array:
    """Return M, (nodes, nodes), of one sample: row i is the drive that a unit activity of neuron i gives.

    `a` is its activity (nodes,), at which pools stand; only kernels need it.
    """
    if a is None and network.topology.convolutional:
        raise TypeError("coupling: that of kernels depends on the activity a at which their pools stand; give it")
    first = next(iter(weights.values()))
    xp, nodes = namespace(first), network.topology.nodes
    unit = xp.eye(nodes, dtype=first.dtype)
    return HeldCoupling(network, weights, unit if a is None else xp.tile(a, (nodes, 1))).driven(unit)


def homeostatic_loss(m: Array) -> float:
    """Return ``(2/n) |A|_F^2`` of a coupling, the exact expectation of L_h."""
    return 0.5 * float(((m - m.T) ** 2).sum()) / int(m.shape[0])


def symmetry(m: Array) -> float:
    """Return ``|S| / (|S| + |A|)`` of a coupling: 1 for a symmetric one, 1/2 for unrelated directions; NaN for none."""
    return _share(*(float(((m + sign * m.T) ** 2).sum()) for sign in (1, -1)))


def jacobian(network: RateNetwork, m: Array) -> Array:
    """Return ``M - I``, the coupling with the leak of every neuron: the transposed J of the published measure.

    The leak of inverted layers counts with the opposite sign, as their drive does. Of a loop, in which no two layers
    are joined both ways, `symmetry` of M is 1/2 whatever the weights; of M - I it tends to 1 as they get small.
    """
    xp = namespace(m)
    return m - xp.diag(signed(network, xp.ones(m.shape[0], dtype=m.dtype)))


def estimated_asymmetry(held: HeldCoupling, e: Array) -> tuple[float, float, float]:
    """Return (`symmetry` of M, that of its `jacobian`, `homeostatic_loss`) of a large M from noise.

    ``E |e M + e M^T|^2 = 4 |S|_F^2`` and ``E |e M - e M^T|^2 = 4 |A|_F^2`` for draws e (batch, nodes) of standard
    normal noise (Hutchinson 1990, doi:10.1080/03610919008812866), means over the samples. The relative error of each
    is at most ``sqrt(2 / draws)``, and of the order of ``sqrt(2 / (draws nodes))`` where no mode dominates.
    """
    v, back, leak = held.driven(e), held.transposed(e), signed(held.network, e)
    s, a, leaking = (float((part**2).sum(axis=1).mean()) for part in (v + back, v - back, (v - leak) + (back - leak)))
    return _share(s, a), _share(leaking, a), 0.5 * a / int(e.shape[1])


def _share(s: float, a: float) -> float:
    """Return ``|S| / (|S| + |A|)`` of squares in one unit."""
    s, a = s**0.5, a**0.5
    return s / (s + a) if s + a else float("nan")
