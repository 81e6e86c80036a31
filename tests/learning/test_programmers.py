"""Programmers: exact writes, right means, and the correlations of coincident trains."""

import numpy as np
import pytest
from standard_errors import check_covariance, check_mean

from neurosim.crossbar import Crossbar
from neurosim.devices import DEVICES
from neurosim.errors import ConfigError
from neurosim.learning.programmers import (
    PROGRAMMERS,
    Change,
    IdealProgrammer,
    RoundedProgrammer,
    StochasticProgrammer,
)
from neurosim.rng import Streams


@pytest.fixture
def array():
    device = DEVICES["ideal"](g_min=1e-6, g_max=51e-6, step=2e-8)
    crossbar = Crossbar.build(
        "W1",
        (6, 4),
        device=device,
        mapping="balanced",
        scheme="push_pull",
        g_ref=2.5e-5,
        read_noise=0.0,
        streams=Streams(0),
        dtype="float64",
    )
    rng = np.random.default_rng(0)
    return crossbar, crossbar.encode(rng.uniform(-0.3, 0.3, (6, 4)), rng), rng


def factors(rng, presentations=5):
    return rng.random((presentations, 6)), rng.standard_normal((presentations, 4))


def test_ideal_writes_the_wanted_change(array):
    crossbar, state, rng = array
    change = Change(factors(rng), scale=0.01)
    done = IdealProgrammer().program(crossbar, state, change, rng)
    p, q = change.factors
    np.testing.assert_allclose(crossbar.weights(done.state) - crossbar.weights(state), 0.01 * p.T @ q, atol=1e-13)
    assert done.counts is None


def test_nearest_rounding_stays_within_half_a_step(array):
    crossbar, state, rng = array
    change = Change(matrix=rng.standard_normal((6, 4)) * 10 * crossbar.weight_step)
    done = RoundedProgrammer().program(crossbar, state, change, rng)
    error = crossbar.weights(done.state) - crossbar.weights(state) - change.weights()
    assert abs(error).max() <= crossbar.weight_step / 2 * (1 + 1e-9)
    assert np.array_equal(done.counts, np.rint(change.matrix / crossbar.weight_step))


def test_stochastic_rounding_has_the_right_mean(array):
    crossbar, state, rng = array
    wanted = np.full((6, 4), 0.3) * crossbar.weight_step
    draws = 4000
    total = sum(
        RoundedProgrammer("stochastic").program(crossbar, state, Change(matrix=wanted), rng).counts
        for _ in range(draws)
    )
    standard_error = np.sqrt(0.3 * 0.7 / draws)
    assert abs(total / draws - 0.3).max() < 4.5 * standard_error  # 24 cells, so a little above 4


def test_coincidences_have_the_mean_and_covariance_of_shared_trains():
    """Two cells of one row share the row's pulses: Cov(n1, n2) = L p c1 c2 (1 - p), not zero."""
    rng = np.random.default_rng(5)
    p, q = np.array([[0.8]]), np.array([[0.5, 0.9]])
    length, pulses, draws = 31, 6.0, 20000
    programmer = StochasticProgrammer(length)
    counts = np.array([programmer.coincidences(p, q, pulses, rng)[0] for _ in range(draws)])
    mean = pulses * p.T @ q
    strength = np.sqrt(pulses / length)
    row = strength * np.sqrt(0.9 / 0.8) * 0.8
    col = strength * np.sqrt(0.8 / 0.9) * q[0]
    variance = length * row * col * (1 - row * col)
    np.testing.assert_array_less(abs(counts.mean(axis=0) - mean[0]), 4 * np.sqrt(variance / draws))
    covariance = np.cov(counts.T)[0, 1]
    expected = length * row * col[0] * col[1] * (1 - row)
    spread = np.sqrt((variance[0] * variance[1] + expected**2) / draws)
    assert abs(covariance - expected) < 4 * spread
    assert expected > 8 * spread  # independent trains would be told apart


def test_coincidence_signs_follow_the_product():
    rng = np.random.default_rng(6)
    p, q = np.array([[1.0, -1.0]]), np.array([[1.0, -1.0]])
    counts = StochasticProgrammer(31).coincidences(p, q, 20.0, rng)
    assert np.array_equal(np.sign(counts), np.sign(p.T @ q))


def test_nothing_wanted_gives_no_pulses():
    rng = np.random.default_rng(7)
    counts = StochasticProgrammer(31).coincidences(np.zeros((3, 2)), np.ones((3, 4)), 1.0, rng)
    assert counts.shape == (2, 4)
    assert not counts.any()


