"""Devices count their pulses and stop after as many as they take."""

import numpy as np
import pytest
from standard_errors import check_mean, check_variance

from neurosim.crossbar import Crossbar
from neurosim.devices import Ideal, Wear
from neurosim.rng import Streams

SHAPE, STEP = (6, 4), 0.1e-6
G_MIN, G_MAX = 1e-6, 51e-6


def build(wear, shape=SHAPE):
    device = Ideal(g_min=G_MIN, g_max=G_MAX, step=STEP)
    crossbar = Crossbar.build(
        "W1", shape, device=device, mapping="balanced", scheme="push_pull", g_ref=25e-6, read_noise=0.0,
        streams=Streams(1), dtype="float64", wear=wear,
    )  # fmt: skip
    return crossbar, crossbar.encode(np.zeros(shape), rng())


def rng(step=0):
    return Streams(2).generator("rng", step)


@pytest.mark.parametrize("stuck_at", ["present", "g_min", "g_max"])
def test_a_device_takes_its_pulses_and_stops(stuck_at):
    crossbar, state = build(Wear(pulses=10, stuck_at=stuck_at))
    counts = np.broadcast_to(np.arange(4), SHAPE)
    for k in range(6):
        state = crossbar.pulse(state, counts, rng(k))
    applied = np.minimum(6 * counts, 10)
    np.testing.assert_array_equal(state.past_plus.writes, applied)
    dead = applied == 10
    assert dead.any()
    assert not dead.all()
    end = {"present": 26e-6 + applied * STEP, "g_min": G_MIN, "g_max": G_MAX}[stuck_at]
    np.testing.assert_allclose(state.g_plus, np.where(dead, end, 26e-6 + applied * STEP))
    stays = crossbar.write(crossbar.pulse(state, -counts, rng(9)), np.full(SHAPE, 0.1), rng(10))
    assert np.array_equal(stays.g_plus[dead], state.g_plus[dead])
    assert np.all(stays.g_plus[~dead] != state.g_plus[~dead])


def test_lives_are_lognormal():
    crossbar, _ = build(Wear(pulses=1e6, spread=0.5), (200, 150))
    lives = crossbar.plus.lasting.lives
    assert np.array_equal(lives, np.ceil(lives))
    check_mean(lives.ravel() / 1e6, 1.0)
    check_variance(lives.ravel() / 1e6, 0.25)
    assert not np.any(lives == crossbar.minus.lasting.lives)


def test_an_exact_write_counts_once_where_it_changes_something():
    crossbar, state = build(Wear(pulses=3))
    change = np.zeros(SHAPE)
    change[1, 2] = 0.05
    for k in range(4):
        state = crossbar.write(state, change, rng(k))
    assert state.past_plus.writes.sum() == 3
    np.testing.assert_allclose(crossbar.weights(state)[1, 2], 3 * 0.05)
