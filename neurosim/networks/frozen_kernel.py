"""The derivative of the reads of a kernel array at one activity, transposed: what an adjoint network reads.

With the map ``z = conv_W(a_pre)``, the slopes G and curvature H of the pool there, and an adjoint activity lambda,

    d(drive_post)/d(a_pre):   lambda_post  ->  conv_W^T(G lambda_post)
    d(drive_pre)/d(a_post):   lambda_pre   ->  sum_i G_i v_i,              v = conv_B(lambda_pre)
    d(drive_pre)/d(a_pre):    lambda_pre   ->  conv_W^T(a_post H v)

B is the feedback array, W itself when tied. The last one is there because the backward read uses the pool as it
stands at ``a_pre``; it vanishes for pools without curvature.
"""

from __future__ import annotations

from neurosim.backend import Array
from neurosim.networks.kernel_path import KernelPath
from neurosim.networks.patches import to_flat


class FrozenKernel:
    """The transposed derivative of `path` at activities `pre` and `post`, (batch, nodes) each."""

    def __init__(self, path: KernelPath, pre: Array, post: Array) -> None:
        path.renew()
        self.path, self.pooling, self._post = path, path.pooling(pre), path.maps(post)
        path.renew()
        self.curved, self.products = path.pool.curved, path.products
        self._map: Array = None

    def renew(self) -> None:
        """Forget the forward read: the adjoint activity has changed."""
        self._map = None

    def spread(self, post: Array) -> Array:
        """Return ``conv_W^T(G post)``, (batch, nodes of pre)."""
        return self.path.scattered(self.path.unpooled(self.pooling, post), self.path.weights)

    def gather(self, pre: Array) -> Array:
        """Return ``sum_i G_i v_i``, (batch, nodes of post)."""
        return to_flat(self.pooling.gather(self._read(pre)))

    def bend(self, pre: Array) -> Array:
        """Return ``conv_W^T(a_post H v)``, (batch, nodes of pre)."""
        return self.path.scattered(self.bent(pre), self.path.weights)

    def bent(self, pre: Array) -> Array:
        """Return ``a_post H v``, a map (cols, height, width, batch)."""
        return self.pooling.curve(self._post, self._read(pre))

    def _read(self, pre: Array) -> Array:
        if self._map is None:
            self._map = self.path.map(pre, self.path.feedback)
        return self._map
