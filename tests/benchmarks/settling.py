"""Matrix-product work of operating points against the synchronous iteration, 784-1024-1024-10."""

from dataclasses import replace

import numpy as np

from neurosim.learning.bench import Bench
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.reference import alignment, measure_rbp
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import layered
from neurosim.settle import SettleOptions

PAPER = SettleOptions(free_steps=100, nudged_steps=20, tolerance=1e-2)
"""T and K of the discrete networks with two hidden layers (Ernoult et al. 2019)."""


def bench(seed=0, batch=16):
    rng = np.random.default_rng(seed)
    top = layered([784, 1024, 1024, 10])
    weights = {}
    for synapse in top.arrays:
        rows, cols = top.shape(synapse)
        gain = 0.0 if synapse.name.startswith("b") else 1 / np.sqrt(rows)
        weights[synapse.name] = (rng.uniform(-gain, gain, (rows, cols))).astype(np.float32)
    x = (rng.random((batch, 784)) * (rng.random((batch, 784)) < 0.2)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, batch)]
    return Bench(RateNetwork(top, ACTIVATIONS["steep_logistic"]), lambda _: weights, x, y, PAPER)


def work_and_cosine(setup, options, beta=0.05):
    """Return (multiply-adds per sample, cosine of the symmetric gradient with the exact one)."""
    setup = replace(setup, options=options)
    found = measure_phases(setup, SymmetricEP(beta), np.random.default_rng(0))
    exact = measure_rbp(setup, 1e-5).gradient()
    return found.products, alignment(found.gradient(), exact)["total"]


def run():
    """Yield (what, work relative to the synchronous iteration, limit or None)."""
    setup = bench()
    paper, cosine = work_and_cosine(setup, PAPER)
    yield f"synchronous, T=100 K=20 (cosine {cosine:.5f})", 1.0, None
    for solver in ("alternating", "anderson"):
        options = replace(PAPER, method="operating_point", solver=solver, tolerance=1e-5)
        work, cosine = work_and_cosine(setup, options)
        limit = 1 / 3 if solver == "alternating" else None
        yield f"{solver} (cosine {cosine:.5f})", work / paper if cosine >= 0.999 else np.inf, limit
