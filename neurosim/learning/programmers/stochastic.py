"""Coincident pulse trains: rows and columns pulse at random, a device moves where both pulse at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.learning.programmers.base import Change, Programmed

if TYPE_CHECKING:
    from neurosim.crossbar import Crossbar, PairState


@dataclass(frozen=True, slots=True)
class StochasticProgrammer:
    """Trains of `length` slots: ``P(row) = A |p_i|``, ``P(col) = B |q_j|``, ``A B = scale / (length w)``.

    With w the weight step of one pulse, the mean number of coincidences times w is the wanted change, as long as no
    probability exceeds 1 (it is then cut there). A and B are balanced so that both largest probabilities are equal.
    All devices of a row share its pulses: their changes are correlated, which only a simulation of the trains
    themselves shows.

    References
    ----------
    Gokmen and Vlasov 2016, doi:10.3389/fnins.2016.00333, eq. (1).
    """

    length: int = 31
    name: str = "stochastic"
    needs_factors: bool = True

    def program(self, crossbar: Crossbar, state: PairState, change: Change, rng: Any) -> Programmed:
        """Return the array after the net coincidences of all presentations."""
        if change.factors is None:
            raise ValueError("stochastic pulse trains need the factors of the update")
        counts = self.coincidences(*change.factors, change.scale / crossbar.weight_step, rng)
        return Programmed(crossbar.pulse(state, counts, rng), counts)

    def coincidences(self, p: Array, q: Array, pulses: float, rng: Any) -> Array:
        """Return signed coincidence counts (rows, cols) whose mean is ``pulses * P^T Q`` where nothing is cut."""
        xp = namespace(p)
        top_p, top_q = float(xp.abs(p).max()), float(xp.abs(q).max())
        if top_p == 0 or top_q == 0 or pulses == 0:
            return xp.zeros((p.shape[1], q.shape[1]), dtype=p.dtype)
        strength = (pulses / self.length) ** 0.5
        rows = self._train(p, strength * (top_q / top_p) ** 0.5, rng)
        cols = self._train(q, strength * (top_p / top_q) ** 0.5, rng)
        return xp.matmul(rows.T, cols)

    def _train(self, values: Array, gain: float, rng: Any) -> Array:
        """Return signed pulses, shape (length * presentations, lines)."""
        xp = namespace(values)
        draws = rng.random((self.length, *values.shape), dtype=values.dtype)
        fired = (draws < xp.abs(values) * gain).astype(values.dtype)
        return (fired * xp.sign(values)).reshape(-1, values.shape[1])
