"""Neurons that differ: gain and threshold of each, a summing amplifier of finite gain, an output that saturates.

    v = S(c u),   a = sigma(g (v - theta)),   S(v) = u_max tanh(v / u_max)

with the state u (the total drive in the steady state), the voltage v of the node, and c, g, theta of each neuron. The
activity of a neuron is still a monotone function of its own drive, so that with tied arrays ``sum_j F_j(a_j)``,
``F_j' = `` the inverse of this function, takes the place of the leak's energy: the Jacobian stays symmetric in
activity coordinates, and the limit of equilibrium propagation stays the exact gradient of the mismatched network.

The amplifier of a neuron is an inverting integrator: open-loop gain A, feedback ``g_ref`` parallel to ``c_node``, and
conductances that sum to ``G = sum (G+ + G-)`` at its summing node (G- being driven with -V). Kirchhoff's law at that
node, which moves to ``-v_out / A``, gives

    c_node (1 + 1/A) dv/dt = I - g_ref v (1 + (1 + G/g_ref)/A):   c = 1 / (1 + (1 + G/g_ref)/A),

all currents, the nudge too, count c times, and the node is faster by ``(1/c) / (1 + 1/A)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState
    from neurosim.networks.rate import RateNetwork
    from neurosim.networks.topology import Topology

ALL = slice(None)


@dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """What lies between the state of a node and the argument of sigma; numbers, or one value per node (nodes,).

    Attributes
    ----------
    gain, threshold
        g > 0 and theta [v_ref].
    load
        c in (0, 1]: steady voltage over total drive.
    u_max
        Largest voltage [v_ref], > 0; None without saturation. S is smooth, and holomorphic for real parts of any size
        as long as ``|Im v| < pi u_max / 2``.
    """

    gain: float | Array = 1.0
    threshold: float | Array = 0.0
    load: float | Array = 1.0
    u_max: float | None = None

    @property
    def plain(self) -> bool:
        """Whether the voltage is the state: no load and no saturation."""
        return self.u_max is None and isinstance(self.load, float) and self.load == 1.0

    def voltage(self, u: Array, part: slice = ALL) -> Array:
        """Return v [v_ref] of the nodes in columns `part`, whose states are `u`, as a new array."""
        v = u * _of(self.load, part)
        return v if self.u_max is None else self.u_max * namespace(v).tanh(v / self.u_max)

    def argument(self, u: Array, part: slice = ALL) -> Array:
        """Return ``g (v - theta)``, what sigma is applied to, as a new array."""
        v = self.voltage(u, part)
        v -= _of(self.threshold, part)
        v *= _of(self.gain, part)
        return v

    def slope(self, u: Array, part: slice = ALL) -> Array:
        """Return the derivative of `argument` by u, of the shape of `u`."""
        xp, load = namespace(u), _of(self.load, part)
        slope = xp.ones_like(u) * load
        if self.u_max is not None:
            t = xp.tanh(u * load / self.u_max)
            slope *= (1.0 - t) * (1.0 + t)
        slope *= _of(self.gain, part)
        return slope


def _of(value: float | Array, part: slice) -> float | Array:
    return value if isinstance(value, float) else value[part]


@dataclass(frozen=True, slots=True)
class Amplifier:
    """The summing amplifier of every neuron: open-loop gain A > 0."""

    gain: float

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise RangeError(f"Amplifier.gain = {self.gain!r}: allowed (0, inf), a ratio of voltages")

    def loaded(self, network: RateNetwork, conductance: Array) -> RateNetwork:
        """Return `network` with amplifiers loaded by ``G / g_ref`` of each node, `conductance` (nodes,)."""
        leak = 1.0 + (1.0 + conductance) * (1 / self.gain)
        neurons = replace(network.neurons or Neurons(), load=1.0 / leak)
        return replace(network, neurons=neurons, rate=network.rate * leak * (1 / (1 + 1 / self.gain)))


def summed_conductance(topology: Topology, crossbars: Mapping[str, Crossbar], pairs: Mapping[str, PairState]) -> Array:
    """Return ``sum (G+ + G-) / g_ref`` at the summing node of each free neuron, (nodes,).

    Columns of the arrays that end at a layer, and rows of those that are read back to it. Dense arrays only.
    """
    total: Array = None
    for synapse in topology.synapses:
        plus, minus = crossbars[synapse.name].conductances(pairs[synapse.name])
        both = plus + minus
        if total is None:
            total = namespace(both).zeros((topology.nodes,), dtype=both.dtype)
        total[topology.slices[synapse.post]] += both.sum(axis=0)
        if synapse.reciprocal:
            total[topology.slices[synapse.pre]] += both.sum(axis=1)
    return total
