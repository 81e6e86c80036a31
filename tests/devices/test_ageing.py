"""Drift, retention loss and diffusion against their closed forms and statistics."""

import numpy as np
import pytest
from standard_errors import check_mean, check_variance
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.crossbar import Crossbar
from neurosim.devices import Ageing, ConstantStep, Ideal
from neurosim.errors import RangeError
from neurosim.rng import Streams

G_MIN, G_MAX, G_REF = 1e-6, 51e-6, 50e-6 / 4
SHAPE = (7, 5)
DEVICE = Ideal(g_min=G_MIN, g_max=G_MAX, step=0.05e-6)


def build(ageing, shape=SHAPE, device=DEVICE, dtype="float64", streams=None, mapping="balanced", scheme="push_pull"):
    crossbar = Crossbar.build(
        "W1",
        shape,
        device=device,
        mapping=mapping,
        scheme=scheme,
        g_ref=G_REF,
        read_noise=0.0,
        streams=streams or Streams(3),
        dtype=dtype,
        ageing=ageing,
    )
    weights = np.random.default_rng(0).uniform(-2, 2, shape)
    return crossbar, crossbar.encode((streams or Streams(3)).backend.asarray(weights), rng())


def rng(name="time", step=0):
    return Streams(4).generator(name, step)


def test_drift_is_the_power_law_of_the_age():
    nu, t0 = 0.06, 20.0
    crossbar, state = build(Ageing(nu=nu, t0=t0))
    for seconds in (0.3, 40.0, 1e6):
        later = crossbar.wait(state, seconds, rng())
        for before, after in ((state.g_plus, later.g_plus), (state.g_minus, later.g_minus)):
            np.testing.assert_allclose(after, np.maximum(before * ((seconds + t0) / t0) ** -nu, G_MIN), rtol=1e-12)
        assert later.read_plus is later.g_plus


def test_the_exponent_depends_on_the_state_and_is_limited():
    """The published statistics of phase-change memory: nu rises as the conductance falls, between two limits."""
    law = Ageing(nu=0.0244, nu_slope=0.0155, nu_low=0.049, nu_high=0.1, g_ref=25e-6, t0=20.0)
    g = np.array([25e-6, 5e-6, 2.5e-6, 0.01e-6, 0.0])
    expected = [0.049, 0.0244 + 0.0155 * np.log(5), 0.0244 + 0.0155 * np.log(10), 0.0244 + 0.0155 * np.log(2500), 0.1]
    expected = np.clip(expected, 0.049, 0.1)
    assert 0.049 < expected[1] < expected[2] < 0.1 == expected[3]
    np.testing.assert_allclose(law.exponent(g, np.ones(5)), expected, rtol=1e-12)
    cells = Ideal(g_min=0.0, g_max=25e-6, step=1e-7).nominal(np, np.float64)
    aged = law.aged(g, np.full(5, 1e3), np.ones(5), None, cells)
    np.testing.assert_allclose(aged, g * 51.0**-expected, rtol=1e-12)


def test_retention_loss_is_exponential_around_the_resting_conductance():
    lifetime, rest = 30.0, 11e-6
    crossbar, state = build(Ageing(lifetime=lifetime, rest=rest))
    later = crossbar.wait(state, 12.0, rng())
    np.testing.assert_allclose(later.g_plus, rest + (state.g_plus - rest) * np.exp(-12.0 / lifetime), rtol=1e-12)


FULL = Ageing(nu=0.08, nu_spread=0.4, nu_slope=0.01, nu_high=0.2, t0=2.0, lifetime=500.0, rest=G_MIN)


def test_waiting_twice_is_waiting_once_for_both_times():
    crossbar, state = build(FULL)
    once, twice = crossbar.wait(state, 17.7, rng()), crossbar.wait(crossbar.wait(state, 3.2, rng()), 14.5, rng())
    assert np.all(once.g_plus < state.g_plus)
    for side in ("g_plus", "g_minus"):
        np.testing.assert_allclose(getattr(twice, side), getattr(once, side), rtol=1e-12)


def test_programming_restarts_the_clock_of_the_devices_it_touches():
    crossbar, state = build(FULL)
    counts = np.random.default_rng(1).integers(-1, 2, SHAPE)
    aged = crossbar.wait(state, 50.0, rng())
    pulsed = crossbar.pulse(aged, counts, rng())
    np.testing.assert_allclose(pulsed.g_plus, np.clip(aged.g_plus + counts * DEVICE.step, G_MIN, G_MAX), rtol=1e-12)
    later = crossbar.wait(pulsed, 9.0, rng())
    touched = counts != 0
    gains = crossbar.plus.lasting.gains
    afresh = FULL.aged(pulsed.g_plus, np.full(SHAPE, 9.0), gains, None, crossbar.plus.cells)
    running = FULL.aged(state.g_plus, np.full(SHAPE, 59.0), gains, None, crossbar.plus.cells)
    np.testing.assert_allclose(later.g_plus, np.where(touched, afresh, running), rtol=1e-12)
    assert np.abs(afresh / running - 1).max() > 0.01


