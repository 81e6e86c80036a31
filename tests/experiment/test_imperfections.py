"""Faults, write errors, loops, noise in time and two sets of arrays: from an experiment file to a finished run."""

import numpy as np
import pytest
from experiment.tiny import contents, tiny

from neurosim.config import parse_experiment
from neurosim.errors import ConfigError
from neurosim.experiment import run
from neurosim.experiment.build import build_controller, build_noise
from neurosim.experiment.train import Paused
from neurosim.rng import Streams

CASES = {
    "faults": {"crossbar": {"faults": {"stuck_random": 0.1, "open_rows": 0.1, "shorted_cols": 0.1}}},
    "write error": {"crossbar": {"write_error": "hermes"}, "learning": {"programmer": "ideal"}},
    "write-verify": {"learning": {"programmer": "write_verify", "write_verify": {"budget": 5}}},
    "two sets": {"crossbar": {"phases": "separate", "faults": {"stuck_g_max": 0.05}}},
    "telegraph": {"crossbar": {"read_noise_scope": "phase", "noise": {"kind": "telegraph"}}},
    "flicker, two sets": {
        "crossbar": {"phases": "separate", "read_noise_scope": "phase", "noise": {"kind": "flicker"}}
    },
    "white, running": {
        "crossbar": {"read_noise_scope": "step", "noise": {"kind": "white", "bandwidth": "2 MHz"}},
        "settle": {"on_unsettled": "accept"},
    },
    "thermal": {"settle": {"temperature": "300 K", "on_unsettled": "accept"}},
}


def case(name, **train):
    tables = {table: dict(keys) for table, keys in CASES[name].items()}
    tables["train"] = {"epochs": 2, **train}
    tables["trace"] = {"pulses": False}
    return tiny(**tables)


@pytest.mark.parametrize("name", CASES)
def test_runs_in_one_piece_or_in_two_are_the_same(name, tmp_path):
    whole = run(case(name), tmp_path / "whole.h5")
    path = tmp_path / "pieces.h5"
    with pytest.raises(Paused):
        run(case(name), path, stop_after=0.0)
    while True:
        try:
            pieces = run(case(name), path, resume=True, stop_after=0.0)
        except Paused:
            continue
        break
    assert pieces == whole
    ours, theirs = (contents(tmp_path / f"{n}.h5") for n in ("whole", "pieces"))
    for key, value in ours.items():
        np.testing.assert_array_equal(theirs[key], value, err_msg=key)


def test_defaults_build_what_was_built_before():
    controller, state = build_controller(tiny(), Streams(0))
    assert not controller.twins
    assert controller.noise is None
    assert not state.noise
    assert not state.twins
    assert all(c.plus.write_error is None and not c.plus.shorts for c in controller.crossbars.values())


def test_times_of_the_noise_are_those_of_the_network():
    experiment = tiny(crossbar={"noise": {"kind": "white", "interval": "2 us"}}, settle={"dt": 0.5})
    noise = build_noise(experiment)
    g_ref = (experiment.device.g_max - experiment.device.g_min) / 8.0
    assert noise.tau == pytest.approx(1e-12 / g_ref)
    assert (noise.free, noise.nudged, noise.interval) == (10.0, 4.0, 2e-6)


def test_two_sets_start_alike_and_have_devices_of_their_own():
    experiment = tiny(crossbar={"phases": "separate"}, device={"model": "ideal"}, learning={"programmer": "ideal"})
    controller, state = build_controller(experiment, Streams(0))
    assert np.array_equal(state.twins["W1"].g_plus, state.pairs["W1"].g_plus)
    faulty = tiny(crossbar={"phases": "separate", "faults": {"open_devices": 0.2}})
    controller, _ = build_controller(faulty, Streams(0))
    one, other = (c["W1"].plus.cells.g_high == 0 for c in (controller.crossbars, controller.twins))
    assert not np.array_equal(one, other)


def test_loops_report_their_pulses_and_failures(tmp_path):
    experiment = case("write-verify")
    final = run(experiment, tmp_path / "run.h5")
    assert final["pulses"] > 0
    assert final["write_failures"] > 0
    assert "write_failures" not in run(case("thermal"), tmp_path / "other.h5")


WRONG = {
    "f_min": ({"crossbar": {"noise": {"kind": "flicker", "f_min": "1 MHz", "f_max": "1 kHz"}}}, "must be below f_max"),
    "amplitude": ({"crossbar": {"noise": {"amplitude": 2.0}}}, "[crossbar.noise] amplitude = 2.0"),
    "unit": ({"crossbar": {"noise": {"rate_up": "1 s"}}}, "unit 's' is not Hz"),
    "sum": ({"crossbar": {"faults": {"open_devices": 0.7, "stuck_g_min": 0.5}}}, "make 1.2 of all"),
    "range": ({"crossbar": {"write_error": "rram_milo"}}, "measured from 50 uS to 225 uS"),
    "name": ({"crossbar": {"write_error": "herms"}}, "did you mean 'hermes'?"),
    "phases": ({"crossbar": {"phases": "separate"}, "learning": {"estimator": "rbp"}}, "has no phases to separate"),
    "settled": ({"settle": {"temperature": "300 K"}}, "set [settle] on_unsettled = 'accept', or temperature = 0"),
    "kernels": (
        {
            "network": {
                "layers": [64, 10],
                "convolutions": [{"channels": 2, "kernel": 3}],
            },
            "settle": {"temperature": "300 K", "on_unsettled": "accept"},
        },
        "not modelled for kernels",
    ),
    "readout": (
        {
            "network": {"layers": [64, 16, 10], "output": "softmax"},
            "crossbar": {"read_noise_scope": "step", "noise": {"kind": "white"}},
            "settle": {"on_unsettled": "accept"},
        },
        "with a softmax readout [crossbar.noise] is read once a phase",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_with_what_is_allowed(name):
    document, text = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        parse_experiment(document)
    assert text in str(caught.value)


def test_weights_of_another_seed_differ():
    states = [build_controller(replace_seed(seed), Streams(seed))[1] for seed in (0, 1)]
    assert not np.array_equal(states[0].noise["W1/plus"], states[1].noise["W1/plus"])


def replace_seed(seed):
    return case("telegraph", seed=seed)
