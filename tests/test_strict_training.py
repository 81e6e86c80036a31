"""Training on the cupy double: no call that cupy lacks, and the numbers of numpy, since it draws the same ones."""

import sys

import numpy as np
import pytest
from experiment.tiny import assert_same, contents, tiny
from strict_cupy import STRICT

from neurosim import backend, gradcheck
from neurosim.backend import NUMPY, get_backend
from neurosim.config import parse_experiment
from neurosim.errors import BackendError, ConfigError
from neurosim.experiment import run, train
from neurosim.experiment.build import build_controller
from neurosim.learning.computed import REFERENCES
from neurosim.learning.estimators import ESTIMATORS
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.pools import POOLS
from neurosim.numerics.fixed_point import SOLVERS
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.numerics.processes import PROCESSES
from neurosim.rng import Streams
from neurosim.settle import ADAPTIVE

BASE = {
    "network": {"layers": [64, 9, 10]},
    "settle": {"dtype": "float64", "on_unsettled": "accept", "free_steps": 12, "nudged_steps": 6},
    "learning": {"beta": 0.2, "dwell": 4},
    "train": {"lr": 0.2},
}
REAL_DEVICE = {"model": "soft_bounds", "c2c": 0.3, "asymmetry": 0.2, "step_d2d": 0.1, "write_noise": 0.5}
SOFTMAX = {"output": "softmax", "layers": [64, 9, 7, 10]}
CONVERTER = {"bits": 6, "offset": 0.01, "gain_error": 0.02, "noise": 0.005}
UNTIED = {"tied": False, "layers": [64, 9, 7, 10]}
PREDICTIVE = {"layers": [64, 9, 7, 10], "init_gain": 0.5}
DAMPED = {"solver": "damped", "integrator": "euler", "dt": 0.2}
HOLOMORPHIC = {"estimator": "holomorphic"}

CASES = {f"estimator {name}": {"learning": {"estimator": name}} for name in (*ESTIMATORS, *REFERENCES)}
CASES["cosine lock-in"] = {
    "learning": {"estimator": "oscillating", "waveform": "cosine", "points": 8, "harmonics": 3, "periods": 2}
}
for programmer in ("rounded", "stochastic"):
    for update in ("differenced", "in_situ"):
        CASES[f"{programmer} {update}"] = {
            "learning": {"programmer": programmer, "update": update, "rounding": "stochastic"},
            "device": REAL_DEVICE,
        }
for order in ("aggregated", "samples"):
    CASES[f"stochastic {order}"] = {
        "learning": {"programmer": "stochastic", "pulse_order": order},
        "device": REAL_DEVICE,
    }
for scope in ("frozen", "phase", "step"):
    noise = {"crossbar": {"read_noise": 0.02, "read_noise_scope": scope}}
    CASES[f"read noise {scope}"] = noise
    CASES[f"read noise {scope}, softmax, complex"] = {**noise, "network": SOFTMAX, "learning": HOLOMORPHIC}
