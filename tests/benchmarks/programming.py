"""Stochastic pulses for a batch, and reads with noise: over the products and the normals that they cannot do without.

Bare: the matrix product of the same trains and one float32 normal per device of the pairs, both given what they need.
"""

import numpy as np
from timing import compare

from neurosim.crossbar import Crossbar
from neurosim.devices import DEVICES, kernels
from neurosim.learning.programmers import Change, StochasticProgrammer
from neurosim.rng import Streams

SHAPE, BATCH, LENGTH = (512, 512), 64, 31
LIMITS = {"aggregated": 1.5, "samples": 2.5}
READ_LIMIT = 3.0


def array(read_noise=0.0):
    device = DEVICES["soft_bounds"](g_min=1e-6, g_max=51e-6, step=2e-8, c2c=0.3, step_d2d=0.1)
    crossbar = Crossbar.build(
        "W1",
        SHAPE,
        device=device,
        mapping="balanced",
        scheme="push_pull",
        g_ref=2.5e-5,
        read_noise=read_noise,
        streams=Streams(0),
    )
    rng = np.random.default_rng(0)
    return crossbar, crossbar.encode(rng.uniform(-0.3, 0.3, SHAPE).astype(np.float32), rng)


def change(crossbar, pulses, seed=0):
    """Return an update of `pulses` coincidences per weight on average, of activities and signed errors."""
    rng = np.random.default_rng(seed)
    p = rng.random((BATCH, SHAPE[0]), dtype=np.float32)
    q = rng.standard_normal((BATCH, SHAPE[1]), dtype=np.float32)
    scale = pulses * crossbar.weight_step / (BATCH * float(np.mean(p)) * float(np.mean(abs(q))))
    return Change((p, q), scale)


def update(worth, programmer, crossbar, state, wanted):
    """Return a function that programs the batch, compiled from `worth` pulses on."""
    streams = Streams(1)

    def step():
        before, kernels.WORTH = kernels.WORTH, worth
        try:
            programmer.program(crossbar, state, wanted, streams.generator("program"))
        finally:
            kernels.WORTH = before

    return step


def pulses(per_device, repeats):
    """Yield (what, ratio to the bare products and normals, limit or None)."""
    crossbar, state = array()
    wanted = change(crossbar, per_device)
    trains = StochasticProgrammer(LENGTH).trains(
        *wanted.factors, wanted.scale / crossbar.weight_step, Streams(1).host("p")
    )
    rows, cols = (
        line.signed(0, LENGTH, np.float32).reshape(-1, line.words.shape[2]) for line in (trains.rows, trains.cols)
    )
    rng, draws = Streams(2).host("bare"), (2, *SHAPE)

    def bare():
        np.matmul(rows.T, cols)
        rng.standard_normal(draws, dtype=np.float32)

    for how, worth, orders in (("numba", 0, ("net", *LIMITS)), ("numpy", float("inf"), tuple(LIMITS))):
        functions = {
            order: update(worth, StochasticProgrammer(LENGTH, order), crossbar, state, wanted) for order in orders
        }
        median = compare({"bare": bare, **functions}, repeats if how == "numba" else 3, warmup=1)
        for order in orders:
            limit = LIMITS.get(order) if how == "numba" and per_device <= 1 else None
            yield f"{order}, {how}, {per_device:g} pulses per weight", median[order] / median["bare"], limit


def reads(repeats):
    """Yield (what, ratio to the bare product, limit or None)."""
    crossbar, state = array(read_noise=0.02)
    x, rng = np.random.default_rng(0).random((BATCH, SHAPE[0]), dtype=np.float32), Streams(3).host("read")
    w, noise = crossbar.weights(state), crossbar.weight_noise(state)
    median = compare(
        {
            "bare": lambda: x @ w,
            "kept": lambda: x @ w + noise.forward(x).draw(rng),
            "anew": lambda: x @ w + crossbar.forward_noise(x, state, rng),
        },
        repeats,
    )
    yield "noisy read, variances kept while nothing is programmed", median["kept"] / median["bare"], READ_LIMIT
    yield "noisy read, variances formed anew", median["anew"] / median["bare"], None


def run(repeats=9):
    """Yield (what, ratio, limit or None)."""
    yield from reads(15 * repeats)
    for per_device in (1.0, 8.0):
        yield from pulses(per_device, repeats)
