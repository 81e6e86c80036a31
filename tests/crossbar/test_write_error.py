"""Programming errors: the published polynomials, their scaling, and the statistics of written arrays."""

import numpy as np
import pytest
from standard_errors import check_mean, check_variance

from neurosim.crossbar import WRITE_ERRORS, Crossbar
from neurosim.devices import DEVICES
from neurosim.errors import RangeError
from neurosim.rng import Streams

POINTS = [  # G [uS], g_max [uS], sigma [uS], from the published form by hand
    ("pcm_like", 12.5, 25.0, 0.26348 + 1.9650 * 0.5 - 1.1731 * 0.25),
    ("pcm_like", 25.0, 50.0, 2 * (0.26348 + 1.9650 * 0.5 - 1.1731 * 0.25)),
    ("hermes", 10.35, 10.35, 0.15781817 + 2.32443916 - 2.16310839 + 0.68841818),
    ("rram_wan", 20.0, 40.0, 0.348 + 16.030 / 2 - 43.853 / 4 + 45.393 / 8 - 16.815 / 16),
    ("rram_milo", 100.0, 225.0, 4.782321 - 0.9107),
]


@pytest.mark.parametrize(("name", "g", "g_max", "sigma"), POINTS)
def test_deviation_is_the_published_polynomial(name, g, g_max, sigma):
    found = WRITE_ERRORS[name].deviation(np.array([g * 1e-6]), g_max * 1e-6)
    np.testing.assert_allclose(found, sigma * 1e-6, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, error in WRITE_ERRORS.items() if error.relative])
def test_a_relative_error_is_the_same_share_of_every_range(name):
    x = np.linspace(0, 1, 11)
    error = WRITE_ERRORS[name]
    shares = [error.deviation(x * g_max, g_max) / g_max for g_max in (1e-6, 25e-6, 100e-6)]
    np.testing.assert_allclose(shares[1:], shares[:-1], rtol=1e-9)
    assert np.all(shares[0] >= 0)


def test_two_readings_of_one_chip_agree():
    """CrossSim fits Wan 2022 in microsiemens; a wrong reference range (25 for 40 uS) would be off by 1.6."""
    g = np.linspace(2, 38, 19)
    other = 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053
    ours = WRITE_ERRORS["rram_wan"].deviation(g * 1e-6, 40e-6) * 1e6
    assert (ours / other).mean() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", WRITE_ERRORS)
def test_every_set_is_positive_in_its_range_and_has_a_source(name):
    error = WRITE_ERRORS[name]
    g = np.linspace(error.low, error.high, 50)
    assert np.all(error.deviation(g, error.high) > 0)
    assert np.all(error.deviation(g, error.high) < 0.1 * error.high)
    assert "doi:" in error.source


def build(name="pcm_like", g_min=1e-6, g_max=51e-6, shape=(150, 100)):
    return Crossbar.build(
        "W1",
        shape,
        device=DEVICES["ideal"](g_min=g_min, g_max=g_max, step=2e-8),
        mapping="balanced",
        scheme="push_pull",
        g_ref=(g_max - g_min) / 2,
        read_noise=0.0,
        streams=Streams(0),
        dtype="float64",
        write_error=WRITE_ERRORS[name],
    )


@pytest.mark.parametrize("w", [-0.5, 0.0, 0.5])
def test_written_arrays_miss_their_targets_by_sigma(w):
    crossbar = build()
    state = crossbar.encode(np.full(crossbar.shape, w), np.random.default_rng(2))
    target = 26e-6 + w * 12.5e-6
    sigma = WRITE_ERRORS["pcm_like"].deviation(np.array([target]), 51e-6)[0]
    check_mean(state.g_plus.ravel(), target)
    check_variance(state.g_plus.ravel(), sigma**2)
    check_mean((state.g_plus * state.g_minus).ravel(), target * (52e-6 - target))  # the two of a pair are independent


def test_a_write_redraws_what_it_changes_and_nothing_else():
    crossbar = build(shape=(20, 10))
    rng = np.random.default_rng(3)
    state = crossbar.encode(np.zeros(crossbar.shape), rng)
    delta = np.zeros(crossbar.shape)
    delta[:, 3] = 0.01
    new = crossbar.write(state, delta, rng)
    changed = new.g_plus != state.g_plus
    assert changed[:, 3].all()
    assert not np.delete(changed, 3, axis=1).any()


def test_nothing_leaves_the_range_of_the_device():
    crossbar = build()
    state = crossbar.encode(np.full(crossbar.shape, 2.0), np.random.default_rng(4))
    assert state.g_plus.max() == 51e-6
    assert state.g_minus.min() == 1e-6


def test_pulses_have_no_write_error():
    crossbar = build(shape=(5, 4))
    state = crossbar.encode(np.zeros((5, 4)), np.random.default_rng(5))
    new = crossbar.pulse(state, np.ones((5, 4)), np.random.default_rng(6))
    np.testing.assert_allclose(new.g_plus - state.g_plus, 2e-8, rtol=1e-9)


def test_an_absolute_set_is_refused_outside_its_range():
    with pytest.raises(RangeError, match="measured from 50 uS to 225 uS, but the device has 1 uS to 51 uS"):
        build("rram_milo")
    crossbar = build("rram_milo", g_min=50e-6, g_max=225e-6, shape=(2, 2))
    assert crossbar.plus.write_error.name == "rram_milo"
