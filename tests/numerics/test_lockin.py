"""Lock-in: exact on trigonometric polynomials, and the orders of every estimate in the amplitude."""

from __future__ import annotations

import math

import numpy as np
import pytest
from relaxations import slope
from strict_cupy import STRICT

from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.numerics import lockin

AT_ZERO, SLOPE_AT_ZERO = math.exp(0.4) / 1.3, math.exp(0.4) * (0.7 / 1.3 - 1 / 1.3**2)


def smooth(beta):
    """A smooth function of beta with all derivatives: exp(0.4 + 0.7 beta) / (1.3 + beta)."""
    return np.exp(0.4 + 0.7 * beta) / (1.3 + beta)


def circle(points, periods=1, start=0.0):
    return start + 2 * np.pi * np.arange(points * periods) / points


class TestHarmonics:
    def test_exact_on_trigonometric_polynomials(self):
        rng = np.random.Generator(np.random.SFC64(2))
        a, b = rng.standard_normal((2, 6, 3, 4))
        for phases in (circle(13), circle(16, periods=3), circle(13, start=0.37)):
            signal = a[0] + sum(
                a[k] * np.cos(k * phases)[:, None, None] + b[k] * np.sin(k * phases)[:, None, None] for k in range(1, 6)
            )
            cosines, sines = lockin.harmonics(signal, phases, (0, 1, 3, 5))
            np.testing.assert_allclose(cosines, a[[0, 1, 3, 5]], rtol=0, atol=1e-14)
            np.testing.assert_allclose(sines[1:], b[[1, 3, 5]], rtol=0, atol=1e-14)
            np.testing.assert_array_equal(sines[0], 0.0)

    def test_offset_and_foreign_harmonics_do_not_leak(self):
        phases = circle(16)
        signal = 100.0 + 7 * np.cos(2 * phases) + np.cos(phases) + 5 * np.sin(4 * phases)
        cosines, sines = lockin.harmonics(signal, phases, (1,))
        assert cosines[0] == pytest.approx(1.0, abs=1e-13)
        assert sines[0] == pytest.approx(0.0, abs=1e-13)

    def test_lag_turns_cosine_into_sine(self):
        phases, lag = circle(32), 0.2
        cosines, sines = lockin.harmonics(np.cos(phases - lag), phases, (1,))
        assert math.atan2(sines[0], cosines[0]) == pytest.approx(lag, abs=1e-14)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
    def test_dtype_is_kept(self, dtype):
        samples = np.ones((8, 2, 3), dtype)
        assert {part.dtype for part in lockin.harmonics(samples, circle(8), (0, 1))} == {np.dtype(dtype)}
        assert lockin.harmonics(samples, circle(8), (0, 1))[0].shape == (2, 2, 3)


class TestRealOscillation:
    AMPLITUDES = (0.2, 0.1, 0.05)
    PHASES = circle(64)

    @pytest.mark.parametrize(("harmonic", "order"), [(1, 2), (3, 4), (5, 6)])
    def test_response_has_the_order_of_its_harmonics(self, harmonic, order):
        errors = [
            abs(lockin.response(smooth(b * np.cos(self.PHASES)), self.PHASES, b, harmonic) - SLOPE_AT_ZERO)
            for b in self.AMPLITUDES
        ]
        assert slope(self.AMPLITUDES, errors) == pytest.approx(order, abs=0.15)

    @pytest.mark.parametrize(("harmonic", "order"), [(1, 2), (3, 4), (5, 6)])
    def test_free_state_has_the_order_of_its_harmonics(self, harmonic, order):
        errors = [
            abs(lockin.free_state(smooth(b * np.cos(self.PHASES)), self.PHASES, harmonic) - AT_ZERO)
            for b in self.AMPLITUDES
        ]
        assert slope(self.AMPLITUDES, errors) == pytest.approx(order, abs=0.15)

    def test_leading_errors_are_those_of_the_series(self):
        b = 1e-2
        beta = b * np.cos(self.PHASES)
        # u = beta^3: u'(0) = 0 and u''' = 6, so a1/B = B^2 6/8; u = beta^2: u'' = 2, so a0 = B^2 2/4
        assert lockin.response(beta**3, self.PHASES, b) == pytest.approx(b**2 * 6 / 8, rel=1e-10)
        assert lockin.free_state(beta**2, self.PHASES) == pytest.approx(b**2 * 2 / 4, rel=1e-10)
        # three quarters of the bias of the two-point difference
        assert (b**3 - (-b) ** 3) / (2 * b) == pytest.approx(b**2 * 6 / 6)

    @pytest.mark.parametrize("harmonic", [1, 3, 5])
    def test_exact_for_polynomials_up_to_the_harmonic(self, harmonic):
        phases, b = circle(16), 0.7
        for degree in range(harmonic + 1):
            samples = (b * np.cos(phases)) ** degree
            want = 1.0 if degree == 1 else 0.0
            assert lockin.response(samples, phases, b, harmonic) == pytest.approx(want, abs=1e-13)
        for degree in range(harmonic):
            samples = (b * np.cos(phases)) ** degree
            assert lockin.free_state(samples, phases, harmonic) == pytest.approx(float(degree == 0), abs=1e-14)

    def test_four_points_are_the_symmetric_difference(self):
        b = 0.3
        phases = circle(4)
        got = lockin.response(smooth(b * np.cos(phases)), phases, b)
        assert got == pytest.approx((smooth(b) - smooth(-b)) / (2 * b), abs=1e-15)

    def test_noise_gain_of_the_sine_lock_in(self):
        # variance 2 sigma^2 / (n B^2), twice that of a square wave
        weights = lockin.response_weights(circle(32, periods=5), 0.4)
        assert np.sum(weights**2) == pytest.approx(2 / (160 * 0.4**2))


