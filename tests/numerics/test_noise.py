"""Thermal noise: its stationary variance and correlation do not depend on the time step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from relaxations import Bistable, Driven, Rest
from strict_cupy import STRICT

from neurosim.errors import ConfigError, RangeError
from neurosim.numerics.integrate import integrate
from neurosim.numerics.integrators import EULER, EXPONENTIAL_EULER, HEUN, INTEGRATORS, RK4

each = pytest.mark.parametrize("integrator", INTEGRATORS.values(), ids=list(INTEGRATORS))
SIGMA = 0.3
SHAPE = (100, 200)


def rng(seed=7):
    return np.random.Generator(np.random.SFC64(seed))


def stationary(integrator, dt, *, field=None, dtype=np.float64, extra=0):
    """Return the state after ten time constants of noise, and those of `extra` later steps."""
    states = []
    steps = math.ceil(10 / dt)
    integrate(
        field or Rest(), np.zeros(SHAPE, dtype), dt=dt, steps=steps + extra, integrator=integrator,
        noise=SIGMA, rng=rng(), observe=lambda k, t, y: states.append(y.copy()) if k >= steps else None,
    )  # fmt: skip
    return states


def relative_error_of_variance(count):
    return 5 * math.sqrt(2 / count)


@each
@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0, 1.5])
def test_stationary_variance_is_sigma_squared_at_every_step_size(integrator, dt):
    y = stationary(integrator, dt)[0]
    assert y.var() == pytest.approx(SIGMA**2, rel=relative_error_of_variance(y.size))
    assert y.mean() == pytest.approx(0.0, abs=5 * SIGMA / math.sqrt(y.size))


@each
def test_noise_is_normal(integrator):
    y = stationary(integrator, 0.5)[0] / SIGMA
    assert (y**3).mean() == pytest.approx(0.0, abs=5 * math.sqrt(15 / y.size))
    assert (y**4).mean() == pytest.approx(3.0, abs=5 * math.sqrt(96 / y.size))


@each
def test_correlation_in_time_tends_to_the_exponential(integrator):
    dt = 0.02
    states = stationary(integrator, dt, extra=100)
    sampling = 5 / math.sqrt(states[0].size)
    for lag in (25, 50, 100):
        correlation = (states[0] * states[lag]).mean() / SIGMA**2
        growth = integrator.amplification(dt) ** lag
        assert correlation == pytest.approx(growth, abs=sampling)
        # of order dt for Euler: (1 - dt)^(t/dt) = exp(-t) (1 - t dt / 2 ...)
        assert growth == pytest.approx(math.exp(-lag * dt), abs=0.02 if integrator is EULER else 1e-4)


def test_euler_at_dt_tau_is_fresh_noise_at_every_step():
    states = stationary(EULER, 1.0, extra=3)
    bound = 5 / math.sqrt(states[0].size)
    for k in range(3):
        assert np.corrcoef(states[k].ravel(), states[k + 1].ravel())[0, 1] == pytest.approx(0.0, abs=bound)
        assert states[k].std() == pytest.approx(SIGMA, rel=bound)


def test_euler_at_dt_tau_adds_noise_to_the_pre_activation():
    field, y0 = Bistable(), np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    run = integrate(field, y0, dt=1.0, steps=3, integrator=EULER, noise=SIGMA, rng=rng())
    draw, y = rng(), y0
    for _ in range(3):
        y = field.target(0.0, y, np.empty_like(y)) + SIGMA * draw.standard_normal(y.shape)
    np.testing.assert_allclose(run.y, y, rtol=0, atol=1e-15)


@each
def test_own_rates_leave_the_variance_and_set_the_correlation(integrator):
    rates = np.repeat([0.3, 1.0, 2.5], [70, 60, 70])
    states = stationary(integrator, 0.4, field=Rest(rates), extra=1)
    for rate in (0.3, 1.0, 2.5):
        now, then = (s[:, rates == rate] for s in states[:2])
        start = 1 - abs(integrator.amplification(0.4 * rate)) ** (2 * 25)  # not yet stationary for slow nodes
        assert now.var() == pytest.approx(SIGMA**2 * start, rel=relative_error_of_variance(now.size))
        correlation = (now * then).mean() / now.var()
        growth = float(integrator.amplification(0.4 * rate))
        assert correlation == pytest.approx(growth, abs=5 / math.sqrt(now.size))


def test_complex_states_get_it_in_both_parts_independently():
    y = stationary(HEUN, 0.5, dtype=np.complex64)[0]
    assert y.dtype == np.complex64
    for part in (y.real, y.imag):
        assert part.var() == pytest.approx(SIGMA**2, rel=relative_error_of_variance(y.size))
    cross = np.corrcoef(y.real.ravel(), y.imag.ravel())[0, 1]
    assert cross == pytest.approx(0.0, abs=5 / math.sqrt(y.size))


def test_noise_rides_on_the_solution():
    field = Driven()
    runs = [
        integrate(field, np.zeros(SHAPE), dt=0.05, steps=100, integrator=RK4, noise=noise, rng=rng()).y
        for noise in (SIGMA, None)
    ]
    difference = runs[0] - runs[1]
    assert difference.mean() == pytest.approx(0.0, abs=5 * SIGMA / math.sqrt(difference.size))
    assert difference.std() == pytest.approx(SIGMA, rel=0.03)


def test_samples_and_nodes_are_independent():
    y = stationary(EULER, 1.0)[0]
    across_samples = (y[:-1] * y[1:]).mean() / SIGMA**2
    across_nodes = (y[:, :-1] * y[:, 1:]).mean() / SIGMA**2
    assert across_samples == pytest.approx(0.0, abs=5 / math.sqrt(y.size))
    assert across_nodes == pytest.approx(0.0, abs=5 / math.sqrt(y.size))


def test_zero_noise_draws_nothing():
    generator = rng()
    for noise in (None, 0.0):
        integrate(Rest(), np.ones((2, 3)), dt=0.5, steps=3, integrator=EULER, noise=noise, rng=generator)
    assert generator.random() == rng().random()


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_strict_backend_draws_the_same_numbers(dtype):
    runs = []
    for backend in (STRICT, None):
        y0 = np.zeros((3, 4), dtype)
        generator = backend.generator(np.random.SeedSequence(5)) if backend else None
        generator = generator or np.random.Generator(np.random.SFC64(np.random.SeedSequence(5)))
        start = backend.asarray(y0) if backend else y0
        y = integrate(Rest(), start, dt=0.5, steps=4, integrator=HEUN, noise=0.2, rng=generator).y
        runs.append(backend.to_host(y) if backend else y)
    np.testing.assert_array_equal(runs[0], runs[1])


REFUSED = {
    "no generator": (ConfigError, r"needs a random generator", {"rng": None}),
    "negative": (RangeError, r"noise = -0.1", {"noise": -0.1}),
    "not finite": (RangeError, r"noise = nan", {"noise": math.nan}),
    "step at the limit of stability": (RangeError, r"euler multiplies deviations by 1 a step", {"dt": 2.0}),
    "unstable step": (RangeError, r"exponential_euler", {"dt": 3.0, "integrator": RK4}),
    "one unstable node": (RangeError, r"by 2 a step", {"dt": 1.0, "field": Rest(np.array([1.0, 3.0]))}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    error, message, change = REFUSED[case]
    options = {
        "field": Rest(),
        "dt": 0.5,
        "steps": 2,
        "integrator": EULER,
        "noise": 0.1,
        "rng": rng(),
    } | change
    with pytest.raises(error, match=message):
        integrate(options.pop("field"), np.ones((1, 2)), **options)


def test_exponential_euler_takes_noise_at_any_step():
    y = stationary(EXPONENTIAL_EULER, 30.0)[0]
    assert y.var() == pytest.approx(SIGMA**2, rel=relative_error_of_variance(y.size))
