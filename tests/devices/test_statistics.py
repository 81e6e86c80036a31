"""Means and spreads after n pulses against closed forms, on 2e4 devices, within 4 standard errors."""

from __future__ import annotations

import numpy as np
import pytest
from standard_errors import check_mean, check_variance

from neurosim.devices import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowerStep,
    SoftBounds,
    SoftBoundsReference,
    Vteam,
    Yakopcic,
)
from neurosim.rng import Streams

N = 20_000
RANGE = {"g_min": 10e-6, "g_max": 50e-6}
HALF, MID = 20e-6, 30e-6
SIGN = {True: 1, False: -1}
both_ways = pytest.mark.parametrize("up", [True, False])


def pulsed(model, n, start=MID, seed=0):
    """Return N devices after n pulses (negative: down) from `start`, and their cells."""
    streams = Streams(seed)
    cells = model.sample((N,), streams.generator("cells"), np, np.float64)
    g = model.pulse(np.full(N, start), np.full(N, n), cells, streams.generator("pulse"))
    return g, cells


@both_ways
def test_constant_step_moments(up):
    """Mean n s, variance n (s c2c)^2."""
    n, s = 60, 0.1e-6
    g, _ = pulsed(ConstantStep(**RANGE, step=s, c2c=0.6), SIGN[up] * n)
    check_mean(g, MID + SIGN[up] * n * s)
    check_variance(g, n * (s * 0.6) ** 2)


@both_ways
def test_constant_step_with_asymmetry_and_spread(up):
    """``step_i = s gain (1 +- alpha_i)``: variance n^2 Var(step_i) + n c2c^2 E step_i^2."""
    n, s, alpha, d, spread, c = 40, 0.1e-6, 0.2, 0.3, 0.1, 0.5
    model = ConstantStep(**RANGE, step=s, c2c=c, asymmetry=alpha, step_d2d=d, asymmetry_d2d=spread)
    g, _ = pulsed(model, SIGN[up] * n)
    lean = 1 + SIGN[up] * alpha
    square = (1 + d**2) * (lean**2 + spread**2)
    check_mean(g, MID + SIGN[up] * n * s * lean)
    check_variance(g, s**2 * (n**2 * (square - lean**2) + n * c**2 * square))


@both_ways
def test_soft_bounds_moments(up):
    """Distance x to the bound ahead: E x = x0 (1-k)^n, E x^2 = x0^2 ((1-k)^2 + k^2 c2c^2)^n."""
    n, k, c = 30, 0.03, 0.8
    g, _ = pulsed(SoftBounds(**RANGE, step=k * HALF, c2c=c), SIGN[up] * n)
    x = np.abs(g - (50e-6 if up else 10e-6)) / HALF
    check_mean(x, (1 - k) ** n)
    check_variance(x, ((1 - k) ** 2 + (k * c) ** 2) ** n - (1 - k) ** (2 * n))


@both_ways
def test_linear_step_moments(up):
    """A pulse multiplies ``v = 1 - gamma w`` by ``1 - k (1 + c2c xi)``, ``k = gamma step / half range``."""
    n, gamma, c, step = 25, 0.6, 0.7, 0.5e-6
    other = {"gamma_down" if up else "gamma_up": 0.1}
    model = LinearStep(**RANGE, step=step, c2c=c, **{"gamma_up" if up else "gamma_down": gamma}, **other)
    g, _ = pulsed(model, SIGN[up] * n)
    v = 1 - gamma * SIGN[up] * (g - MID) / HALF
    k = gamma * step / HALF
    check_mean(v, (1 - k) ** n)
    check_variance(v, ((1 - k) ** 2 + (k * c) ** 2) ** n - (1 - k) ** (2 * n))