class TestRotation:
    AMPLITUDES = (0.4, 0.2, 0.1)

    @pytest.mark.parametrize("points", [2, 3, 4, 6])
    def test_response_and_mean_have_the_order_of_the_points(self, points):
        phases = circle(points)
        responses, means = [], []
        for b in self.AMPLITUDES:
            samples = smooth(b * np.exp(1j * phases))
            responses.append(abs(lockin.rotation_response(samples, phases, b) - SLOPE_AT_ZERO))
            means.append(abs(lockin.rotation_mean(samples) - AT_ZERO))
        # the next terms are b^points smaller, so the slopes come close to it from above
        assert slope(self.AMPLITUDES[1:], responses[1:]) == pytest.approx(points, abs=0.15)
        assert slope(self.AMPLITUDES[1:], means[1:]) == pytest.approx(points, abs=0.15)

    def test_real_where_the_function_is_real(self):
        phases = circle(6)
        got = lockin.rotation_response(smooth(0.2 * np.exp(1j * phases)), phases, 0.2)
        assert abs(got.imag) < 1e-15

    def test_several_periods_and_a_shifted_start_change_nothing(self):
        want = lockin.rotation_response(smooth(0.2 * np.exp(1j * circle(5))), circle(5), 0.2)
        phases = circle(5, periods=3)
        got = lockin.rotation_response(smooth(0.2 * np.exp(1j * phases)), phases, 0.2)
        assert got == pytest.approx(want, abs=1e-14)

    def test_two_points_are_the_symmetric_difference(self):
        phases = circle(2)
        got = lockin.rotation_response(smooth(0.3 * np.exp(1j * phases)), phases, 0.3)
        assert got == pytest.approx((smooth(0.3) - smooth(-0.3)) / 0.6, abs=1e-15)

    def test_real_samples_become_complex_of_their_precision(self):
        weights = lockin.rotation_weights(circle(4), 1.0)
        assert lockin.weighted(np.ones((4, 2), np.float32), weights).dtype == np.complex64
        assert lockin.weighted(np.ones((4, 2)), weights).dtype == np.complex128


def test_weights_may_be_summed_on_the_way():
    phases, b = circle(16), 0.3
    samples = smooth(b * np.cos(phases))[:, None] * np.array([1.0, -2.0])
    running = np.zeros(2)
    for weight, sample in zip(lockin.response_weights(phases, b, 3), samples, strict=True):
        running += weight * sample
    np.testing.assert_allclose(running, lockin.response(samples, phases, b, 3), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_strict_backend(dtype):
    phases = circle(12)
    host = smooth(0.3 * np.cos(phases))[:, None].astype(dtype) * np.ones((12, 3), dtype)
    device = STRICT.asarray(host)
    for act in (
        lambda s: lockin.response(s, phases, 0.3, 5),
        lambda s: lockin.free_state(s, phases, 5),
        lambda s: lockin.rotation_response(s, phases, 0.3),
        lambda s: lockin.harmonics(s, phases, (0, 1))[1],
        lockin.rotation_mean,
    ):
        np.testing.assert_array_equal(STRICT.to_host(act(device)), act(host))


REFUSED = {
    "third harmonic with 4 points": (
        RangeError,
        r"4 phases do not separate the harmonics \[1, 3\].*more than 6 points a period",
        lambda: lockin.response_weights(circle(4), 0.1, 3),
    ),
    "two real points": (RangeError, r"more than 2 points", lambda: lockin.response_weights(circle(2), 0.1)),
    "half a period": (RangeError, r"whole periods", lambda: lockin.response_weights(circle(16)[:8], 0.1)),
    "uneven": (RangeError, r"evenly spaced", lambda: lockin.free_weights(circle(9) ** 1.1, 3)),
    "second harmonic of 4": (RangeError, r"\[0, 2\]", lambda: lockin.free_weights(circle(4), 3)),
    "rotation of one point": (
        RangeError,
        r"exp\(1 i phase\)",
        lambda: lockin.rotation_weights(circle(1), 0.1),
    ),
    "even harmonic": (
        ConfigError,
        r"harmonic = 2.*1, 3, 5",
        lambda: lockin.response_weights(circle(9), 0.1, 2),
    ),
    "no amplitude": (RangeError, r"amplitude = 0.0", lambda: lockin.response_weights(circle(9), 0.0)),
    "nan amplitude": (RangeError, r"amplitude = nan", lambda: lockin.rotation_weights(circle(9), math.nan)),
    "one sample too few": (
        ShapeError,
        r"8 samples but 9 phases",
        lambda: lockin.response(np.ones(8), circle(9), 0.1),
    ),
    "phases in rows": (ShapeError, r"expected \(times,\)", lambda: lockin.free_weights(np.zeros((2, 3)))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    error, message, act = REFUSED[case]
    with pytest.raises(error, match=message):
        act()
