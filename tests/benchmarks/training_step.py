"""A training step against a bare numpy loop of the same matrix products and activations (784-512-10, batch 64)."""

import numpy as np
from bare_loop import BareStep
from timing import compare

from neurosim.config import parse_experiment
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams

LIMITS = {"ideal devices": 1.5, "read noise, rounded pulses, soft bounds": 5.0}


def experiment(**tables):
    document = {
        "data": {"name": "mnist"},
        "network": {"layers": [784, 512, 10]},
        "settle": {"free_steps": 50, "nudged_steps": 20, "on_unsettled": "accept"},
        "learning": {"estimator": "symmetric", "beta": 0.5},
        "train": {"lr": 0.05},
    }
    for name, table in tables.items():
        document[name] = {**document.get(name, {}), **table}
    return parse_experiment(document, "benchmark")


SOFT = {"model": "soft_bounds", "step": "0.02 uS", "c2c": 0.3, "step_d2d": 0.1}
ROUNDED = {"programmer": "rounded", "rounding": "stochastic"}
CASES = {
    "ideal devices": {},
    "read noise, rounded pulses, soft bounds": {
        "device": SOFT,
        "learning": ROUNDED,
        "crossbar": {"read_noise": 0.01},
    },
    "  the same, noise drawn per phase": {
        "device": SOFT,
        "learning": ROUNDED,
        "crossbar": {"read_noise": 0.01, "read_noise_scope": "phase"},
    },
    "  the same, noise drawn at every read": {
        "device": SOFT,
        "learning": ROUNDED,
        "crossbar": {"read_noise": 0.01, "read_noise_scope": "step"},
    },
}


def stepper(tables, x, y):
    controller, state = build_controller(experiment(**tables), Streams(0))
    holder = [state]

    def step():
        holder[0], _ = controller.step(holder[0], x, y)

    return step


def run(repeats=15):
    """Yield (what, ratio to the bare loop, limit or None)."""
    rng = np.random.default_rng(0)
    x = (rng.random((64, 784)) * (rng.random((64, 784)) < 0.2)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 64)]
    bare = BareStep()
    functions = {"bare": lambda: bare(x, y)}
    functions |= {name: stepper(tables, x, y) for name, tables in CASES.items()}
    median = compare(functions, repeats)
    for name in CASES:
        yield name, median[name] / median["bare"], LIMITS.get(name)
