"""Thermal noise of a rate network: the noise currents of all conductances that end at a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.networks.resistive.thermal import BOLTZMANN

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.networks.rate import RateNetwork
    from neurosim.units import Scale


def thermal_deviation(
    network: RateNetwork,
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    temperature: float,
    scale: Scale,
) -> Array:
    """Return the stationary standard deviation of the state of every node by thermal noise, (nodes,).

    A node of capacitance C sums, at a virtual ground, the currents of all conductances G+ and G- that end at it, and
    leaks by g_ref. Each conductance brings the white noise current ``4 k T G``; on the node's one pole they make

        Var V = 4 k T (g_ref + sum G) / (4 g_ref C) = (k T / C) (g_ref + sum G) / g_ref ,     u = V / v_ref .

    More than kT/C: the conductances are noisy, but do not load the node. Its bandwidth is ``g_ref / (4 C)``.

    Parameters
    ----------
    temperature
        T [K], > 0.
    scale
        v_ref, g_ref and c_node; C is c_node over the node's rate.

    Raises
    ------
    ConfigError
        The network has kernels, whose reads share their conductances.
    """
    top = network.topology
    if top.convolutional:
        raise ConfigError("settle.temperature: thermal noise is not modelled for kernels; set temperature = 0")
    first = next(iter(pairs.values())).read_plus
    xp = namespace(first)
    total = xp.ones((top.nodes,), dtype=first.dtype)
    for synapse in top.synapses:
        plus, minus = crossbars[synapse.name].conductances(pairs[synapse.name])
        total[top.slices[synapse.post]] += plus.sum(axis=0) + minus.sum(axis=0)
        if synapse.reciprocal:
            total[top.slices[synapse.pre]] += plus.sum(axis=1) + minus.sum(axis=1)
    variance = BOLTZMANN * temperature / (scale.c_node * scale.v_ref**2)
    return xp.sqrt(variance * network.rate * total)