@both_ways
@pytest.mark.parametrize("gamma", [0.6, 1.0])
def test_additive_noise_moments(up, gamma):
    """``v' = (1 - k) v - k c2c xi``: variance ``(k c2c)^2 (1 - q^2n) / (1 - q^2)``, q = 1 - k."""
    n, c, step = 25, 0.7, 0.5e-6
    common = {**RANGE, "step": step, "c2c": c, "noise": "additive"}
    model = SoftBounds(**common) if gamma == 1 else LinearStep(**common, gamma_up=gamma, gamma_down=gamma)
    g, _ = pulsed(model, SIGN[up] * n)
    v = 1 - gamma * SIGN[up] * (g - MID) / HALF
    k = gamma * step / HALF
    q = 1 - k
    check_mean(v, q**n)
    check_variance(v, (k * c) ** 2 * (1 - q ** (2 * n)) / (1 - q**2))


def exponential(model, w, up):
    """Return the relative step of `ExpStep` at w, written out."""
    amplitude, rate = (model.amplitude_up, model.gamma_up) if up else (model.amplitude_down, -model.gamma_down)
    return np.maximum(0, 1 - amplitude * np.exp(rate * (model.a * w + model.b)))


@both_ways
@pytest.mark.parametrize("w", [-0.7, 0.0, 0.6])
def test_exp_step_single_pulse_moments(up, w):
    """One pulse: mean step y(w) / y(0), std c2c times that."""
    c = 0.8
    model = ExpStep(**RANGE, step=0.2e-6, c2c=c, asymmetry=0.25)
    g, _ = pulsed(model, SIGN[up], start=MID + w * HALF)
    move = 0.2e-6 * (1.25 if up else 0.75) * exponential(model, w, up) / exponential(model, 0, up)
    check_mean(g, MID + w * HALF + SIGN[up] * move)
    check_variance(g, (c * move) ** 2)


@both_ways
def test_exp_step_follows_its_differential_equation_to_first_order_in_the_step(up):
    """For small steps ``u = exp(-+gamma (a w + b))`` is ``u(n) = A + (u0 - A) exp(-gamma a kappa n)``."""
    model = ExpStep(**RANGE, step=1e-9)
    amplitude, gamma = (model.amplitude_up, model.gamma_up) if up else (model.amplitude_down, model.gamma_down)
    sign = SIGN[up]
    errors = []
    for n in (400, 800):
        model = ExpStep(**RANGE, step=0.6 * HALF / n)
        g, _ = pulsed(model, sign * n)
        kappa = 0.6 / n / exponential(model, 0.0, up)
        u = amplitude + (np.exp(-sign * gamma * model.b) - amplitude) * np.exp(-gamma * model.a * kappa * n)
        w = (-sign * np.log(u) / gamma - model.b) / model.a
        assert 0.3 < abs(w) < 0.95  # a good part of the curve, short of the bound
        errors.append(abs((g[0] - MID) / HALF - w))
    assert errors[0] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)


@both_ways
def test_power_step_follows_its_closed_form_to_first_order_in_the_step(up):
    """``v^(1 - gamma)`` falls linearly with the pulses, v the distance from the bound ahead."""
    gamma, errors = 2.5, []
    for n in (400, 800):
        model = PowerStep(**RANGE, step=0.5 * HALF / n, **{"gamma_up" if up else "gamma_down": gamma})
        g, _ = pulsed(model, SIGN[up] * n)
        v = (1 + (gamma - 1) * 0.5) ** (1 / (1 - gamma))
        errors.append(abs((1 - SIGN[up] * (g[0] - MID) / HALF) - v))
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)


