"""A tiny experiment on the digits, a fraction of a second long, and what its trace holds."""

import numpy as np

from neurosim.config import parse_experiment
from neurosim.traces import read_trace

TINY = {
    "data": {"train_limit": 48, "test_limit": 30},
    "network": {"layers": [64, 6, 10]},
    "crossbar": {"w_max": 8.0, "read_noise": 0.01},
    "device": {"model": "soft_bounds", "step": "0.1 uS", "c2c": 0.2, "step_d2d": 0.1, "write_noise": 0.5},
    "settle": {"free_steps": 20, "nudged_steps": 8, "on_unsettled": "mask", "tolerance": 0.05},
    "learning": {"beta": 0.2, "programmer": "rounded", "rounding": "stochastic"},
    "train": {"epochs": 3, "batch": 16, "lr": 0.5, "probe_batch": 8},
    "trace": {"pulses": True, "weights_every": 1, "samples": 2},
}
"""Nothing ideal, so that every random stream is in use: 3 epochs of 3 updates."""


def tiny(**tables):
    """Return the tiny experiment with some keys of some tables changed."""
    document = {name: {**TINY.get(name, {}), **tables.get(name, {})} for name in {*TINY, *tables}}
    if "model" in tables.get("device", {}):
        document["device"] = tables["device"]
    return parse_experiment(document, "tiny")


def contents(path):
    """Return all arrays and scalars of a finished trace by name."""
    with read_trace(path, finished=True) as trace:
        found = {f"metrics/{name}": values for name, values in trace.metrics().items()}
        found |= {f"run/{name}": np.array(value) for name, value in trace.run().items()}
        for name in trace.synapses:
            found |= {f"weights/{name}/{k}": getattr(trace.weights(name), k) for k in ("step", "g_plus", "g_minus")}
        for name in trace.pulsed:
            found |= {f"pulses/{name}/{k}": getattr(trace.pulses(name), k) for k in ("step", "count")}
        for name in trace.layers:
            found |= {f"states/{name}/{k}": getattr(trace.states(name), k) for k in ("time", "u", "a")}
            found["teaching"] = trace.teaching().beta
    return found


def assert_same(first, second):
    """Compare two traces bit by bit (NaN equal to NaN)."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.dtype == second[name].dtype, name
        assert values.tobytes() == second[name].tobytes(), name
