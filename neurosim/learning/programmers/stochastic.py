"""Coincident pulse trains: rows and columns pulse at random, a device moves where both pulse at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.batch import aggregated, in_order
from neurosim.errors import choose
from neurosim.learning.programmers.base import Change, Programmed
from neurosim.learning.trains import Lines, Trains

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState

ORDERS = ("net", "aggregated", "samples")


@dataclass(frozen=True, slots=True)
class StochasticProgrammer:
    """Trains of `length` slots: ``P(row) = A |p_i|``, ``P(col) = B |q_j|``, ``A B = scale / (length w)``.

    With w the weight step of one pulse, the mean number of coincidences times w is the wanted change, as long as no
    probability exceeds 1 (it is then cut there). A and B are balanced so that both largest probabilities are equal.
    All devices of a row share its pulses: their changes are correlated, which only a simulation of the trains
    themselves shows.

    Attributes
    ----------
    length
        Slots of a train.
    order
        How the coincidences of a batch reach a device. ``"samples"``: one presentation after the other, every pulse
        with its own noise. ``"aggregated"``: all that raise the weight, then all that lower it, each direction in
        one step of exact mean and variance (`pulse_at_once`). ``"net"``: their difference, pulse by pulse; what
        cancels is not applied, neither its noise nor the drift of devices whose steps up and down differ.

    Raises
    ------
    ConfigError
        Unknown order; ``"aggregated"`` with a device whose step is no straight line.

    References
    ----------
    Gokmen and Vlasov 2016, doi:10.3389/fnins.2016.00333, eq. (1).
    """

    length: int = 31
    order: str = "net"
    name: str = "stochastic"
    needs_factors: bool = True

    def __post_init__(self) -> None:
        choose(dict.fromkeys(ORDERS), self.order, "learning.pulse_order")

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after the coincidences of all presentations."""
        if change.factors is None:
            raise ValueError("stochastic pulse trains need the factors of the update")
        p, q = change.factors
        trains = self.trains(p, q, change.scale / crossbar.weight_step, rng)
        if self.order == "net":
            counts = namespace(p).zeros(crossbar.shape, dtype=p.dtype) if trains is None else trains.net()
            return Programmed.by_pulses(crossbar, state, counts, rng)
        if trains is None:
            return Programmed(state, namespace(p).zeros(crossbar.shape, dtype=p.dtype))
        ups, downs = trains.directions()
        if self.order == "aggregated":
            batch = aggregated(crossbar, state, ups, downs, rng)
        else:
            batch = in_order(crossbar, state, trains.events(), ups, downs, rng)
        net = (ups - downs).astype(p.dtype)
        return Programmed(batch.state, net, batch.pulses, batch.pulsed)

    def coincidences(self, p: Array, q: Array, pulses: float, rng: Any) -> Array:
        """Return signed coincidence counts (rows, cols) whose mean is ``pulses * P^T Q`` where nothing is cut."""
        trains = self.trains(p, q, pulses, rng)
        return namespace(p).zeros((p.shape[1], q.shape[1]), dtype=p.dtype) if trains is None else trains.net()

    def trains(self, p: Array, q: Array, pulses: float, rng: Any) -> Trains | None:
        """Return trains whose mean coincidences are ``pulses * P^T Q``, or None where nothing is wanted."""
        xp = namespace(p)
        top_p, top_q = float(xp.abs(p).max()), float(xp.abs(q).max())
        if top_p == 0 or top_q == 0 or pulses == 0:
            return None
        strength = (pulses / self.length) ** 0.5
        rows = Lines.draw(p, strength * (top_q / top_p) ** 0.5, self.length, rng)
        cols = Lines.draw(q, strength * (top_p / top_q) ** 0.5, self.length, rng)
        return Trains(rows, cols, self.length, p.dtype)
