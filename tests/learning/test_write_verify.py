"""Write-verify loops: bounded error, a budget that holds, exact counts of pulses and failures."""

import numpy as np
import pytest

from neurosim.crossbar import Crossbar
from neurosim.devices import DEVICES
from neurosim.learning.programmers import Change, WriteVerifyProgrammer
from neurosim.rng import Streams

STEP = 1e-7


def build(model="ideal", read_noise=0.0, mapping="balanced", scheme="push_pull", shape=(30, 20), **fields):
    crossbar = Crossbar.build(
        "W1",
        shape,
        device=DEVICES[model](g_min=1e-6, g_max=51e-6, step=STEP, **fields),
        mapping=mapping,
        scheme=scheme,
        g_ref=2.5e-5,
        read_noise=read_noise,
        streams=Streams(0),
        dtype="float64",
    )
    weights = np.random.default_rng(0).uniform(-0.5, 0.5, shape)
    return crossbar, crossbar.encode(weights, np.random.default_rng(1))


def change_of(crossbar, steps, seed=2):
    """Return a wanted change of up to so many steps of each device."""
    size = steps * STEP * crossbar.devices_per_pulse / crossbar.g_ref
    return Change(matrix=np.random.default_rng(seed).uniform(-size, size, crossbar.shape))


@pytest.mark.parametrize("scheme", ["push_pull", "single"])
def test_without_noise_every_device_ends_within_half_a_step_by_the_fewest_pulses(scheme):
    crossbar, state = build(scheme=scheme)
    change = change_of(crossbar, 8)
    goals = crossbar.targets(state, change.weights())
    done = WriteVerifyProgrammer(0.5, 20).program(crossbar, state, change, np.random.default_rng(3))
    needed = 0
    for goal, before, after in zip(
        goals, (state.g_plus, state.g_minus), (done.state.g_plus, done.state.g_minus), strict=True
    ):
        assert abs(after - goal).max() <= 0.5 * STEP * (1 + 1e-9)
        needed += np.ceil(np.maximum(abs(goal - before) / STEP - 0.5, 0) - 1e-9).sum()
    assert done.pulses == needed
    assert done.failures == 0
    assert done.counts is None


def test_fine_steps_come_close_to_an_exact_write():
    crossbar, state = build(shape=(10, 8))
    fine = Crossbar.build(
        "W1", (10, 8), device=DEVICES["ideal"](g_min=1e-6, g_max=51e-6, step=1e-9), mapping="balanced",
        scheme="push_pull", g_ref=2.5e-5, read_noise=0.0, streams=Streams(0), dtype="float64",
    )  # fmt: skip
    change = change_of(crossbar, 3)
    exact = fine.weights(fine.write(state, change.weights(), None))
    loop = WriteVerifyProgrammer(0.5, 1000).program(fine, state, change, np.random.default_rng(3))
    assert abs(fine.weights(loop.state) - exact).max() <= 1e-9 / 2.5e-5 * (1 + 1e-9)


def test_the_budget_holds_and_failures_are_counted():
    crossbar, state = build()
    change = change_of(crossbar, 12)
    goals = crossbar.targets(state, change.weights())
    done = WriteVerifyProgrammer(0.5, 4).program(crossbar, state, change, np.random.default_rng(3))
    failures = 0
    for goal, before, after in zip(
        goals, (state.g_plus, state.g_minus), (done.state.g_plus, done.state.g_minus), strict=True
    ):
        assert abs(after - before).max() <= 4 * STEP * (1 + 1e-9)
        failures += (abs(goal - after) > 0.5 * STEP * (1 + 1e-9)).sum()
    assert done.failures == failures > 0


def test_stuck_devices_use_up_their_budget_and_fail():
    crossbar, state = build("soft_bounds", stuck_fraction=0.2)
    change = Change(matrix=np.full(crossbar.shape, 0.05))
    done = WriteVerifyProgrammer(1.0, 60).program(crossbar, state, change, np.random.default_rng(3))
    assert done.failures == 0  # a goal is within the range of its device: the present conductance of a stuck one
    stuck = crossbar.plus.cells.g_low == crossbar.plus.cells.g_high
    assert np.array_equal(done.state.g_plus[stuck], state.g_plus[stuck])


def test_a_change_of_nothing_costs_nothing():
    crossbar, state = build(read_noise=0.05)
    done = WriteVerifyProgrammer().program(
        crossbar, state, Change(matrix=np.zeros(crossbar.shape)), np.random.default_rng(3)
    )
    assert done.pulses == 0
    assert np.array_equal(done.state.g_plus, state.g_plus)


def test_cycle_to_cycle_noise_leaves_errors_inside_the_tolerance():
    crossbar, state = build("constant_step", c2c=0.5)
    change = change_of(crossbar, 8)
    goals = crossbar.targets(state, change.weights())
    done = WriteVerifyProgrammer(1.0, 200).program(crossbar, state, change, np.random.default_rng(3))
    assert done.failures == 0
    assert abs(done.state.g_plus - goals[0]).max() <= STEP * (1 + 1e-9)


def test_read_noise_lets_loops_end_off_their_goals_by_its_size():
    """With fine pulses and a wide gate the loop ends at the first read inside it: the error is noise plus gate."""
    spread = []
    for noise in (0.005, 0.02):
        crossbar, state = build(read_noise=noise, shape=(60, 40))
        change = change_of(crossbar, 8)
        goals = crossbar.targets(state, change.weights())
        done = WriteVerifyProgrammer(0.5, 400).program(crossbar, state, change, np.random.default_rng(3))
        spread.append((done.state.g_plus - goals[0]).std())
    assert spread[1] > 1.5 * spread[0] > 0.5 * STEP / np.sqrt(3)


def test_one_device_per_weight_leaves_the_missing_one_alone():
    crossbar, _ = build(mapping="unsigned", scheme="single", shape=(5, 4))
    state = crossbar.encode(np.full((5, 4), 1.0), np.random.default_rng(1))
    change = Change(matrix=np.full((5, 4), 5 * STEP / 2.5e-5))
    done = WriteVerifyProgrammer(0.5, 20).program(crossbar, state, change, np.random.default_rng(3))
    assert done.pulses == 20 * 5 or done.pulses == 20 * 4  # five whole steps, the last one within half a step
    assert not done.state.g_minus.any()
