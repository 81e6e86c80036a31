"""Pulse response: the curves that ``neurosim devices NAME --plot`` draws."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.devices import DEVICES, ConstantStep, ExpStep, Ideal, SoftBounds
from neurosim.devices.response import effective_states, pulse_response, step_profile
from neurosim.errors import RangeError
from neurosim.rng import Streams

RANGE = {"g_min": 10e-6, "g_max": 50e-6}


def respond(model, **options):
    return pulse_response(model, Streams(0).host("response"), **options)


def test_ideal_triangle():
    found = respond(Ideal(**RANGE, step=1e-6), devices=5)
    assert found.states == pytest.approx(40)
    assert found.symmetry_point is None
    up = 10e-6 + 1e-6 * np.arange(41)
    np.testing.assert_allclose(found.mean, np.concatenate((up, up[-2::-1])))
    assert np.all(found.std < 1e-18)
    assert found.pulse.tolist() == list(range(81))


def test_soft_bounds_exponential():
    """From the lower bound the distance to the upper one shrinks as (1-k)^n."""
    k, n = 0.04, 60
    found = respond(SoftBounds(**RANGE, step=k * 20e-6), pulses=n, devices=3)
    rising = 50e-6 - 40e-6 * (1 - k) ** np.arange(n + 1)
    np.testing.assert_allclose(found.mean[: n + 1], rising)
    falling = 10e-6 + (rising[-1] - 10e-6) * (1 - k) ** np.arange(n + 1)
    np.testing.assert_allclose(found.mean[n:], falling)


def test_spread_grows_as_the_square_root_of_the_pulses():
    model = ConstantStep(g_min=10e-6, g_max=1e-3, step=1e-6, c2c=0.2)
    found = respond(model, pulses=64, devices=20_000)
    expected = 0.2e-6 * np.sqrt(found.pulse[4:65])
    # relative standard error of a standard deviation: 1 / sqrt(2 devices)
    np.testing.assert_allclose(found.std[4:65], expected, rtol=4 / np.sqrt(2 * 20_000))


def test_write_noise_is_seen_but_does_not_accumulate():
    model = SoftBounds(**RANGE, step=0.5e-6, write_noise=2.0)
    found = respond(model, pulses=50, devices=4000)
    middle = np.abs(found.mean - 30e-6) < 10e-6
    np.testing.assert_allclose(found.std[middle], 1e-6, rtol=4 / np.sqrt(2 * 4000))


@pytest.mark.parametrize("name", DEVICES)
def test_every_model_has_a_response(name):
    found = respond(DEVICES[name](), pulses=20, devices=10, examples=4)
    assert found.examples.shape == (4, 41)
    assert np.all(np.diff(found.mean[:21]) > 0)
    assert np.all(np.diff(found.mean[20:]) < 0)


@pytest.mark.parametrize("wrong", [{"pulses": 0}, {"pulses": 10**6}, {"devices": 2, "examples": 3}])
def test_wrong_sizes_are_refused(wrong):
    with pytest.raises(RangeError, match="allowed 1 to 20000 pulses"):
        respond(Ideal(), **wrong)


def test_dynamic_range_is_that_of_the_mean_curve():
    found = respond(Ideal(**RANGE, step=1e-6), devices=5)
    assert found.dynamic_range == pytest.approx(5.0)
    assert respond(Ideal(g_min=0.0, g_max=50e-6, step=1e-6), devices=5).dynamic_range == np.inf


def test_steps_along_the_range_and_their_asymmetry():
    """Soft bounds: up (1 + alpha)(1 - w), down (1 - alpha)(1 + w), which cancel at w = alpha."""
    alpha = 0.2
    profile = step_profile(SoftBounds(**RANGE, step=0.5e-6, asymmetry=alpha), points=41)
    w = np.linspace(-1, 1, 41)
    up, down = (1 + alpha) * (1 - w), (1 - alpha) * (1 + w)
    np.testing.assert_allclose(profile.up, 0.5e-6 * up, atol=1e-20)
    np.testing.assert_allclose(profile.down, 0.5e-6 * down, atol=1e-20)
    np.testing.assert_allclose(profile.asymmetry, (up - down) / (up + down), atol=1e-12)
    assert profile.asymmetry[24] == pytest.approx(0, abs=1e-12)
    flat = step_profile(ConstantStep(**RANGE, asymmetry=alpha), points=5)
    np.testing.assert_allclose(flat.asymmetry, alpha)


def test_asymmetry_where_nothing_moves_is_not_a_number():
    still = step_profile(
        ExpStep(**RANGE, amplitude_up=0.9, amplitude_down=0.9, gamma_up=0.0, gamma_down=5.0, b=0.0, a=1.0)
    )
    assert np.isfinite(still.asymmetry[-1])
    dead = type(still)(np.array([1e-6]), np.zeros(1), np.zeros(1))
    assert np.isnan(dead.asymmetry[0])


def test_effective_states_count_what_noise_leaves_apart():
    assert effective_states(Ideal(**RANGE, step=1e-6)) == pytest.approx(40)
    assert effective_states(ConstantStep(**RANGE, step=1e-6, c2c=0.3)) == pytest.approx(40)  # 2 std below a step
    assert effective_states(ConstantStep(**RANGE, step=1e-6, c2c=2.0, asymmetry=0.5)) == pytest.approx(40 / 6)
    assert effective_states(SoftBounds(**RANGE, step=1e-6, write_noise=5.0)) == pytest.approx(4)
    both = SoftBounds(**RANGE, step=1e-6, write_noise=4.0, c2c=3.0)
    assert effective_states(both) == pytest.approx(4)
