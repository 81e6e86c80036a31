"""Whole trains at once: exact moments of a line, the statistics of single pulses, and one number for both loops."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.devices import DEVICES, kernels, moments, parameters
from neurosim.devices.moments import pulse_at_once
from neurosim.devices.straight import StraightStep
from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.rng import Streams

COARSE = {"g_min": 2e-6, "g_max": 12e-6, "step": 0.3e-6}
VARIANTS = {
    "quiet": {},
    "noisy": {"c2c": 0.5, "asymmetry": -0.3},
    "additive": {"c2c": 0.5, "noise": "additive"},
    "tapered": {"c2c": 0.3, "gamma_up": 0.2, "gamma_down": 1.0},
    "stuck": {"step_d2d": 0.4, "bounds_d2d": 0.3, "c2c": 2.0, "stuck_fraction": 0.2},
}
CASES = [
    pytest.param(model_class, values, id=f"{name}-{variant}")
    for name, model_class in DEVICES.items()
    for variant, values in VARIANTS.items()
    if issubclass(model_class, StraightStep) and set(values) <= set(parameters(model_class))
]
cases = pytest.mark.parametrize(("model_class", "values"), CASES)


def both(ups, downs, up_first=True):
    trains = (ups, -downs)
    return trains if up_first else trains[::-1]


@cases
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_and_numpy_agree_to_the_bit(monkeypatch, model_class, values, dtype):
    model, host = model_class(**COARSE, **values), Streams(5).host("counts")
    shape = (41, 30)  # not a whole number of the buffers of the compiled loop
    ups, downs = (host.geometric(0.3, shape) * (host.random(shape) < 0.6) for _ in range(2))
    cells = model.sample(shape, Streams(1).generator("cells"), np, dtype)
    g = model.write(Streams(1).generator("g").uniform(2e-6, 12e-6, shape).astype(dtype), cells)
    before, results = g.copy(), []
    for least, few in ((np.inf, 0), (0, 0), (0, np.inf)):  # numpy, compiled turn by turn and device by device
        monkeypatch.setattr(kernels, "WORTH", least)
        monkeypatch.setattr(moments, "FEW", few)
        rng = Streams(1).generator("pulse")
        results.append((pulse_at_once(model, g, both(ups, downs), cells, rng), rng.random()))
    plain, next_plain = results[0]
    for compiled, next_compiled in results[1:]:
        assert plain.dtype == compiled.dtype == dtype
        assert plain.tobytes() == compiled.tobytes()
        assert next_plain == next_compiled
    assert np.array_equal(g, before)
    assert np.all((plain >= cells.g_low) & (plain <= cells.g_high))
    still = (ups == 0) & (downs == 0)
    assert np.array_equal(plain[still], g[still])
    assert np.mean(plain[~still] != g[~still]) > 0.7


def test_moments_of_soft_bounds_are_the_closed_form():
    """``E x_n = x_0 (1 - k)^n`` and ``E x_n^2 = x_0^2 ((1 - k)^2 + k^2 c2c^2)^n`` (`SoftBounds`)."""
    model = DEVICES["soft_bounds"](**COARSE, c2c=0.7)
    cells = model.nominal(np, np.float64)
    k, x = 0.3e-6 / 5e-6, 12e-6 - 4e-6
    mean, variance = np.array([4e-6]), np.zeros(1)
    for n in range(1, 30):
        model.drive(cells, True).advance(mean, variance)
        np.testing.assert_allclose(12e-6 - mean, x * (1 - k) ** n, rtol=1e-12)
        second = x**2 * ((1 - k) ** 2 + (k * 0.7) ** 2) ** n
        np.testing.assert_allclose(variance, second - (12e-6 - mean) ** 2, rtol=1e-9)


@pytest.mark.parametrize(("model_class", "values"), [case for case in CASES if case.values[1].get("c2c", 9) < 1])
@pytest.mark.parametrize("up_first", [True, False])
def test_mean_and_variance_are_those_of_single_pulses(model_class, values, up_first):
    """Far from the bounds; 12 up and 6 down on equal devices, against as many pulses one by one."""
    model, n = model_class(**{**COARSE, "step": 0.1e-6}, **values), 20_000
    cells, rng = model.nominal(np, np.float64), Streams(6).generator("pulse")
    g, ups, downs = np.full(n, 6e-6), np.full(n, 12), np.full(n, 6)
    single = g
    for counts in both(ups, downs, up_first):
        single = model.pulse(single, counts, cells, rng)
    at_once = pulse_at_once(model, g, both(ups, downs, up_first), cells, rng)
    centred = [part - part.mean() for part in (single, at_once)]
    error = np.sqrt(sum((part**2).mean() for part in centred) / n)
    assert abs(single.mean() - at_once.mean()) < 4 * error
    assert abs(at_once.mean() - 6e-6) > 20 * error  # they moved
    spread = np.sqrt(sum((part**2).var() for part in centred) / n)
    assert abs((centred[0] ** 2).mean() - (centred[1] ** 2).mean()) < 4 * spread
    assert (centred[1] ** 2).mean() > 20 * spread


def test_without_noise_it_is_pulse_by_pulse():
    """Bounds included: what is pushed against one comes down from there."""
    for name in ("ideal", "constant_step", "linear_step", "soft_bounds"):
        model = DEVICES[name](**COARSE)
        cells, rng = model.nominal(np, np.float64), Streams(1).generator("pulse")
        g, ups, downs = np.linspace(2e-6, 12e-6, 40), np.arange(40), np.arange(40)[::-1]
        single = model.pulse(model.pulse(g, ups, cells, rng), -downs, cells, rng)
        np.testing.assert_allclose(pulse_at_once(model, g, both(ups, downs), cells, rng), single, rtol=1e-13)


def test_a_train_of_both_signs_moves_each_device_its_way():
    model = DEVICES["soft_bounds"](**COARSE, asymmetry=0.4)
    cells, rng = model.nominal(np, np.float64), Streams(1).generator("pulse")
    g, counts = np.linspace(3e-6, 11e-6, 9), np.arange(-4.0, 5.0)
    single = model.pulse(g, counts, cells, rng)
    np.testing.assert_allclose(pulse_at_once(model, g, [counts], cells, rng), single, rtol=1e-13)


def test_what_is_not_allowed_is_refused():
    model, g, rng = DEVICES["soft_bounds"](**COARSE), np.full(3, 6e-6), Streams(1).generator("pulse")
    cells, none = model.nominal(np, np.float64), np.zeros(3, int)
    with pytest.raises(ShapeError, match="counts"):
        pulse_at_once(model, g, both(none[:2], none), cells, rng)
    with pytest.raises(RangeError, match="whole"):
        pulse_at_once(model, g, both(none + 0.5, none), cells, rng)
    with pytest.raises(ConfigError, match="ExpStep is no straight line"):
        pulse_at_once(DEVICES["exp_step"](**COARSE), g, both(none, none), cells, rng)
