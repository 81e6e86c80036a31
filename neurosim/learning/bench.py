"""One batch on one network, ready to be settled under any beta: the bench on which estimators measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from neurosim.backend import Array, namespace
from neurosim.learning.estimators.base import Sample
from neurosim.learning.fluctuation import Fluctuation
from neurosim.networks.conversion import Conversion
from neurosim.networks.cost import Cost, ReadoutNoise
from neurosim.networks.feedback import VECTOR_FIELD
from neurosim.networks.nudge import Nudge
from neurosim.networks.rate import RateNetwork, ReadNoise
from neurosim.networks.resistive import ResistiveNetwork
from neurosim.settle import Field, Settled, SettleOptions, operating_point, settle, transient

Network: TypeAlias = RateNetwork | ResistiveNetwork
Weights: TypeAlias = Mapping[str, Any]
"""What the network reads of each array: a weight matrix, or conductances."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Network, present weights, one batch and the way to settle it.

    Attributes
    ----------
    network
        A rate network or a resistive one.
    weights
        Phase number -> weights as they are read in that phase (0 is the free phase). A frozen reading returns the
        same ones each time.
    x, y
        Inputs (batch, n_in) and targets (batch, n_classes).
    options
        How to settle.
    fresh_noise
        Inputs of the (stacked) batch -> read noise drawn at every evaluation, or None.
    readout_noise
        Noise drawn at every read of the readout array, or None.
    rng
        Generator of the state noise, or None.
    one_reading
        Whether all phases read the same weights, so that they can be settled as one stacked batch.
    feedback
        What untied arrays observe: ``"vector_field"``, pre at the free state x response of post, each on its own; or
        ``"kolen_pollack"``, pre x post of every phase, the same for an array and its feedback array.
    fluctuation
        Conductance noise in physical time during this update, or None.
    applied
        Inputs as DACs apply them (batch, n_in); None where they apply `x`.
    sampled
        Activity -> its digital reading by ADCs, or None.
    conversion
        Converted reads of the arrays, or None.
    """

    network: Network
    weights: Callable[[int], Weights]
    x: Array
    y: Array
    options: SettleOptions
    fresh_noise: Callable[[Array], ReadNoise] | None = None
    readout_noise: ReadoutNoise | None = None
    rng: Any = None
    one_reading: bool = True
    feedback: str = VECTOR_FIELD
    fluctuation: Fluctuation | None = None
    applied: Array | None = None
    sampled: Callable[[Array], Array] | None = None
    conversion: Conversion | None = None

    def cost(self, phase: int = 0) -> Cost:
        """Return the loss with the readout as read in `phase`."""
        return self.network.cost(self.weights(phase), self.readout_noise)

    def start(self, dtype: Any = None) -> Array:
        """Return the resting state u = 0, shape (batch, nodes)."""
        xp = namespace(self.x)
        return xp.zeros((self.x.shape[0], self.network.topology.nodes), dtype=dtype or self.x.dtype)

    def output(self, a: Array) -> Array:
        """Return the columns of the output layer."""
        top = self.network.topology
        return a[:, top.slices[top.output]]

    def reading(self, a: Array) -> Array:
        """Return the activities `a` (batch, nodes) as they are read: of which updates and outputs are made."""
        return a if self.sampled is None else self.sampled(a)

    def free(self) -> Settled:
        """Settle without a nudge, from rest."""
        return settle(self.field(), self.start(), self.options.free_steps, self.options, rng=self.rng)

    def nudged(self, betas: Sequence[complex | float], start: Array, phase: int) -> Settled:
        """Settle under `betas` at once (stacked on the batch axis), each from `start` (batch, nodes)."""
        xp = namespace(self.x)
        batch, copies = self.x.shape[0], len(betas)
        dtype = start.dtype
        if any(isinstance(b, complex) for b in betas):
            dtype = xp.result_type(start.dtype, xp.complex64)
        beta = xp.asarray(betas, dtype=dtype).repeat(batch)[:, None]
        target = xp.tile(self.y, (copies, 1))
        field = self.field(Nudge(self.cost(phase), target, beta), phase, copies)
        stacked = xp.tile(start.astype(dtype), (copies, 1))
        return settle(field, stacked, self.options.nudged_steps, self.options, rng=self.rng)

    def run(
        self, nudge: Callable[[float], complex], steps: int, every: int, observe: Callable[[int, Array], None]
    ) -> Settled:
        """Run from rest under beta(t) for `steps`, showing the activity after every `every` steps.

        The residual at the end is that under the last beta, not under the one to which a stepped signal then jumps.
        """
        xp = namespace(self.x)
        is_complex = isinstance(nudge(0.0), complex)
        dtype = xp.result_type(self.x.dtype, xp.complex64) if is_complex else self.x.dtype
        last = (steps - 1e-3) * self.options.dt

        def held(t: float) -> complex:
            return nudge(min(t, last))

        def show(step: int, t: float, u: Array) -> None:
            observe(step, self.network.activity(u))

        field = self.field(Nudge(self.cost(), self.y, held))
        return transient(field, self.start(dtype), steps, self.options, rng=self.rng, observe=show, observe_every=every)

    def exact(self, tolerance: float) -> Bench:
        """Return this bench without noise and converters, with tight operating points (for references)."""
        options = replace(self.options, method="operating_point", tolerance=tolerance, max_sweeps=5000)
        return self.undisturbed(options)

    def undisturbed(self, options: SettleOptions) -> Bench:
        """Return this bench without noise of any kind and without converters, settled as `options` say."""
        quiet = replace(options, noise=0.0, temperature=0.0)
        return replace(
            self,
            options=quiet,
            fresh_noise=None,
            readout_noise=None,
            rng=None,
            applied=None,
            sampled=None,
            conversion=None,
        )

    def part(self, keep: Array) -> Bench:
        """Return this bench with some of its samples, `keep` being bool (batch,)."""
        network = self.network
        if isinstance(network, RateNetwork) and network.gain is not None:
            network = replace(network, gain=network.gain[keep])
        applied = None if self.applied is None else self.applied[keep]
        return replace(self, network=network, x=self.x[keep], y=self.y[keep], applied=applied)

    def operating_point(self, start: Array | None = None) -> Settled:
        """Return the free operating point by the solver, whatever ``options.method`` says; from rest, or `start`."""
        return operating_point(self.field(), self.start() if start is None else start, self.options)

    def field(self, nudge: Nudge | None = None, phase: int = 0, copies: int = 1) -> Field:
        """Return the network as it is read in `phase`, for the batch stacked `copies` times."""
        x, noise = self.x if self.applied is None else self.applied, None
        if self.fresh_noise is not None:
            noise = self.fresh_noise(namespace(x).tile(x, (copies, 1)) if copies > 1 else x)
        weights = self.weights(phase)
        if self.conversion is None or not isinstance(self.network, RateNetwork):
            return self.network.field(weights, x, nudge=nudge, copies=copies, read_noise=noise)
        return self.network.field(weights, x, nudge=nudge, copies=copies, read_noise=noise, conversion=self.conversion)


def sample_groups(samples: Sequence[Sample], one_reading: bool) -> list[list[Sample]]:
    """Group nudged samples that can be settled as one stacked batch.

    Real and complex betas are kept apart (real ones in real arithmetic); with fresh weights per phase every sample
    is settled on its own.
    """
    nudged = [s for s in samples if s.beta != 0]
    if not one_reading:
        return [[s] for s in nudged]
    real = [s for s in nudged if not isinstance(s.beta, complex)]
    complex_ = [s for s in nudged if isinstance(s.beta, complex)]
    return [group for group in (real, complex_) if group]