def test_an_exact_write_acts_on_the_aged_weights():
    crossbar, state = build(FULL)
    aged = crossbar.wait(state, 50.0, rng())
    change = np.zeros(SHAPE)
    change[2, 3] = 0.01
    written = crossbar.write(aged, change, rng())
    np.testing.assert_allclose(crossbar.weights(written), crossbar.weights(aged) + change, atol=1e-12)
    assert (written.past_plus.age == 0).sum() == 1
    assert written.past_plus.age[2, 3] == 0


def test_exponents_are_lognormal_and_drawn_once():
    crossbar, state = build(Ageing(nu=0.05, nu_spread=0.3), (200, 150))
    crossbar, state = crossbar, crossbar.encode(np.full((200, 150), 0.3), rng())
    nu = -np.log(crossbar.wait(state, 9.0, rng()).g_plus / state.g_plus) / np.log(10.0)
    check_mean(nu.ravel(), 0.05)
    check_variance(nu.ravel(), (0.3 * 0.05) ** 2)
    again = -np.log(crossbar.wait(state, 99.0, rng()).g_plus / state.g_plus) / np.log(100.0)
    np.testing.assert_allclose(again, nu, rtol=1e-9)


@pytest.mark.parametrize("lifetime", [0.0, 5.0])
@pytest.mark.parametrize("steps", [1, 8])
def test_the_variance_of_diffusion_does_not_depend_on_the_steps_of_time(lifetime, steps):
    """Linear in time without loss; with it the Ornstein-Uhlenbeck variance, whatever the number of steps."""
    sigma, seconds = 0.1e-6, 4.0
    law = Ageing(diffusion=sigma, lifetime=lifetime, rest=26e-6)
    crossbar, _ = build(law, (120, 100))
    state = crossbar.encode(np.zeros((120, 100)), rng())
    for k in range(steps):
        state = crossbar.wait(state, seconds / steps, rng(step=k))
    moved = (state.g_plus - 26e-6).ravel() / sigma
    expected = seconds if not lifetime else 0.5 * lifetime * (1 - np.exp(-2 * seconds / lifetime))
    check_mean(moved, 0.0)
    check_variance(moved, expected)


def test_a_conductance_stays_within_its_device():
    device = ConstantStep(g_min=G_MIN, g_max=G_MAX, step=1e-7, bounds_d2d=0.2, stuck_fraction=0.2)
    crossbar, state = build(Ageing(nu=0.5, diffusion=1e-5), device=device)
    later = crossbar.wait(state, 1e4, rng())
    cells = crossbar.plus.cells
    assert np.all((later.g_plus >= cells.g_low) & (later.g_plus <= cells.g_high))
    stuck = cells.g_low == cells.g_high
    assert stuck.any()
    assert np.array_equal(later.g_plus[stuck], state.g_plus[stuck])


def test_what_is_visible_ages_as_what_is_hidden():
    device = ConstantStep(g_min=G_MIN, g_max=G_MAX, step=1e-7, write_noise=5.0)
    crossbar, state = build(Ageing(nu=0.05), device=device)
    later = crossbar.wait(state, 9.0, rng())
    np.testing.assert_allclose(later.read_plus, np.maximum(state.read_plus * 10.0**-0.05, G_MIN), rtol=1e-12)
    assert np.abs(later.read_plus - later.g_plus).max() > 1e-7


def test_arrays_that_do_not_age_stay_as_they_are():
    crossbar, state = build(None)
    assert state.past_plus is None
    assert crossbar.wait(state, 1e9, rng()) is state


@pytest.mark.parametrize(("mapping", "scheme"), [("reference", "single"), ("unsigned", "single")])
def test_reference_columns_age_and_missing_devices_do_not(mapping, scheme):
    crossbar, state = build(Ageing(nu=0.05), mapping=mapping, scheme=scheme)
    later = crossbar.wait(state, 9.0, rng())
    factor = 10.0**-0.05 if mapping == "reference" else 1.0
    np.testing.assert_allclose(later.g_minus, state.g_minus * factor, rtol=1e-12)


def test_same_numbers_on_a_device_backend():
    results = []
    law = Ageing(nu=0.08, nu_spread=0.4, nu_slope=0.01, lifetime=500.0, rest=G_MIN, diffusion=1e-8)
    for backend in (NUMPY, STRICT):
        crossbar, state = build(law, dtype="float32", streams=Streams(5, backend))
        draw = Streams(6, backend).generator
        state = crossbar.wait(state, 5.0, draw("a"))
        state = crossbar.pulse(state, backend.asarray(np.tri(*SHAPE, dtype=int)), draw("b"))
        state = crossbar.wait(state, 5.0, draw("c"))
        assert state.g_plus.dtype == np.float32
        results.append(backend.to_host(state.g_plus))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"nu": 1.5}, r"Ageing.nu = 1.5: allowed \[0, 1\]"),
        ({"t0": 0.0}, r"Ageing.t0 = 0.0: allowed \(0, inf\) s"),
        ({"nu_low": 0.2, "nu_high": 0.1}, r"nu_low = 0.2: must not exceed nu_high = 0.1"),
    ],
)
def test_wrong_parameters_are_refused(wrong, text):
    with pytest.raises(RangeError, match=text):
        Ageing(**wrong)
