"""Training predictive coding networks by the one controller, on devices and reads that are not ideal."""

import numpy as np
import pytest

from neurosim.backend import NUMPY
from neurosim.config import parse_experiment
from neurosim.experiment.build import build_controller
from neurosim.experiment.probe import asymmetry
from neurosim.learning.bench import Bench
from neurosim.learning.reference import alignment, measure_rbp
from neurosim.rng import Streams

REAL = {"model": "soft_bounds", "c2c": 0.2, "step_d2d": 0.1, "step": "0.02 uS"}
NETWORK = {"architecture": "predictive_coding", "layers": [64, 12, 10, 10], "output": "softmax"}
CASES = {
    "tied, in situ": {"learning": {"programmer": "rounded", "update": "in_situ"}, "device": REAL},
    "shared update": {"network": {"tied": False}, "learning": {"feedback": "kolen_pollack"}},
    "fresh reads, state noise, spread": {
        "crossbar": {"read_noise": 1e-5, "read_noise_scope": "step"},
        "network": {"tau_spread": 0.2},
        "settle": {"state_noise": 1e-5},
    },
    "dropout": {"network": {"dropout": [0.1, 0.1]}},
    "oscillating": {"learning": {"estimator": "oscillating", "waveform": "rotation", "dwell": 40}},
    "through time": {"learning": {"estimator": "bptt"}},
    "true response": {"learning": {"estimator": "true_response"}},
}
LEAST = {"tied, in situ": 0.2, "shared update": 0.3, "dropout": 0.3}
"""What pulses, a feedback array that copies its partner, and silent neurons leave of the cosine."""


def controller_of(tables):
    base = {
        "network": NETWORK,
        "crossbar": {"w_max": 8.0},
        "settle": {"solver": "damped", "dt": 0.2, "free_steps": 150, "nudged_steps": 80, "on_unsettled": "accept"},
        "learning": {"beta": 0.3},
        "train": {"lr": 4.0},
    }
    base["settle"]["dtype"] = "float64"
    document = {name: {**base.get(name, {}), **tables.get(name, {})} for name in {*base, *tables}}
    return build_controller(parse_experiment(document), Streams(1, NUMPY))


@pytest.mark.parametrize("case", CASES)
def test_a_step_on_imperfect_hardware_goes_down_the_exact_gradient(case):
    controller, before = controller_of(CASES[case])
    x, y = np.kron(np.eye(10), np.ones(6)), np.eye(10)
    x = np.pad(x, ((0, 0), (0, 4)))
    weights = controller.weights(before)
    exact = measure_rbp(Bench(controller.network, lambda _: weights, x, y, controller.options)).gradient()
    after, report = controller.step(before, x, y)
    assert np.isfinite(report.loss)
    down = {name: weights[name] - w for name, w in controller.weights(after).items()}
    assert alignment(down, exact)["total"] > LEAST.get(case, 0.95)


def test_homeostasis_on_imperfect_hardware_makes_the_functional_coupling_symmetric():
    tables = {
        "network": {"tied": False, "feedback_angle": 90.0},
        "learning": {"programmer": "rounded", "rounding": "stochastic", "homeostasis": 3.0},
        "device": REAL,
        "crossbar": {"read_noise": 0.01, "read_noise_scope": "phase"},
        "train": {"lr": 0.5},
    }
    controller, state = controller_of(tables)
    x, y = np.zeros((4, 64)), np.zeros((4, 10))
    found = [asymmetry(controller, state, x, y)]
    for _ in range(30):
        state, _ = controller.step(state, x, y)
        found.append(asymmetry(controller, state, x, y))
    losses, symmetries = ([f[key] for f in found] for key in ("homeostatic_loss", "coupling_symmetry"))
    assert losses[-1] < 0.4 * losses[0]
    assert symmetries[-1] > symmetries[0] + 0.1
    assert found[-1]["angle_B2"] < 60
