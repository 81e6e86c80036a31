"""Noise processes: spectra, variances and covariances that do not depend on how time is divided."""

import numpy as np
import pytest
from scipy.signal import welch
from standard_errors import check_mean, check_variance
from strict_cupy import STRICT

from neurosim.errors import RangeError
from neurosim.numerics.processes import PROCESSES, Flicker, Telegraph, White

OPTIONS = {
    "amplitude": 0.1,
    "bandwidth": 1e3,
    "rate_up": 300.0,
    "rate_down": 900.0,
    "f_min": 1.0,
    "f_max": 1e5,
}
each = pytest.mark.parametrize("name", PROCESSES)


def process(name):
    return PROCESSES[name](**OPTIONS)


def rng(seed=3):
    return np.random.Generator(np.random.SFC64(seed))


def path(noise, dt, steps, devices, seed=3):
    """Return the values (steps, devices) read every `dt`."""
    draw = rng(seed)
    state = noise.start((devices,), draw, np, np.float64)
    found = np.empty((steps, devices))
    for k in range(steps):
        found[k] = noise.value(state, np.float64)
        state = noise.advance(state, dt, draw)
    return found


def spectrum(values, dt, segment):
    f, density = welch(values, fs=1 / dt, nperseg=segment, axis=0)
    return f[1:-1], density.mean(axis=1)[1:-1]


@each
def test_variance_is_stationary_and_the_same_at_every_step(name):
    noise = process(name)
    for dt, steps in ((1e-6, 60), (1e-3, 20), (1.0, 3)):
        check_variance(path(noise, dt, steps, 20000)[-1], noise.covariance(0.0))
        check_mean(path(noise, dt, steps, 20000)[-1], 0.0)


@each
@pytest.mark.parametrize("parts", [1, 7])
def test_difference_of_two_reads_has_its_closed_form_however_the_time_is_divided(name, parts):
    """``Var(x(T) - x(0)) = 2 (Cov(0) - Cov(T))``: ``2 sigma^2 (1 - exp(-T/tau_c))`` for one correlation time."""
    noise, draw = process(name), rng()
    for time in (3e-5, 3e-4, 1e-2):
        first = state = noise.start((40000,), draw, np, np.float64)
        for _ in range(parts):
            state = noise.advance(state, time / parts, draw)
        difference = noise.value(state, np.float64) - noise.value(first, np.float64)
        check_variance(difference, 2 * (noise.covariance(0.0) - noise.covariance(time)))


def test_white_noise_is_flat_below_its_corner():
    noise, dt = White(0.1, 1e4), 2e-6
    f, density = spectrum(path(noise, dt, 2**14, 100), dt, 2**12)
    band = f < 1.5e3
    slope = np.polyfit(np.log(f[band]), np.log(density[band]), 1)[0]
    assert slope == pytest.approx(0.0, abs=0.05)
    assert density[band].mean() == pytest.approx(noise.spectrum(0.0), rel=0.03)


def test_telegraph_noise_is_a_lorentzian():
    noise, dt = Telegraph(0.2, 300.0, 900.0), 1e-4
    f, density = spectrum(path(noise, dt, 2**14, 200), dt, 2**12)
    band = f < 1e3  # far below 1/(2 dt), where the sampled process has no images
    expected = np.array([noise.spectrum(value) for value in f])
    ratio = density[band] / expected[band]
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)
    assert np.polyfit(np.log(f[band]), np.log(ratio), 1)[0] == pytest.approx(0.0, abs=0.05)
    corner = 1200.0 / (2 * np.pi)
    assert noise.spectrum(corner) == pytest.approx(noise.spectrum(0.0) / 2)


def test_flicker_noise_falls_as_1_over_f_over_three_decades():
    noise, dt = Flicker(0.1, 0.5, 2e5), 5e-6
    f, density = spectrum(path(noise, dt, 2**16, 32), dt, 2**15)
    band = (f > 12) & (f < 12e3)
    for low, high in ((12, 12e3), (12, 120), (120, 1.2e3), (1.2e3, 12e3)):
        part = (f > low) & (f < high)
        slope = np.polyfit(np.log(f[part]), np.log(density[part]), 1)[0]
        assert slope == pytest.approx(-1.0, abs=0.1)
    strength = 0.1**2 / np.log(4e5)
    assert (f * density)[band].mean() == pytest.approx(strength, rel=0.05)


def test_ripple_of_the_flicker_spectrum_is_small():
    noise = Flicker(0.1, 1.0, 1e7)
    f = np.logspace(3, 4, 200)
    product = np.array([x * noise.spectrum(x) for x in f])
    assert np.ptp(product) / product.mean() < 5e-3


def test_telegraph_dwell_times_are_exponential():
    """A chain read much faster than it jumps stays 1/rate_down in the higher level, with std equal to the mean."""
    noise, dt = Telegraph(1.0, 1000.0, 500.0), 2e-6
    high = path(noise, dt, 60000, 20) > 0
    dwells = []
    for device in high.T:
        edges = np.flatnonzero(np.diff(device.astype(int)))
        lengths, levels = np.diff(edges), device[edges[:-1] + 1]
        dwells.extend(lengths[levels] * dt)
    dwells = np.array(dwells)
    error = dwells.std() / np.sqrt(len(dwells))
    assert abs(dwells.mean() - 1 / 500.0) < 4 * error + 0.1 / 500  # an upper tail is cut by the end of the record
    assert dwells.std() == pytest.approx(dwells.mean(), rel=0.15)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strict_backend_gives_the_same_path(name, dtype):
    noise = process(name)
    found = []
    for backend in (STRICT, None):
        draw = backend.generator(np.random.SeedSequence(5)) if backend else None
        draw = draw or np.random.Generator(np.random.SFC64(np.random.SeedSequence(5)))
        state = noise.start((3, 4), draw, backend.xp if backend else np, dtype)
        value = noise.value(noise.advance(state, 1e-4, draw), dtype)
        assert value.shape == (3, 4)
        assert value.dtype == dtype
        found.append(backend.to_host(value) if backend else value)
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: White(0.0, 1e3), r"White.amplitude = 0.0: allowed \(0, 1\]"),
        (lambda: White(0.1, float("inf")), r"White.bandwidth = inf: allowed \(0, inf\) Hz"),
        (lambda: Telegraph(0.1, -1.0, 1.0), r"Telegraph.rate_up = -1.0"),
        (lambda: Flicker(0.1, 10.0, 1.0), r"Flicker.f_min = 10 Hz: must be below f_max = 1 Hz"),
    ],
)
def test_refuses(make, text):
    with pytest.raises(RangeError, match=text):
        make()
