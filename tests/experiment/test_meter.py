"""Energy and latency in the results of a run: parts add up, units are those of the circuit, totals follow."""

import math

import numpy as np
import pytest
from experiment.tiny import tiny

from neurosim.backend import get_backend
from neurosim.config import scale
from neurosim.experiment import meter, run
from neurosim.experiment.batches import batch_arrays, load_data
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams


def step_of(**tables):
    experiment = tiny(**tables)
    backend = get_backend("numpy")
    controller, state = build_controller(experiment, Streams(0, backend))
    data = load_data(experiment)
    x, y = batch_arrays(experiment, data.x_train[:6], data.y_train[:6], data.classes, backend)
    return experiment, meter.energy_of_step(controller, state, x, y, scale(experiment))


@pytest.mark.parametrize("estimator", ["symmetric", "holomorphic", "oscillating", "rbp"])
def test_parts_are_the_whole(estimator):
    experiment, found = step_of(learning={"estimator": estimator}, settle={"on_unsettled": "accept"})
    parts = [value for name, value in found.items() if name.startswith(("energy_array", "energy_neurons"))]
    assert sum(parts) == pytest.approx(found["energy_image"], rel=1e-12)
    assert found["energy_free"] + found["energy_nudged"] == found["energy_image"] > 0
    settle, learning, tau = experiment.settle, experiment.learning, scale(experiment).tau
    steps = {
        "symmetric": settle.free_steps + 2 * settle.nudged_steps,
        "holomorphic": settle.free_steps + (learning.points // 2 + 1) * settle.nudged_steps,
        "oscillating": learning.points * learning.dwell * (learning.periods + learning.discard_periods),
        "rbp": settle.free_steps,
    }[estimator]
    assert found["latency_image"] == pytest.approx(steps * settle.dt * tau, rel=1e-12)


def test_the_step_of_the_account_costs_a_few_thousandths(monkeypatch):
    _, coarse = step_of()
    monkeypatch.setattr(meter, "DT", 0.05)
    _, fine = step_of()
    for name in (name for name in fine if name.startswith("energy")):
        assert coarse[name] == pytest.approx(fine[name], rel=5e-3)


def test_energy_grows_with_the_square_of_the_voltage_and_with_conductance_times_time():
    _, found = step_of()
    _, doubled = step_of(crossbar={"v_ref": "0.4 V"})
    assert doubled["energy_image"] == pytest.approx(4 * found["energy_image"], rel=1e-6)
    _, larger = step_of(crossbar={"c_node": "2 pF"})  # twice tau at the same conductances
    assert larger["energy_image"] == pytest.approx(2 * found["energy_image"], rel=1e-6)
    assert larger["latency_image"] == pytest.approx(2 * found["latency_image"], rel=1e-9)


def test_the_input_array_takes_what_its_devices_take_at_the_voltages_of_the_image():
    """Closed form: ``sum_ij (v_ref x_i)^2 (G+_ij + G-_ij)`` over the length of all phases."""
    experiment, found = step_of()
    backend = get_backend("numpy")
    _, state = build_controller(experiment, Streams(0, backend))
    data, pair = load_data(experiment), state.pairs["W1"]
    volts = scale(experiment).v_ref * data.x_train[:6].astype(np.float64)
    power = (volts**2 @ (pair.g_plus.astype(float) + pair.g_minus).sum(axis=1)).mean()
    assert found["energy_array_W1"] == pytest.approx(power * found["latency_image"], rel=1e-5)


def test_a_run_reports_totals_with_the_energy_of_its_pulses(tmp_path):
    tables = {"learning": {"programmer": "rounded"}, "crossbar": {"v_pulse": "2 V", "t_pulse": "50 ns"}}
    final = run(tiny(**tables), tmp_path / "run.h5")
    images = 3 * 48
    low, high = 1e-6, 51e-6
    assert low < final["energy_pulses"] / (4 * 50e-9 * final["pulses"]) < high
    spent = final["energy_training"] - final["energy_pulses"]
    assert spent == pytest.approx(images * final["energy_image"], rel=0.3)
    assert final["time_training"] == pytest.approx(images * final["latency_image"])
    assert 0 < final["settling_time_free"] < final["latency_image"]
    without = run(tiny(**tables, trace={"energy": False}), tmp_path / "without.h5")
    assert {name: value for name, value in final.items() if name in without} == without
    assert not any(name.startswith("energy") for name in without)


def test_pulses_are_weighted_with_the_conductance_of_the_devices_that_get_them():
    experiment = tiny(device={"model": "ideal"}, learning={"programmer": "rounded"})
    controller, state = build_controller(experiment, Streams(0, get_backend("numpy")))
    crossbar, pair = controller.crossbars["W2"], state.pairs["W2"]
    counts = np.zeros(crossbar.shape, np.float32)
    counts[1, 2], counts[0, 0] = 3, -2
    both = pair.g_plus + pair.g_minus
    assert crossbar.pulsed(pair, counts) == pytest.approx(float(3 * both[1, 2] + 2 * both[0, 0]), rel=1e-6)
    single = controller_of_single()
    crossbar, pair = single[0].crossbars["W2"], single[1].pairs["W2"]
    assert crossbar.pulsed(pair, counts) == pytest.approx(
        float(3 * pair.g_plus[1, 2] + 2 * pair.g_plus[0, 0]), rel=1e-6
    )


def controller_of_single():
    experiment = tiny(device={"model": "ideal"}, learning={"programmer": "rounded"}, crossbar={"scheme": "single"})
    return build_controller(experiment, Streams(0, get_backend("numpy")))


def test_a_network_that_does_not_settle_has_no_settling_time():
    _, found = step_of(settle={"tolerance": 1e-6, "free_steps": 2})
    assert math.isinf(found["settling_time_free"])
