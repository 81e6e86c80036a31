"""Pulse response: the curves that ``neurosim devices NAME --plot`` draws."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.devices import DEVICES, ConstantStep, Ideal, SoftBounds
from neurosim.devices.response import pulse_response
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
