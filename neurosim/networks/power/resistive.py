"""Power of a passive network: every element between its two nodes, amplifier stages and sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array
from neurosim.networks.power.base import Parts, overlap, square
from neurosim.networks.resistive.circuit import Branches, branches

if TYPE_CHECKING:
    from neurosim.networks.nudge import Nudge
    from neurosim.networks.resistive import Conductances, ResistiveNetwork


class ResistivePower:
    """The power balance of a passive network (see `neurosim.networks.power.base.Power`).

    Parameters
    ----------
    network
        The network.
    conductances
        Of every array, in units of g_ref.
    x
        Inputs (batch, n_in).
    nudge
        As the field has it, or None.

    Notes
    -----
    Of a stage with gain A and back gain B, driven by y, the source delivers ``A y I`` to the devices that draw I and
    takes ``y B I`` from the node. The inverting stage of pairs has both with the other sign.
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        conductances: Mapping[str, Conductances],
        x: Array,
        nudge: Nudge | None = None,
    ) -> None:
        self.network, self.nudge, self.top = network, nudge, network.topology
        self._branches: list[tuple[str, Branches]] = []
        clamped, names = network.clamped(x), []
        for synapse in self.top.synapses:
            names += [synapse.name] * (1 if conductances[synapse.name].minus is None else 2)
        self._branches = list(zip(names, branches(network, conductances, clamped), strict=True))

    def dissipated(self, t: float, u: Array) -> Parts:
        """Return the power in every array, in the leaks and in the diodes."""
        found: dict[str, Any] = {}
        for name, branch in self._branches:
            across = branch.across(u)
            drawn = branch.law.current(across) * branch.g
            power = overlap(across.reshape(len(u), -1), drawn.reshape(len(u), -1))
            found[f"array/{name}"] = found.get(f"array/{name}", 0.0) + power
        for layer, leak in self.network.leaks.items():
            found["leak"] = found.get("leak", 0.0) + leak * square(u[:, self.top.slices[layer]]).sum(axis=1)
        for v, current, bias in self._clamps(u):
            found["diodes"] = found.get("diodes", 0.0) + overlap(v - bias, current)
        return found

    def delivered(self, t: float, u: Array) -> Parts:
        """Return the power of the clamped rows, of the amplifier stages, of the bias sources and of the nudge."""
        found: dict[str, Any] = {"inputs": 0.0}
        for _, branch in self._branches:
            drawn = (branch.law.current(branch.across(u)) * branch.g).sum(axis=2)
            if branch.pre is None:
                found["inputs"] = found["inputs"] + overlap(branch.rows(u), drawn)
            else:
                power = (branch.gain - branch.back) * overlap(u[:, branch.pre], drawn)
                found["stages"] = found.get("stages", 0.0) + power
        for v, current, bias in self._clamps(u):
            found["diodes"] = found.get("diodes", 0.0) - bias * (current.real.sum(axis=1) + 0.0 * v.real[:, 0])
        if self.nudge is not None:
            part = self.top.slices[self.top.output]
            found["nudge"] = overlap(u[:, part], self.nudge.force(t, u[:, part]))
        return found

    def stored(self, u: Array) -> Array:
        """Return ``1/2 sum_j u_j^2 / rate_j``."""
        return 0.5 * (square(u) / self.network.rate).sum(axis=1)

    def _clamps(self, u: Array) -> list[tuple[Array, Array, float]]:
        """Return voltage, current and bias of every diode layer, in natural units."""
        scale = self.network.scale
        return [
            (u[:, part], clamp.current(u[:, part] * scale.v_ref) / scale.i_ref, clamp.bias / scale.v_ref)
            for layer, some in self.network.clamps.items()
            for part in [self.top.slices[layer]]
            for clamp in some
        ]
