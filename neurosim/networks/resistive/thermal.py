"""Thermal noise of a passive network: every resistor feeds the noise current 4 k T G into the nodes at its ends.

With the nodal conductances K and capacitances C, ``C dv = -K v dt + sqrt(2 k T) K^(1/2) dW`` has the stationary
covariance ``k T C^-1`` whatever K is: kT/C on every node, and none between nodes (Nyquist 1928,
doi:10.1103/PhysRev.32.110).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError
from neurosim.numerics.noise import Modes

if TYPE_CHECKING:
    from neurosim.networks.resistive.circuit import ResistiveField

BOLTZMANN = 1.380649e-23
"""k [J/K]."""


def thermal_modes(field: ResistiveField, y: Array, temperature: float) -> Modes:
    """Return the thermal noise of a linear network at `temperature` [K], for states of the shape and type of `y`.

    A nudge of the squared error is a conductance beta g_ref to the target and as noisy as one.

    Raises
    ------
    ConfigError
        Diodes, elements that are not linear, or stages: they are not in equilibrium, and their noise is not 4 k T G;
        a nudge that changes in time, or is complex.
    RangeError
        The temperature is not positive and finite, or some conductance of the network is not positive.
    """
    xp, network = namespace(y), field.network
    if not 0 < temperature < float("inf"):
        raise RangeError(f"settle.temperature = {temperature!r}: allowed (0, inf) K")
    if any(network.clamps.values()) or network.stages or any(not law.linear for law in network.laws.values()):
        raise ConfigError(
            "settle.temperature: thermal noise is that of resistors; diodes, amplifier stages and nonlinear elements "
            "have noise of their own, which is not modelled; set temperature = 0"
        )
    if y.dtype.kind == "c" or (field.nudge is not None and callable(field.nudge.beta)):
        raise ConfigError("settle.temperature: needs a real nudge that is constant in a phase; set temperature = 0")
    root = xp.sqrt(field.rate * xp.ones((y.shape[1],), dtype=y.dtype))
    rates, vectors = xp.linalg.eigh(
        field.conductance(0.0, y if field.nudge is not None else y[:1]) * root[:, None] * root
    )
    if not bool((rates > 0).all()):
        raise RangeError("settle.temperature: under this nudge the network has no equilibrium; use a smaller beta")
    scale = network.scale
    sigma = (BOLTZMANN * temperature / scale.c_node) ** 0.5 / scale.v_ref
    return Modes(vectors * (sigma * root)[:, None], rates)
