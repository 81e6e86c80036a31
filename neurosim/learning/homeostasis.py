"""Homeostatic loss: what keeps the coupling of an untied network symmetric, from noise and its echo.

J is the map from the activities of the free layers to their drives, with the activation bypassed. For Gaussian e,

    L_h = (1/n) (E |J e|^2 - E e.J^2 e) = (1/n) (|J|_F^2 - tr J^2) = (2/n) |A|_F^2,   A = (J - J^T)/2,

n free neurons (Laborieux and Zenke 2024, arXiv:2309.02214). With rows for states, drive = a M and J = M^T, so

    dL_h/dM_ij = (2/n) (M_ij - M_ji) = (2/n) E (e_i v_j - v_i e_j),   v = e M:

what a synapse needs is the noise and its response at its two ends. A reciprocal array takes part in v, but its own two
terms cancel. In inverted layers (`Layer`) the response counts with the opposite sign, and so does the Jacobian here: it
is this functional coupling that has to be symmetric for the estimate to be the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.learning.contrast import Contrast, Group
from neurosim.networks.rate import RateNetwork

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.learning.observables import Factors
    from neurosim.networks.topology import Topology
    from neurosim.settle import Settled


@dataclass(frozen=True, slots=True)
class Homeostasis:
    """The homeostatic loss as a part of the update: ``-dL/dW - weight dL_h/dW``.

    Attributes
    ----------
    weight
        Of L_h in the loss, > 0.
    draws
        Noise draws per sample.
    """

    weight: float
    draws: int = 5

    def added(self, contrast: Contrast, bench: Bench, rng: Any) -> Contrast:
        """Return `contrast` with the homeostatic update as further presentations of the arrays between free layers.

        `rng` is drawn ``draws * batch`` states of standard normal noise.

        Raises
        ------
        ConfigError
            Not a dense rate network.
        """
        network, weights = dense(bench), bench.weights(0)
        count = self.draws * bench.x.shape[0]
        noise = rng.standard_normal((count, network.topology.nodes), dtype=bench.x.dtype)
        found = descent(network.topology, noise, driven(network, weights, noise))
        gain = self.weight * contrast.batch / count
        factors = dict(contrast.groups[0].factors)
        for name, (p, q) in found.items():
            xp, (p0, q0) = namespace(p), factors[name]
            factors[name] = xp.concatenate((p0, p)), xp.concatenate((q0, q * gain))
        first = Group(contrast.groups[0].sign, factors)
        return replace(contrast, groups=(first, *contrast.groups[1:]))


def dense(bench: Bench) -> RateNetwork:
    """Return the network of `bench`, or raise `ConfigError` if its coupling is not that of dense arrays."""
    network = bench.network
    if isinstance(network, RateNetwork) and not network.topology.convolutional:
        return network
    kind = "a network of kernels" if isinstance(network, RateNetwork) else f"a {type(network).__name__}"
    raise ConfigError(f"homeostasis: written for dense rate networks, got {kind}; set learning.homeostasis = 0")


def driven(network: RateNetwork, weights: Mapping[str, Array], e: Array) -> Array:
    """Return ``e M``, the drive that activities e (batch, nodes) give to the free layers: one read of each array."""
    v = namespace(e).zeros_like(e)
    for term in network.terms(weights):
        term.add(e, v)
    return _signed(network, v)


def _signed(network: RateNetwork, drive: Array) -> Array:
    """Return `drive` as the functional coupling counts it: with the opposite sign in inverted layers."""
    sign = network.polarity(drive)
    return drive if sign is None else drive * sign


def coupling(network: RateNetwork, weights: Mapping[str, Array]) -> Array:
    """Return M, (nodes, nodes): row i is the drive that a unit activity of neuron i gives."""
    first = next(iter(weights.values()))
    return driven(network, weights, namespace(first).eye(network.topology.nodes, dtype=first.dtype))


def homeostatic_loss(m: Array) -> float:
    """Return ``(2/n) |A|_F^2`` of a coupling, the exact expectation of L_h."""
    return 0.5 * float(((m - m.T) ** 2).sum()) / int(m.shape[0])


def symmetry(m: Array) -> float:
    """Return ``|S| / (|S| + |A|)`` of a coupling: 1 for a symmetric one, 1/2 for unrelated directions; NaN for none."""
    s, a = (float(((m + sign * m.T) ** 2).sum()) ** 0.5 for sign in (1, -1))
    return s / (s + a) if s + a else float("nan")


def descent(top: Topology, e: Array, v: Array) -> dict[str, Factors]:
    """Return P, Q of ``-dL_h/dW``, summed over the draws, of every untied array between free layers.

    `e` and `v` are noise and response, (draws, nodes).
    """
    xp, scale = namespace(e), 2.0 / top.nodes
    found: dict[str, Factors] = {}
    for synapse in top.synapses:
        if synapse.reciprocal or top.by_name[synapse.pre].clamped:
            continue
        pre, post = top.slices[synapse.pre], top.slices[synapse.post]
        p = xp.concatenate((e[:, pre], v[:, pre]))
        q = xp.concatenate((v[:, post] * -scale, e[:, post] * scale))
        found[synapse.name] = p, q
    return found


def products(e: Array, v: Array, w: Array) -> Array:
    """Return ``(|J e|^2 - e.J^2 e) / n`` of each draw, with ``v = J e`` and ``w = J v``: a sample of L_h, (draws,)."""
    return ((v * v).sum(axis=1) - (e * w).sum(axis=1)) / int(e.shape[1])


def echo(bench: Bench, free: Settled, noise: Array, amplitude: float) -> tuple[Array, Array]:
    """Return response power and feedback correlation of small noise on the settled network, (samples,) each.

    Currents that would move the activities by ``amplitude noise``, were the neurons linear, are injected into the free
    state, and the change of all drives is recorded; the recorded change is injected in the same way. What is read is
    ``|response|^2`` and ``amplitude noise . response of the response``, per amplitude^2. Their mean tends to
    ``|J|_F^2`` and ``tr J^2`` with an error of order amplitude^2.

    Parameters
    ----------
    bench, free
        A rate network and its free state; neurons must not be saturated, or no current moves them.
    noise
        Standard normal, (samples, nodes); draws that come in pairs e, -e leave no error of odd order.
    amplitude
        Of the activities' noise, > 0.
    """
    network = cast("RateNetwork", bench.network)
    field = bench.field()
    before = field.target(0.0, free.u, namespace(free.u).empty_like(free.u))
    slope = network.slope(free.u)

    def response(activity: Array) -> Array:
        u = free.u + activity / slope
        return _signed(network, field.target(0.0, u, namespace(u).empty_like(u)) - before)

    first = response(amplitude * noise)
    second = response(first)
    return (first**2).sum(axis=1) / amplitude**2, (noise * second).sum(axis=1) / amplitude
