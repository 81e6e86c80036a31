"""A kernel array between two layers of maps, read both ways with one pooling state.

    drive_post = P(conv(a_pre)),   drive_pre = conv^T(unpool(a_post)),

the second being the derivative of ``a_post . P(conv(a_pre))`` with respect to ``a_pre``, with the pool as it stands
at the present ``a_pre`` (Laborieux et al. 2021, doi:10.3389/fnins.2021.633674, convolutional architectures). An
untied feedback array has the forward array's shape and pooling state. The bias inside the pool, ``P(conv(a) + b)``,
is the same as one outside, see `neurosim.networks.pools.base.Pool`.
"""

from __future__ import annotations

from neurosim.backend import Array, namespace
from neurosim.networks.convolution import ConvSpec, Shape
from neurosim.networks.patches import Patches, from_lines, to_flat, to_lines, to_maps
from neurosim.networks.pools import Pooling


class KernelPath:
    """The reads of one kernel array, or of a forward and a feedback array, with work buffers for one settling.

    Parameters
    ----------
    spec, shape
        The convolution, and the shape of the maps that it reads.
    weights
        Forward array, (rows, cols).
    feedback
        Feedback array of the same shape; the forward one itself when None.
    """

    def __init__(self, spec: ConvSpec, shape: Shape, weights: Array, feedback: Array = None) -> None:
        self.shape, self.post = shape, spec.pooled(shape)
        self.patches, self.pool = Patches(spec, shape), spec.pooling()
        self.weights, self.feedback = weights, weights if feedback is None else feedback
        positions = self.patches.mapped[1] * self.patches.mapped[2]
        self.products: int = positions * weights.shape[0] * weights.shape[1]
        self._pooling: Pooling | None = None

    def renew(self) -> None:
        """Forget the pooling state: the activity has changed."""
        self._pooling = None

    def ahead(self, pre: Array) -> Array:
        """Return ``P(conv(pre))`` of activities (batch, nodes of pre), (batch, nodes of post)."""
        return to_flat(self.pooling(pre).value)

    def back(self, pre: Array, post: Array) -> Array:
        """Return ``conv^T(unpool(post))``, (batch, nodes of pre); the pool is that at activity `pre`."""
        pooling = self.pooling(pre) if self.pool.needs_map else self.pool.at(None)
        return self.scattered(self.unpooled(pooling, post), self.feedback)

    def pooling(self, pre: Array) -> Pooling:
        """Return the pool at activity `pre`, formed once until `renew`."""
        if self._pooling is None:
            self._pooling = self.pool.at(self.map(pre, self.weights))
        return self._pooling

    def map(self, pre: Array, weights: Array) -> Array:
        """Return the convolution of flat `pre` with an array, before the pool: (cols, height, width, batch)."""
        lines = to_lines(to_maps(pre, self.shape))
        return from_lines(self.patches.correlate(lines, weights), pre.dtype.kind == "c")

    def scattered(self, values: Array, weights: Array) -> Array:
        """Return the transpose of `map`: a map read back through an array, flat (batch, nodes of pre)."""
        is_complex = values.dtype.kind == "c"
        return to_flat(from_lines(self.patches.scatter(to_lines(values), weights), is_complex))

    def unpooled(self, pooling: Pooling, post: Array) -> Array:
        """Return flat `post` spread over its windows, a map (cols, height, width, batch)."""
        return pooling.spread(self.maps(post), self.patches.mapped[1:])

    def maps(self, post: Array) -> Array:
        """Return flat `post` as contiguous maps with the batch last."""
        return namespace(post).ascontiguousarray(to_maps(post, self.post))

    def patched(self, pre: Array) -> Array:
        """Return the patches of flat `pre` as presentations of the array's rows, (positions batch, rows).

        A complex `pre` has two presentations per sample and position, its real and its imaginary part.
        """
        return self.patches.columns(to_lines(to_maps(pre, self.shape))).T

    def presented(self, values: Array) -> Array:
        """Return a map as presentations of the array's columns, (positions batch, cols), in the same order."""
        lines = to_lines(values)
        return lines.reshape(lines.shape[0], -1).T
