"""What the network should minimise, and the force by which it is nudged.

``beta > 0`` pulls toward the target: the drive of the output layer gets ``-beta dL/da``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from neurosim.backend import Array, namespace
from neurosim.networks.product import product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.networks.topology import Topology


class Cost(Protocol):
    """A loss of the output activity ``a`` (batch, n_out) and the target ``y`` (batch, n_classes)."""

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    def loss(self, a: Array, y: Array) -> Array:
        """Return the loss of each sample, shape (batch,)."""
        ...

    def force(self, a: Array, y: Array) -> Array:
        """Return dL/da of each sample, shape of `a`; holomorphic in `a`."""
        ...

    def scores(self, a: Array) -> Array:
        """Return what is compared between classes, shape (batch, n_classes)."""
        ...

    def readout_factors(self, a: Array, y: Array) -> Array:
        """Return dL/dlogits (batch, n_classes); None where the cost owns no readout array."""
        ...


class ReadoutNoise(Protocol):
    """Noise of the reads of a readout array, drawn anew at each."""

    def logits(self, a: Array) -> Array:
        """Return the noise of the logits of activity `a`."""
        ...

    def force(self, error: Array) -> Array:
        """Return the noise of ``error W^T``."""
        ...


@dataclass(frozen=True, slots=True)
class SquaredError:
    """``L = 1/2 sum_j (a_j - y_j)^2`` per sample (no division by the number of outputs)."""

    name: str = "squared_error"

    def loss(self, a: Array, y: Array) -> Array:
        """Return L, shape (batch,)."""
        return 0.5 * ((a - y) ** 2).sum(axis=1)

    def force(self, a: Array, y: Array) -> Array:
        """Return ``a - y``."""
        return a - y

    def scores(self, a: Array) -> Array:
        """Return the activities themselves."""
        return a

    def readout_factors(self, a: Array, y: Array) -> Array:
        """Return None: the output layer is part of the dynamics."""
        return None

    def curvature(self, a: Array) -> Array:
        """Return d2L/da2, the same for all samples, shape (n_out, n_out)."""
        return namespace(a).eye(a.shape[1], dtype=a.real.dtype)


@dataclass(frozen=True, slots=True)
class DifferentialError:
    """``L = 1/2 sum_j (a_j+ - a_j- - y_j)^2`` per sample, the output layer being ``(a_1+ .. a_n+, a_1- .. a_n-)``.

    Its force pushes the two nodes of an output by equal and opposite amounts (Kendall et al. 2020, arXiv:2006.01981,
    section on the output nodes: currents of opposite sign are injected into them).
    """

    name: str = "differential_error"

    def loss(self, a: Array, y: Array) -> Array:
        """Return L, shape (batch,)."""
        return 0.5 * ((self.scores(a) - y) ** 2).sum(axis=1)

    def force(self, a: Array, y: Array) -> Array:
        """Return ``(e, -e)`` with ``e = a+ - a- - y``, shape of `a`."""
        error = self.scores(a) - y
        return namespace(a).concatenate((error, -error), axis=1)

    def scores(self, a: Array) -> Array:
        """Return ``a+ - a-``, shape (batch, n_out)."""
        half = a.shape[1] // 2
        return a[:, :half] - a[:, half:]

    def readout_factors(self, a: Array, y: Array) -> Array:
        """Return None: the output layer is part of the dynamics."""
        return None

    def curvature(self, a: Array) -> Array:
        """Return d2L/da2, shape (2 n_out, 2 n_out)."""
        xp = namespace(a)
        one = xp.eye(a.shape[1] // 2, dtype=a.real.dtype)
        row = xp.concatenate((one, -one), axis=1)
        return xp.concatenate((row, -row))


def softmax(z: Array) -> Array:
    """Return ``exp(z_j) / sum_k exp(z_k)`` over the last axis; holomorphic (shifted by the real maximum)."""
    xp = namespace(z)
    e = xp.exp(z - z.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, slots=True)
class SoftmaxCrossEntropy:
    """``L = -sum_j y_j log softmax(a W + b)_j`` with a readout array outside the dynamics.

    Attributes
    ----------
    weights
        Readout array W, shape (n_last, n_classes).
    bias
        Readout bias, shape (1, n_classes), or None.
    noise
        Noise drawn at every read of the readout, or None.

    Notes
    -----
    The readout needs no feedback copy: its force on the last layer is ``(softmax - y) W^T``, recomputed from the
    current state (Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, softmax readout).
    """

    weights: Array
    bias: Array | None = None
    noise: ReadoutNoise | None = None
    name: str = "softmax"

    def scores(self, a: Array) -> Array:
        """Return the logits ``a W + b``."""
        logits = product(a, self.weights)
        if self.bias is not None:
            logits = logits + self.bias
        return logits if self.noise is None else logits + self.noise.logits(a)

    def loss(self, a: Array, y: Array) -> Array:
        """Return the cross-entropy of each sample, shape (batch,)."""
        z = self.scores(a)
        xp = namespace(z)
        shift = z.real.max(axis=1, keepdims=True)
        log_norm = xp.log(xp.exp(z - shift).sum(axis=1)) + shift[:, 0]
        return log_norm * y.sum(axis=1) - (z * y).sum(axis=1)

    def readout_factors(self, a: Array, y: Array) -> Array:
        """Return ``softmax(a W + b) - y``, shape (batch, n_classes)."""
        return softmax(self.scores(a)) - y

    def force(self, a: Array, y: Array) -> Array:
        """Return ``(softmax - y) W^T``, shape of `a`."""
        error = softmax(self.scores(a)) - y
        force = product(error, self.weights.T)
        return force if self.noise is None else force + self.noise.force(error)


def bind_cost(topology: Topology, weights: Mapping[str, Array], noise: ReadoutNoise | None = None) -> Cost:
    """Return the cost of `topology`: squared error, or cross-entropy of its readout with the present weights."""
    if not topology.readout:
        return SquaredError()
    return SoftmaxCrossEntropy(weights["readout"], weights.get("b_readout"), noise)
