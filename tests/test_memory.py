"""Memory of a training step: a small multiple of what must be there, and independent of the number of time steps."""

import tracemalloc

import numpy as np
import pytest

from neurosim.config import parse_experiment
from neurosim.devices import kernels
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams

SIZES, BATCH, FLOAT32 = (784, 512, 10), 64, 4
SYNAPSES = 784 * 512 + 512 * 10 + 512 + 10
NODES = 512 + 10

WEIGHTS = 3 * SYNAPSES * FLOAT32
"""The two conductances of every weight, and its value as the network reads it."""
STATES = 3 * 2 * BATCH * NODES * FLOAT32
"""State u and activity a of three phases: the free one and two nudged ones."""
LIMIT = 3 * (WEIGHTS + STATES)
"""A step records no trace, so no trace buffer is counted. Against it stands all that is allocated at the worst
moment of a step: the state before it, the batch and the state after it included."""


def peak(free_steps=5, nudged_steps=4, **learning):
    """Return the most bytes allocated at any moment of the second training step, from before the network was built."""
    document = {
        "data": {"name": "mnist"},
        "network": {"layers": list(SIZES)},
        "settle": {"free_steps": free_steps, "nudged_steps": nudged_steps, "on_unsettled": "accept"},
        "learning": learning,
    }
    rng = np.random.default_rng(0)
    tracemalloc.start()
    try:
        controller, state = build_controller(parse_experiment(document), Streams(0))
        x = rng.random((BATCH, 784), dtype=np.float32)
        y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, BATCH)]
        state, _ = controller.step(state, x, y)
        tracemalloc.reset_peak()
        controller.step(state, x, y)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("estimator", ["one_sided", "symmetric", "holomorphic", "rbp"])
def test_a_training_step_needs_at_most_three_times_its_weights_and_states(estimator):
    found = peak(estimator=estimator)
    assert found > WEIGHTS  # the measurement sees them
    assert found < LIMIT


@pytest.mark.parametrize(("order", "allowed"), [("net", 1), ("aggregated", 2), ("samples", 2)])
def test_trains_of_pulses_are_bits(monkeypatch, order, allowed):
    """All slots of a batch as floats would be 12 MB for the rows of the first array alone."""
    monkeypatch.setattr(kernels, "WORTH", np.inf)  # a compiler's memory is not meant
    assert peak(programmer="stochastic", pulse_order=order) < allowed * LIMIT


def test_memory_does_not_grow_with_the_number_of_time_steps():
    """Equilibrium propagation keeps no trajectory, unlike backpropagation through time."""
    assert peak(free_steps=60, nudged_steps=40) == pytest.approx(peak(free_steps=5, nudged_steps=4), rel=0.01)


def test_an_oscillating_run_keeps_one_observation_per_point():
    short = peak(estimator="oscillating", points=4, dwell=5)
    assert short < LIMIT
    assert peak(estimator="oscillating", points=4, dwell=25) == pytest.approx(short, rel=0.01)
