"""Small convolutional networks: maps that are not square, windows that leave rows over, two kernels, a dense layer."""

import numpy as np
from small_net import EXACT, weights_of

from neurosim.learning.bench import Bench
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.convolution import ConvSpec
from neurosim.networks.convolutional import convolutional
from neurosim.networks.rate import RateNetwork

INPUT = (1, 13, 11)


def topology_of(pool="max", *, stride=1, padding=0, temperature=0.7, channels=(2, 3), input_shape=INPUT, **options):
    """Return input -> kernel of side 2 -> kernel of side 3 with the given stride and padding -> dense layer of 3."""
    first = ConvSpec(channels[0], 2, pool=pool, temperature=temperature)
    second = ConvSpec(channels[1], 3, padding, stride, pool, temperature=temperature)
    return convolutional(input_shape, [first, second], 3, **options)


def bench_of(pool="max", *, activation="steep_logistic", options=EXACT, batch=3, seed=3, gain=0.5, **topology):
    rng = np.random.default_rng(seed)
    top = topology_of(pool, **topology)
    weights = weights_of(top, rng, gain)
    for synapse in top.synapses:
        if synapse.forward is not None:  # near its forward array: with any feedback a max pool may switch for ever
            weights[synapse.name] = weights[synapse.forward] + 0.3 * weights[synapse.name]
    x = rng.random((batch, top.by_name["input"].size))
    y = np.eye(3)[rng.integers(0, 3, batch)]
    return Bench(RateNetwork(top, ACTIVATIONS[activation]), lambda _: weights, x, y, options)