def programmed(order, device, p, q, draws, pulses=4.0, length=8, scheme="push_pull"):
    """Return changes of weight in units of the step, (draws, cells), and means of all pulses up and down (single)."""
    p, q = (np.array(part, dtype=float) for part in (p, q))
    crossbar = Crossbar.build(
        "W1",
        (p.shape[1], q.shape[1]),
        device=device,
        mapping="balanced",
        scheme=scheme,
        g_ref=2.5e-5,
        read_noise=0.0,
        streams=Streams(0),
        dtype="float64",
    )
    rng, programmer = Streams(9).generator("program"), StochasticProgrammer(length, order)
    state = crossbar.encode(np.zeros(crossbar.shape), rng)
    done = [
        programmer.program(crossbar, state, Change((p, q), pulses * crossbar.weight_step), rng) for _ in range(draws)
    ]
    moved = [crossbar.weights(one.state).ravel() / crossbar.weight_step for one in done]
    net, applied = (np.mean([part(one) for one in done]) for part in (lambda d: d.counts.sum(), lambda d: d.pulses))
    return np.array(moved), 0.5 * (applied + net), 0.5 * (applied - net)


@pytest.mark.parametrize("order", ["samples", "aggregated"])
def test_cells_of_a_row_are_correlated_as_their_shared_trains_make_them(order):
    """Coincidences of both signs, Cov(n_1, n_2) = sum L p c_1 c_2 (1 - p), and noise of the devices on top."""
    p, q = np.array([[0.8], [0.6]]), np.array([[0.8, 0.9], [0.2, -0.2]])
    device = DEVICES["constant_step"](g_min=1e-6, g_max=51e-6, step=2e-8, c2c=0.4)
    length, pulses = 8, 4.0
    moved, *_ = programmed(order, device, p, q, 3000, pulses, length)
    strength = np.sqrt(pulses / length)
    row, col = strength * np.sqrt(0.9 / 0.8) * p, strength * np.sqrt(0.8 / 0.9) * q
    check_mean(moved, pulses * (p.T @ q)[0])
    expected = length * np.einsum("bi,bj,bk->jk", row * (1 - row), col, col)
    # each device of a pair moves half a step of the weight with its own noise
    variance = length * (row * abs(col) * (1 - row * abs(col)) + row * abs(col) * 0.4**2 / 2).sum(axis=0)
    np.fill_diagonal(expected, variance)
    check_covariance(moved, expected)
    error = moved.var(axis=0).prod() ** 0.5 / np.sqrt(len(moved))
    assert expected[0, 1] > 8 * error  # trains of its own for every cell would be told apart


def test_pulses_that_cancel_move_an_asymmetric_device():
    """Up and down as often, but 1.5 and 0.5 steps: it drifts up by all of them, which the net order does not see."""
    device = DEVICES["soft_bounds"](g_min=1e-6, g_max=51e-6, step=2e-9, c2c=0.3, asymmetry=0.5)
    drift = {}
    for order in ("samples", "aggregated", "net"):
        moved, ups, downs = programmed(order, device, [[0.9], [0.9]], [[0.8], [-0.8]], 600, scheme="single")
        drift[order] = moved.mean()
        if order != "net":
            assert min(ups, downs) > 2
            check_mean(moved, 1.5 * ups - 0.5 * downs)
    assert drift["net"] < 0.5 * drift["samples"]


@pytest.mark.parametrize("order", ["samples", "aggregated", "net"])
def test_applied_pulses_are_those_of_both_signs(array, order):
    crossbar, state, rng = array
    done = StochasticProgrammer(31, order).program(crossbar, state, Change(factors(rng), scale=0.1), rng)
    count = abs(done.counts).sum()
    cancelled = done.pulses - 2 * count  # both devices of a pair get each pulse
    assert cancelled == 0 if order == "net" else cancelled > 0
    assert done.pulses % 2 == 0
    assert done.pulsed / done.pulses == pytest.approx(26e-6, rel=0.2)  # near mid-range


def test_an_unknown_order_is_refused():
    with pytest.raises(ConfigError, match=r"pulse_order.*aggregated"):
        StochasticProgrammer(31, "sample")


@pytest.mark.parametrize("pulse_order", ["net", "aggregated", "samples"])
@pytest.mark.parametrize("name", list(PROGRAMMERS))
def test_every_programmer_keeps_the_range_and_is_repeatable(name, pulse_order, array):
    crossbar, state, _ = array
    options = {"rounding": "stochastic", "train_length": 31, "tolerance": 0.5, "budget": 20}
    programmer = PROGRAMMERS[name](**options, pulse_order=pulse_order)
    change = Change(factors(np.random.default_rng(8)), scale=5.0)
    first = programmer.program(crossbar, state, change, Streams(3).generator("program", 1))
    again = programmer.program(crossbar, state, change, Streams(3).generator("program", 1))
    assert np.array_equal(first.state.g_plus, again.state.g_plus)
    for g in (first.state.g_plus, first.state.g_minus):
        assert g.min() >= 1e-6 * (1 - 1e-12)
        assert g.max() <= 51e-6 * (1 + 1e-12)
    assert not np.array_equal(first.state.g_plus, state.g_plus)