@both_ways
@pytest.mark.parametrize("w", [-0.6, 0.0, 0.7])
def test_power_and_piecewise_single_pulse_moments(up, w):
    """One pulse: the stated shape times step, std c2c times that; the table here lies on a parabola's chords."""
    c, step, alpha = 0.8, 0.2e-6, 0.25
    ahead = 1 - SIGN[up] * w
    table = tuple(v**2 for v in np.linspace(2, 0, 5))  # nodes at w = -1, -1/2, ..., distance 2, 3/2, ...
    chord = np.interp(w, np.linspace(-1, 1, 5), table if up else table[::-1])
    common = {**RANGE, "step": step, "c2c": c, "asymmetry": alpha}
    models = {
        ahead**1.7: PowerStep(**common, gamma_up=1.7, gamma_down=1.7),
        float(chord): PiecewiseStep(**common, table_up=table, table_down=table[::-1]),
    }
    for shape, model in models.items():
        g, _ = pulsed(model, SIGN[up], start=MID + w * HALF)
        move = step * (1 + SIGN[up] * alpha) * shape
        check_mean(g, MID + w * HALF + SIGN[up] * move)
        check_variance(g, (c * move) ** 2)


def test_a_table_of_two_entries_is_the_straight_model():
    """Equal entries are constant steps; falling to zero at the bound ahead they are soft bounds."""
    flat = PiecewiseStep(**RANGE, step=0.3e-6, table_up=(2.0, 2.0), table_down=(0.1, 0.1))
    soft = PiecewiseStep(**RANGE, step=0.3e-6, table_up=(7.0, 0.0), table_down=(0.0, 1.0))
    for model, other in ((flat, ConstantStep), (soft, SoftBounds)):
        for n in (30, -30):
            expected = pulsed(other(**RANGE, step=0.3e-6), n)[0]
            np.testing.assert_allclose(pulsed(model, n)[0], expected, rtol=1e-12)


def test_exp_step_noise_with_floor_and_slope():
    """``c2c (mean + step (floor + slope p))`` at p = 0.3 of the range."""
    model = ExpStep(**RANGE, step=0.05e-6, c2c=0.8, noise_floor=0.5, noise_slope=3.0)
    g, cells = pulsed(model, 1, start=22e-6)
    move = model.increment(np.full(1, 22e-6), cells, True)[0]
    check_mean(g, 22e-6 + move)
    check_variance(g, (0.8 * (move + 0.05e-6 * (0.5 + 3 * 0.3))) ** 2)


def test_bounds_spread_around_the_reference():
    """Distances from r: lognormal, mean as nominal, std bounds_d2d and low_spread times that."""
    spread = {"bounds_d2d": 0.2, "bounds_from": "reference", "reference": 0.3, "low_spread": 0.5}
    model = ConstantStep(g_min=20e-6, g_max=60e-6, step=0.1e-6, **spread)
    cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
    r = 32e-6
    check_mean(cells.g_high - r, 28e-6)
    check_variance(cells.g_high - r, (0.2 * 28e-6) ** 2)
    check_mean(r - cells.g_low, 12e-6)
    check_variance(r - cells.g_low, (0.1 * 12e-6) ** 2)
    wide = ConstantStep(g_min=1e-6, g_max=51e-6, step=0.1e-6, bounds_d2d=0.5, bounds_from="reference")
    low = wide.sample((N,), Streams(1).generator("cells"), np, np.float64).g_low
    assert low.min() == 0  # no device conducts backwards
    assert 0.3 < np.mean(low == 0) < 0.5


def test_steps_of_soft_bounds_stand_at_the_reference():
    """At r the step does not depend on the bounds drawn; without a reference it is so at each device's middle."""
    spread = {"bounds_d2d": 0.1, "bounds_from": "reference", "reference": 0.4}
    common = {"g_min": 20e-6, "g_max": 60e-6, "step": 0.1e-6, **spread}
    for up in (True, False):
        model = SoftBoundsReference(**common, noise="additive", c2c=2.0)
        cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
        r = np.full(N, 36e-6)
        at_r = 0.1e-6 * (24 / 20 if up else 16 / 20)
        move = model.increment(r, cells, up)
        np.testing.assert_allclose(move, at_r, rtol=1e-9)
        np.testing.assert_allclose(model.jitter(r, move, cells, up), 2 * at_r, rtol=1e-9)
        plain = SoftBounds(**common)
        assert (
            np.std(plain.increment(r, plain.sample((N,), Streams(1).generator("c"), np, np.float64), up)) > 0.02 * at_r
        )
    for n in (50, -50):
        one, other = (kind(**{**common, "bounds_d2d": 0.0}) for kind in (SoftBounds, SoftBoundsReference))
        assert np.array_equal(pulsed(one, n)[0], pulsed(other, n)[0])


