"""Homeostatic loss: what keeps the coupling of an untied network symmetric, from noise and its echo.

J is the map from the activities of the free layers to their drives, with the activation bypassed and pools held, see
`neurosim.learning.coupling`. For Gaussian e,

    L_h = (1/n) (E |J e|^2 - E e.J^2 e) = (1/n) (|J|_F^2 - tr J^2) = (2/n) |A|_F^2,   A = (J - J^T)/2,

n free neurons (Laborieux and Zenke 2024, arXiv:2309.02214). With rows for states, drive = a M and J = M^T, so

    dL_h/dM_ij = (2/n) (M_ij - M_ji) = (2/n) E (e_i v_j - v_i e_j),   v = e M:

what a synapse needs is the noise and its response at its two ends. A reciprocal array takes part in v, but its own two
terms cancel. A kernel sees patches of the one and the other spread over its windows, at every position, as in its
gradient; its feedback kernel sees just the opposite of it. In inverted layers (`Layer`) the response counts with the
opposite sign, and so does the Jacobian here: it is this functional coupling that has to be symmetric for the estimate
to be the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.learning.contrast import Contrast, Group
from neurosim.learning.coupling import HeldCoupling, signed
from neurosim.networks.rate import RateNetwork

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.learning.observables import Factors
    from neurosim.networks.kernel_path import KernelPath
    from neurosim.networks.topology import Synapse
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
            Not a rate network.
        """
        network, a = rate_network(bench), contrast.free_activity
        count = self.draws * a.shape[0]
        noise = rng.standard_normal((count, network.topology.nodes), dtype=bench.x.dtype)
        held = HeldCoupling(network, bench.weights(0), namespace(a).tile(a, (self.draws, 1)))
        found = descent(held, noise, held.driven(noise))
        gain = self.weight * contrast.batch / count
        factors = dict(contrast.groups[0].factors)
        for name, (p, q) in found.items():
            xp, (p0, q0) = namespace(p), factors[name]
            factors[name] = xp.concatenate((p0, p)), xp.concatenate((q0, q * gain))
        first = Group(contrast.groups[0].sign, factors)
        return replace(contrast, groups=(first, *contrast.groups[1:]))


def rate_network(bench: Bench) -> RateNetwork:
    """Return the network of `bench`, or raise `ConfigError` if it is not one of rate neurons."""
    network = bench.network
    if isinstance(network, RateNetwork):
        return network
    kind = type(network).__name__
    raise ConfigError(f"homeostasis: written for rate networks, got a {kind}; set learning.homeostasis = 0")


def descent(held: HeldCoupling, e: Array, v: Array) -> dict[str, Factors]:
    """Return P, Q of ``-dL_h/dW``, summed over the draws, of every untied array between free layers.

    `e` and `v` are noise and response ``held.driven(e)``, (draws, nodes).
    """
    top, xp = held.network.topology, namespace(e)
    scale = 2.0 / top.nodes
    found: dict[str, Factors] = {}
    kernels: dict[str, Factors] = {}
    for synapse in top.synapses:
        if synapse.reciprocal or top.by_name[synapse.pre].clamped:
            continue
        if synapse.kernel is not None:
            name = synapse.forward or synapse.name
            if name not in kernels:
                kernels[name] = _kernel(held, synapse, e, v, scale)
            p, q = kernels[name]
            found[synapse.name] = p, q if synapse.forward is None else -q
            continue
        pre, post = top.slices[synapse.pre], top.slices[synapse.post]
        p = xp.concatenate((e[:, pre], v[:, pre]))
        q = xp.concatenate((v[:, post] * -scale, e[:, post] * scale))
        found[synapse.name] = p, q
    return found


def _kernel(held: HeldCoupling, synapse: Synapse, e: Array, v: Array, scale: float) -> Factors:
    """Return P, Q of the forward kernel of `synapse`: one presentation per draw, position, and noise or response."""
    network, xp = held.network, namespace(e)
    path = cast("KernelPath", network.path(synapse, held.weights))
    slices = network.topology.slices
    ends = slices[synapse.pre], slices[synapse.post]
    behind, ahead = ends if synapse.forward is None else reversed(ends)
    pooling = path.pooling(held.a[:, behind])
    p = xp.concatenate([path.patched(s[:, behind]) for s in (e, v)])
    spread = (path.unpooled(pooling, s[:, ahead] * by) for s, by in ((v, -scale), (e, scale)))
    return p, xp.concatenate([path.presented(s) for s in spread])


def products(e: Array, v: Array, w: Array) -> Array:
    """Return ``(|J e|^2 - e.J^2 e) / n`` of each draw, with ``v = J e`` and ``w = J v``: a sample of L_h, (draws,)."""
    return ((v * v).sum(axis=1) - (e * w).sum(axis=1)) / int(e.shape[1])


def echo(bench: Bench, free: Settled, noise: Array, amplitude: float) -> tuple[Array, Array]:
    """Return response power and feedback correlation of small noise on the settled network, (samples,) each.

    Currents that would move the activities by ``amplitude noise``, were the neurons linear, are injected into the free
    state, and the change of all drives is recorded; the recorded change is injected in the same way. What is read is
    ``|response|^2`` and ``amplitude noise . response of the response``, per amplitude^2. Their mean tends to
    ``|J|_F^2`` and ``tr J^2`` with an error of order amplitude^2. Here pools move with the noise: with curvature, J has
    the blocks that the held coupling leaves out, and the difference of both terms is ``2 |A|_F^2`` of all blocks.

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
        return signed(network, field.target(0.0, u, namespace(u).empty_like(u)) - before)

    first = response(amplitude * noise)
    second = response(first)
    return (first**2).sum(axis=1) / amplitude**2, (noise * second).sum(axis=1) / amplitude
