"""Pulse trains compiled by numba against the same trains in numpy: the same numbers, another loop."""

import numpy as np
from timing import compare

from neurosim.devices import DEVICES, kernels

CASES = {"64 x 32, 5 to 30 pulses": ((64, 32), 5, 31), "784 x 512, 10 pulses": ((784, 512), 10, 11)}


def run(repeats=9):
    """Yield (what, time with numba / time without, limit or None)."""
    model = DEVICES["soft_bounds"](g_min=1e-6, g_max=51e-6, step=1e-8, c2c=0.1, step_d2d=0.1)
    dtype = np.dtype(np.float32)
    for name, (shape, least, most) in CASES.items():
        rng = np.random.default_rng(0)
        cells = model.sample(shape, rng, np, dtype)
        g = np.full(shape, 26e-6, dtype)
        counts = rng.integers(least, most, shape) * rng.choice([-1, 1], shape)

        def train(worth, g=g, counts=counts, cells=cells):
            before, kernels.WORTH = kernels.WORTH, worth
            try:
                model.pulse(g, counts, cells, np.random.default_rng(1))
            finally:
                kernels.WORTH = before

        median = compare({"numba": lambda t=train: t(0), "numpy": lambda t=train: t(float("inf"))}, repeats)
        yield name, median["numba"] / median["numpy"], None