def test_a_bound_on_the_wrong_side_of_the_reference_moves_by_a_finite_step():
    model = SoftBoundsReference(g_min=9e-6, g_max=11e-6, step=0.1e-6, bounds_d2d=0.5)
    cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
    assert np.mean(cells.g_high < 10e-6) > 0.1
    assert max(cells.step_up.max(), cells.step_down.max()) < 0.1e-6 * 20 * np.max(cells.g_high - cells.g_low) / 2e-6


NOISY = [
    ConstantStep(**RANGE, step=0.1e-6, c2c=0.9, asymmetry=0.2, step_d2d=0.2),
    LinearStep(**RANGE, step=0.1e-6, c2c=0.9, gamma_up=0.7, gamma_down=0.3, bounds_d2d=0.05),
    LinearStep(**RANGE, step=0.1e-6, c2c=0.9, noise="additive", step_d2d=0.2),
    SoftBounds(**RANGE, step=0.1e-6, c2c=0.9, asymmetry=-0.2, bounds_d2d=0.05),
    ExpStep(**RANGE, step=0.1e-6, c2c=0.9, step_d2d=0.2, asymmetry=-0.147),
    ExpStep(**RANGE, step=0.1e-6, c2c=0.5, noise_floor=0.3, noise_slope=1.0),
    PowerStep(**RANGE, step=0.1e-6, c2c=0.9, step_d2d=0.2, gamma_down=0.3),
    PiecewiseStep(**RANGE, step=0.1e-6, c2c=0.9, bounds_d2d=0.05, table_up=(3.0, 1.0, 0.8, 0.1)),
    SoftBoundsReference(**RANGE, step=0.1e-6, c2c=0.9, bounds_d2d=0.05, bounds_from="reference", noise="additive"),
    Vteam(**RANGE, step=0.1e-6, c2c=0.9, step_d2d=0.2, asymmetry=0.2),
    Yakopcic(**RANGE, step=0.1e-6, c2c=0.9, step_d2d=0.2, bounds_d2d=0.05),
]


@both_ways
@pytest.mark.parametrize("model", NOISY, ids=lambda m: type(m).__name__)
def test_sum_of_pulses_is_a_martingale_around_the_mean_steps(model, up):
    """``G_n - G_0 - sum of mean steps`` has mean 0, variance ``E sum of jitter^2``: exact for any model."""
    streams = Streams(4)
    cells = model.sample((N,), streams.generator("cells"), np, np.float64)
    g = first = np.full(N, MID)
    predicted, variance = np.zeros(N), np.zeros(N)
    for k in range(40):
        move = model.increment(g, cells, up)
        predicted += move
        variance += model.jitter(g, move, cells, up) ** 2
        g = model.pulse(g, np.full(N, SIGN[up]), cells, streams.generator("pulse", k))
    assert np.all((g > cells.g_low) & (g < cells.g_high))  # a clipped pulse would break the argument
    rest = SIGN[up] * (g - first) - predicted
    check_mean(rest, 0.0)
    check_mean(rest**2 - variance, 0.0)


def test_noise_of_neighbours_is_independent():
    """Equal devices with equal trains must not move together."""
    g, _ = pulsed(ConstantStep(**RANGE, step=0.1e-6, c2c=0.6), 10)
    pairs = (g - g.mean()).reshape(2, -1)
    check_mean(pairs[0] * pairs[1], 0.0)


@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_spread_of_step_and_bounds_has_the_stated_moments(spread):
    model = ConstantStep(**RANGE, step=0.1e-6, step_d2d=spread, asymmetry=0.2)
    cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
    check_mean(cells.step_up, 0.12e-6)
    check_variance(cells.step_up, (0.12e-6 * spread) ** 2)
    np.testing.assert_allclose(cells.step_down / cells.step_up, 0.8 / 1.2)
    assert cells.step_up.min() > 0


