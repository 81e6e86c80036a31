"""A convolutional training step against a bare numpy loop: 1x28x28 -> 32 k5 -> 64 k5 -> 10, max pool, batch 32."""

import numpy as np
from bare_convolution import BareConvolution
from timing import compare

from neurosim.config import parse_experiment
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams

LIMIT = 1.3
BATCH = 32


def stepper(x, y, **network):
    """Return a function that makes one training step (T=30, K=10, float32)."""
    document = {
        "data": {"name": "mnist"},
        "network": {
            "layers": [784, 10],
            "convolutions": [{"channels": n, "kernel": 5, "pool": "max"} for n in (32, 64)],
            "activation": "unit_clip",
            **network,
        },
        "settle": {"free_steps": 30, "nudged_steps": 10, "on_unsettled": "accept"},
        "learning": {"estimator": "symmetric", "beta": 0.5},
        "train": {"lr": 0.05},
    }
    controller, state = build_controller(parse_experiment(document, "benchmark"), Streams(0))
    holder = [state]

    def step():
        holder[0], _ = controller.step(holder[0], x, y)

    return step


def run(repeats=7):
    """Yield (what, ratio to the bare loop, limit or None)."""
    rng = np.random.default_rng(0)
    x = (rng.random((BATCH, 784)) * (rng.random((BATCH, 784)) < 0.2)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, BATCH)]
    bare = BareConvolution(BATCH)
    cases = {"max pool": {}, "  the same, untied": {"tied": False}}
    functions = {"bare": lambda: bare(x, y)}
    functions |= {name: stepper(x, y, **network) for name, network in cases.items()}
    median = compare(functions, repeats, warmup=1)
    for name in cases:
        yield name, median[name] / median["bare"], LIMIT if name == "max pool" else None
