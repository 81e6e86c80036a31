"""One seed tree. Every random stream has a name; results do not depend on the order in which streams are used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurosim.backend import NUMPY, Backend

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True, slots=True)
class Streams:
    """Named, independent random streams derived from one seed.

    A stream is addressed by its name and, where it is used once per training step, by the step. The generator is
    built anew at each call, so no generator state has to be saved: a resumed run draws what the uninterrupted one
    would have drawn.

    Parameters
    ----------
    seed
        Root seed of the run, >= 0.
    backend
        Where the draws are made. Streams of different backends differ.
    """

    seed: int
    backend: Backend = NUMPY

    def entropy(self, name: str, step: int = 0) -> np.random.SeedSequence:
        """Return the seed sequence of stream `name` at `step`."""
        words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype=np.uint32)
        return np.random.SeedSequence(self.seed, spawn_key=(*(int(w) for w in words), step))

    def generator(self, name: str, step: int = 0) -> Any:
        """Return a fresh generator of `backend` for stream `name` at `step`.

        Only ``random``, ``standard_normal``, ``uniform``, ``integers``, ``binomial`` and ``poisson`` exist on all
        backends.
        """
        return self.backend.generator(self.entropy(name, step))

    def host(self, name: str, step: int = 0) -> np.random.Generator:
        """Return a numpy generator for stream `name` (shuffling and other host-side draws)."""
        return np.random.Generator(np.random.SFC64(self.entropy(name, step)))