CASES |= {
    "reference column": {
        "crossbar": {"mapping": "reference", "scheme": "single", "read_noise": 0.02, "read_noise_scope": "step"}
    },
    "state noise": {"settle": {"state_noise": 0.04}},
    "state noise, complex": {"settle": {"state_noise": 0.04}, "learning": HOLOMORPHIC},
    "dropout": {"network": {"layers": [64, 9, 7, 10], "dropout": [0.3, 0.1]}},
    "dropout, complex": {"network": {"dropout": 0.3}, "learning": HOLOMORPHIC},
    "adamw, cosine": {"train": {"optimiser": "adamw", "weight_decay": 1e-3, "schedule": "cosine"}},
    "decoupled decay": {"train": {"momentum": 0.9, "weight_decay": 1e-3, "decoupled": True}},
    "momentum and decay": {"train": {"momentum": 0.9, "weight_decay": 1e-3}},
    "untied": {"network": UNTIED},
    "untied, at an angle, homeostasis": {
        "network": {**UNTIED, "feedback_angle": 60.0},
        "learning": {"homeostasis": 0.5},
    },
    "untied, shared update, complex": {
        "network": UNTIED,
        "learning": {**HOLOMORPHIC, "feedback": "kolen_pollack"},
        "train": {"weight_decay": 1e-2},
    },
    "untied, true response": {"network": UNTIED, "learning": {"estimator": "true_response"}},
    "predictive coding, noise": {
        "network": {"architecture": "predictive_coding", **PREDICTIVE},
        "settle": DAMPED,
        "crossbar": {"read_noise": 0.02, "read_noise_scope": "step"},
    },
    "predictive coding, untied, softmax, complex, homeostasis": {
        "network": {**SOFTMAX, "architecture": "predictive_coding", "tied": False},
        "settle": {"method": "operating_point", **DAMPED},
        "learning": {**HOLOMORPHIC, "homeostasis": 0.5},
    },
    "predictive coding, rbp, real devices": {
        "network": {"architecture": "predictive_coding", **PREDICTIVE},
        "settle": {**DAMPED, "max_sweeps": 5000},
        "learning": {"estimator": "rbp", "programmer": "rounded", "rounding": "stochastic"},
        "device": REAL_DEVICE,
    },
    "spread of time constants": {"network": {"tau_spread": 0.2}},
    "mismatched neurons, loaded amplifiers, complex": {
        "network": {"gain_spread": 0.2, "threshold_spread": 0.1, "amplifier": {"gain": 1e3, "u_max": 0.5}},
        "learning": HOLOMORPHIC,
        "trace": {"energy": False},
    },
    "converters around the network": {"crossbar": {"dac": CONVERTER, "adc": CONVERTER}},
    "converters in every read, in tiles": {
        "crossbar": {
            "conversion": "every_read",
            "dac": CONVERTER,
            "adc": CONVERTER,
            "tiles": {"rows": 5, "cols": 4},
        },
        "settle": {"on_unsettled": "accept"},
        "trace": {"energy": False},
    },
    "masked": {"settle": {"on_unsettled": "mask", "free_steps": 4, "tolerance": 0.05}, "train": {"lr": 2.0}},
    "float32": {"settle": {"dtype": "float32"}},
    "float32, complex": {"settle": {"dtype": "float32"}, "learning": HOLOMORPHIC},
}
for kind in PROCESSES:
    noise = {"kind": kind, "bandwidth": "3 MHz"}
    CASES[f"conductance noise {kind}"] = {"crossbar": {"noise": noise, "read_noise_scope": "phase"}}
    CASES[f"conductance noise {kind}, running, complex"] = {
        "crossbar": {"noise": noise, "read_noise_scope": "step", "read_noise": 0.01},
        "learning": HOLOMORPHIC,
    }
CASES |= {
    "faults, two sets, write error": {
        "crossbar": {
            "faults": {"stuck_random": 0.1, "open_cols": 0.1, "shorted_rows": 0.1},
            "phases": "separate",
            "write_error": "hermes",
            "read_noise": 0.01,
        },
    },
    "write-verify": {
        "learning": {"programmer": "write_verify"},
        "device": REAL_DEVICE,
        "crossbar": {"read_noise": 0.01},
    },
    "thermal noise": {"settle": {"temperature": 300.0}},
}
KERNELS = [{"channels": 2, "kernel": 3, "padding": 1}, {"channels": 3, "kernel": 3, "stride": 1}]
for pool in POOLS:
    maps = {"layers": [64, 10], "convolutions": [{**kernel, "pool": pool} for kernel in KERNELS]}
    CASES[f"convolutions, pool {pool}"] = {
        "network": maps,
        "learning": {} if pool == "max" else HOLOMORPHIC,
    }
    CASES[f"convolutions, pool {pool}, untied, noise, softmax"] = {
        "network": {**maps, "tied": False, "output": "softmax"},
        "crossbar": {"read_noise": 0.02, "read_noise_scope": "phase"},
    }
    CASES[f"convolutions, pool {pool}, untied, true response, homeostasis"] = {
        "network": {**maps, "tied": False, "feedback_angle": 30.0, "init_gain": 0.3},
        "learning": {"estimator": "true_response", "homeostasis": 0.5, "homeostasis_draws": 2},
    }
    CASES[f"convolutions, pool {pool}, rbp"] = {
        "network": {**maps, "init_gain": 0.3},
        "learning": {"estimator": "rbp", "programmer": "rounded", "rounding": "stochastic"},
        "device": REAL_DEVICE,
    }
for solver in SOLVERS:
    method = {"method": "operating_point", "solver": solver}
    CASES[f"operating point {solver}"] = {"settle": method}
    CASES[f"operating point {solver}, complex"] = {"settle": method, "learning": HOLOMORPHIC}
