"""The derivative of the reads of a kernel array at one activity, and its transpose: what an adjoint network reads.

With the map ``z = conv_W(a_pre)`` and the slopes G and curvature H of the pool there, changes e of the activity change

    drive_post  by  sum_i G_i v_i              v = conv_W(e_pre)
    drive_pre   by  conv_B^T(G e_post)
    drive_pre   by  conv_B^T(a_post H v)

B is the feedback array, W itself when tied. The last one is there because the backward read uses the pool as it
stands at ``a_pre``; it vanishes for pools without curvature. The transpose, for adjoint activities in the place of e,
is the same with W and B exchanged.
"""

from __future__ import annotations

from neurosim.backend import Array
from neurosim.networks.kernel_path import KernelPath
from neurosim.networks.patches import to_flat


class FrozenKernel:
    """The derivative of `path` at activities `pre` and `post`, (batch, nodes) each, or its transpose."""

    def __init__(self, path: KernelPath, pre: Array, post: Array, *, transposed: bool = True) -> None:
        path.renew()
        self.path, self.pooling, self._post = path, path.pooling(pre), path.maps(post)
        path.renew()
        self.curved, self.products = path.pool.curved, path.products
        arrays = path.weights, path.feedback
        self._back, self._ahead = arrays if transposed else reversed(arrays)
        self._map: Array = None

    def renew(self) -> None:
        """Forget the forward read: the activity that is read has changed."""
        self._map = None

    def spread(self, post: Array) -> Array:
        """Return ``conv_B^T(G post)``, (batch, nodes of pre)."""
        return self.path.scattered(self.path.unpooled(self.pooling, post), self._back)

    def gather(self, pre: Array) -> Array:
        """Return ``sum_i G_i v_i``, (batch, nodes of post)."""
        return to_flat(self.pooling.gather(self._read(pre)))

    def bend(self, pre: Array) -> Array:
        """Return ``conv_B^T(a_post H v)``, (batch, nodes of pre)."""
        return self.path.scattered(self.bent(pre), self._back)

    def bent(self, pre: Array) -> Array:
        """Return ``a_post H v``, a map (cols, height, width, batch)."""
        return self.pooling.curve(self._post, self._read(pre))

    def _read(self, pre: Array) -> Array:
        if self._map is None:
            self._map = self.path.map(pre, self._ahead)
        return self._map