def test_spread_of_bounds_has_the_stated_moments():
    model = ConstantStep(**RANGE, step=0.1e-6, bounds_d2d=0.2)
    cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
    check_mean(cells.g_low, 10e-6)
    check_variance(cells.g_low, 2e-6**2)
    check_mean(cells.g_high, 50e-6)
    check_variance(cells.g_high, 10e-6**2)
    check_mean((cells.g_low - 10e-6) * (cells.g_high - 50e-6) * 1e12, 0.0)
    assert cells.step_up.ndim == 0


def test_overlapping_bounds_are_exchanged_not_lost():
    model = ConstantStep(g_min=9e-6, g_max=11e-6, step=0.1e-6, bounds_d2d=0.5)
    cells = model.sample((N,), Streams(1).generator("cells"), np, np.float64)
    assert np.all(cells.g_low < cells.g_high)
    check_mean(cells.g_low + cells.g_high, 20e-6)


def test_changing_one_spread_leaves_the_rest_of_the_devices_alone():
    base = {**RANGE, "step": 0.1e-6, "step_d2d": 0.2, "bounds_d2d": 0.1}
    one, two = (
        ConstantStep(**base, stuck_fraction=stuck).sample((N,), Streams(1).generator("c"), np, np.float64)
        for stuck in (0.0, 0.05)
    )
    assert np.array_equal(one.step_up, two.step_up)
    free = two.g_low < two.g_high
    assert np.array_equal(one.g_high[free], two.g_high[free])
    three = ConstantStep(**{**base, "bounds_d2d": 0.2}).sample((N,), Streams(1).generator("c"), np, np.float64)
    assert np.array_equal(one.step_up, three.step_up)
    assert np.corrcoef(np.log(one.g_high), np.log(three.g_high))[0, 1] > 0.999


def test_write_noise_is_around_the_hidden_value_and_new_each_time():
    model = SoftBounds(**RANGE, step=0.1e-6, write_noise=8.0)
    streams = Streams(2)
    cells = model.sample((N,), streams.generator("cells"), np, np.float64)
    hidden = np.full(N, MID)
    first, second = (model.visible(hidden, cells, streams.generator("write", k)) for k in range(2))
    assert np.all(hidden == MID)
    for seen in (first, second):
        check_mean(seen, MID)
        check_variance(seen, (8 * 0.1e-6) ** 2)
    check_mean((first - MID) * (second - MID) * 1e12, 0.0)
    at_bound = model.visible(np.full(N, 50e-6), cells, streams.generator("write", 9))
    check_mean(at_bound, 50e-6 - 0.8e-6 / np.sqrt(2 * np.pi))  # the upper half is cut off


@pytest.mark.parametrize("where", ["random", "g_min", "g_max"])
def test_stuck_devices(where):
    fraction = 0.07
    model = SoftBounds(**RANGE, step=0.5e-6, c2c=0.5, write_noise=3.0, stuck_fraction=fraction, stuck_at=where)
    g, cells = pulsed(model, 7)
    stuck = cells.g_low == cells.g_high
    assert abs(stuck.sum() - N * fraction) < 4 * np.sqrt(N * fraction * (1 - fraction))
    value = cells.g_low[stuck]
    for written in (1e-6, MID, 1e-3):
        seen = model.write(np.full(N, written), cells)
        seen = model.pulse(seen, np.full(N, -3), cells, Streams(3).generator("pulse"))
        assert np.array_equal(model.visible(seen, cells, Streams(3).generator("write"))[stuck], value)
    assert np.array_equal(g[stuck], value)
    assert np.mean(g[~stuck] > MID) > 0.95
    if where == "random":
        check_mean(value, MID)
        check_variance(value, (40e-6) ** 2 / 12)
    else:
        assert np.all(value == RANGE[where])