for integrator in (*INTEGRATORS, ADAPTIVE):
    CASES[f"integrator {integrator}"] = {"settle": {"integrator": integrator, "dt": 0.5}}
for name, activation in ACTIVATIONS.items():
    CASES[f"activation {name}"] = {
        "network": {"activation": name},
        "learning": HOLOMORPHIC if activation.holomorphic else {},
    }


def two_steps(tables, where):
    """Return conductances, pulses and losses of two training steps on backend `where`."""
    document = {name: {**BASE.get(name, {}), **tables.get(name, {})} for name in {*BASE, *tables}}
    controller, state = build_controller(parse_experiment(document), Streams(1, where))
    rng, dtype = np.random.default_rng(0), document["settle"]["dtype"]
    found = {}
    for step in range(2):
        x, y = rng.random((6, 64)).astype(dtype), np.eye(10, dtype=dtype)[rng.integers(0, 10, 6)]
        state, report = controller.step(state, where.asarray(x), where.asarray(y))
        found[f"loss {step}"] = np.array((report.loss, report.settled, report.residual, state.pulses))
    for name, pair in state.pairs.items():
        found |= {f"{name} {part}": where.to_host(getattr(pair, part)) for part in ("g_plus", "read_minus")}
    return found


@pytest.mark.parametrize("case", CASES)
def test_training_steps_equal_those_of_numpy(case):
    plain, strict = two_steps(CASES[case], NUMPY), two_steps(CASES[case], STRICT)
    assert plain.keys() == strict.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(strict[name], values, rtol=1e-12, err_msg=name)
    assert np.isfinite(plain["loss 1"]).all()


@pytest.mark.parametrize("learning", [{}, HOLOMORPHIC, {"estimator": "oscillating", "dwell": 4}], ids=str)
def test_whole_run_equals_that_of_numpy(learning, tmp_path, monkeypatch):
    """Evaluation, alignment, checkpoints and the settling trace are on the device too."""
    run(tiny(learning=learning), tmp_path / "plain.h5")
    monkeypatch.setattr(train, "get_backend", lambda name: STRICT)
    experiment, stop = tiny(learning=learning, settle={"backend": "cupy"}), [True]

    def notify(progress):
        if progress.epoch == 2 and stop.pop():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(experiment, tmp_path / "strict.h5", notify=notify)
    run(experiment, tmp_path / "strict.h5", resume=True)
    assert_same(contents(tmp_path / "plain.h5"), contents(tmp_path / "strict.h5"))


def test_gradient_check_runs_on_the_chosen_backend(monkeypatch):
    document = {
        "network": {"layers": [64, 6, 10]},
        "settle": {"dtype": "float64", "backend": "numpy"},
        "train": {"probe_batch": 3},
        "learning": {"dwell": 4},
    }
    plain = gradcheck.run(parse_experiment(document))
    asked = []
    monkeypatch.setattr(gradcheck, "get_backend", lambda name: asked.append(name) or STRICT)
    document["settle"]["backend"] = "cupy"
    strict = gradcheck.run(parse_experiment(document))
    assert asked == ["cupy"]
    assert [row.errors for row in strict.rows] == [row.errors for row in plain.rows]


# Without a GPU.


def test_cupy_that_is_not_installed_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cupy", None)
    message = r"cupy is not installed\. .*neurosim-analog\[gpu12\].*\[gpu13\].*backend = 'numpy' runs on the CPU"
    with pytest.raises(BackendError, match=message):
        get_backend("cupy")
    with pytest.raises(BackendError, match=message):
        run(tiny(settle={"backend": "cupy"}), tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_cupy_without_a_device_says_so(monkeypatch):
    class Cupy:
        class cuda:
            @staticmethod
            def is_available():
                return False

    monkeypatch.setitem(sys.modules, "cupy", Cupy)
    with pytest.raises(BackendError, match=r"finds no CUDA device\. .*NVIDIA GPU with its driver"):
        get_backend("cupy")


def test_unknown_backend_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"backend: unknown 'cuppy' .did you mean 'cupy'"):
        get_backend("cuppy")


def test_arrays_of_no_backend_are_refused():
    with pytest.raises(BackendError, match="list is not an array of a known backend"):
        backend.namespace([1.0])
