"""A small smooth network on which every gradient can be resolved to round-off."""

import numpy as np

from neurosim.learning.bench import Bench
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import layered
from neurosim.settle import SettleOptions

EXACT = SettleOptions(method="operating_point", tolerance=1e-14, max_sweeps=5000)


def weights_of(topology, rng, gain=0.8, bias=0.1):
    found = {}
    for synapse in topology.arrays:
        rows, cols = topology.shape(synapse)
        scale = bias if synapse.pre == "bias" else gain / np.sqrt(rows)
        found[synapse.name] = rng.standard_normal((rows, cols)) * scale
    return found


def bench_of(sizes=(12, 8, 8, 4), activation="steep_logistic", options=EXACT, batch=5, seed=3, gain=0.3, **topology):
    rng = np.random.default_rng(seed)
    top = layered(sizes, **topology)
    weights = weights_of(top, rng, gain)
    x = rng.random((batch, sizes[0]))
    y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)]
    return Bench(RateNetwork(top, ACTIVATIONS[activation]), lambda _: weights, x, y, options)
