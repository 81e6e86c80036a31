"""VTEAM and Yakopcic pulses against their differential equations, solved by scipy to 1e-11."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurosim.devices import Vteam, Yakopcic, preset
from neurosim.errors import RangeError
from neurosim.rng import Streams

both_ways = pytest.mark.parametrize("up", [True, False])
NAMES = ("vteam_technion", "yakopcic_jo", "yakopcic_oblea")


def vteam_speed(m, up):
    """dx/dt of the model as published, v > 0 raising the resistance; x runs from g_max (0) to g_min (1)."""
    if up:
        k = -m.k_on * (-m.volts_up / -m.v_on - 1) ** m.alpha_on
    else:
        k = m.k_off * (m.volts_down / m.v_off - 1) ** m.alpha_off
    return lambda t, x: np.full_like(x, k / m.length)


def yakopcic_speed(m, up):
    """dx/dt of the model as published; x runs from g_min (0) to g_max (1)."""

    def f(x):
        if up:
            window = (m.x_p - x) / (1 - m.x_p) + 1
            return np.where(x >= m.x_p, np.exp(-m.alpha_p * (x - m.x_p)) * window, 1.0)
        return np.where(x <= 1 - m.x_n, np.exp(m.alpha_n * (x + m.x_n - 1)) * x / (1 - m.x_n), 1.0)

    v = m.volts_up if up else -m.volts_down
    g = m.speed_up * (math.exp(v) - math.exp(m.v_p)) if up else -m.speed_down * (math.exp(-v) - math.exp(m.v_n))
    return lambda t, x: g * f(x)


def solved(model, g, up):
    """Return conductances after one pulse, by the equation."""
    r_on, r_off = 1 / model.g_max, 1 / model.g_min if model.g_min else math.inf
    if isinstance(model, Vteam):
        speed, x = vteam_speed(model, up), (1 / g - r_on) / (r_off - r_on)
    else:
        speed, x = yakopcic_speed(model, up), (g - model.g_min) / (model.g_max - model.g_min)
    width = model.widths[0 if up else 1]
    # One state at a time: a window has a kink, which the error control must see. Ends are where the state stops.
    ends = [
        solve_ivp(speed, (0, width), [x0], method="DOP853", rtol=1e-11, atol=1e-13, max_step=width / 20).y[0, -1]
        for x0 in x
    ]
    x = np.clip(ends, 0, 1)
    return (
        1 / (r_on + x * (r_off - r_on)) if isinstance(model, Vteam) else model.g_min + x * (model.g_max - model.g_min)
    )


def pulsed(model, g, counts):
    cells = model.sample(g.shape, Streams(0).generator("cells"), np, np.float64)
    return model.pulse(g, counts, cells, Streams(0).generator("pulse"))


def starts(model, n=23):
    return model.g_min + (model.g_max - model.g_min) * np.linspace(0, 1, n)


@pytest.mark.parametrize("name", NAMES)
@both_ways
def test_a_pulse_of_a_published_set_solves_the_equation(name, up):
    model = preset(name).build()
    g = starts(model)
    after = pulsed(model, g, np.full(g.shape, 1 if up else -1))
    np.testing.assert_allclose(after, solved(model, g, up), atol=1e-9 * model.g_max, rtol=0)
    assert np.ptp(after - g) > 1e-5 * model.g_max  # it moves, and not everywhere by the same


@pytest.mark.parametrize("name", NAMES)
@both_ways
def test_a_pulse_over_a_tenth_of_the_range_is_within_its_stated_accuracy(name, up):
    """1e-7 of the range; a coarse step makes the difference to a first-order step plain."""
    model = preset(name).build()
    model = replace(model, width_up=0.0, width_down=0.0, step=0.1 * (model.g_max - model.g_min), asymmetry=0.0)
    g = starts(model)
    after = pulsed(model, g, np.full(g.shape, 1 if up else -1))
    np.testing.assert_allclose(after, solved(model, g, up), atol=1e-7 * model.g_max, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_train_is_one_long_pulse(name):
    """What 50 pulses do is what a pulse of 50 widths does: the state has no memory of the pauses."""
    model = preset(name).build()
    g = starts(model)
    for sign in (1, -1):
        after = pulsed(model, g, np.full(g.shape, 50 * sign))
        widths = [50 * width for width in model.widths]
        long = replace(model, step=model.step, width_up=0.0, width_down=0.0)
        object.__setattr__(long, "width_up", widths[0])
        object.__setattr__(long, "width_down", widths[1])
        np.testing.assert_allclose(after, solved(long, g, sign > 0), atol=1e-7 * model.g_max, rtol=0)


@pytest.mark.parametrize("model_class", [Vteam, Yakopcic])
def test_widths_and_steps_say_the_same(model_class):
    """A model by its widths has the step that, given, needs these widths."""
    one = model_class(g_min=1e-6, g_max=51e-6, step=0.3e-6, asymmetry=0.2)
    two = model_class(g_min=1e-6, g_max=51e-6, width_up=one.widths[0], width_down=one.widths[1])
    assert two.step == pytest.approx(one.step, rel=1e-9)
    assert two.asymmetry == pytest.approx(one.asymmetry, rel=1e-9)
    assert replace(two).step == two.step


@both_ways
def test_a_faster_device_is_one_whose_state_runs_longer(up):
    """The spread of the step is a spread of speed: such a device follows the equation at another width."""
    model = Yakopcic(g_min=0.0, g_max=50e-6, step=1e-6, step_d2d=0.5)
    cells = model.sample((5,), Streams(3).generator("cells"), np, np.float64)
    g = np.full(5, 40e-6 if up else 10e-6)
    after = model.pulse(g, np.full(5, 1 if up else -1), cells, Streams(0).generator("pulse"))
    for k in range(5):
        own = replace(model, step_d2d=0.0, step=float(cells.step(up)[k]))
        assert after[k] == pytest.approx(solved(own, g[:1], up)[0], rel=1e-8)
    assert np.ptp(after) > 1e-8


def test_resistance_moves_by_equal_amounts():
    """VTEAM in closed form: 1 / G after n pulses is 1 / G -+ n dR."""
    model = Vteam(g_min=1e-6, g_max=51e-6, step=0.02e-6)
    g = np.array([10e-6, 26e-6, 40e-6])
    for sign, n in ((1, 100), (-1, 100)):
        shift = 0.02e-6 / (26e-6 * (26e-6 + sign * 0.02e-6))
        np.testing.assert_allclose(1 / pulsed(model, g, np.full(3, sign * n)), 1 / g - sign * n * shift, rtol=1e-9)


WRONG = {
    "below the threshold": (Vteam, {"volts_up": 0.1}, r"volts_up = 0.1: below the threshold.*above 0.2 V"),
    "below the other": (Yakopcic, {"volts_down": 0.15}, r"volts_down = 0.15: below the threshold.*above 0.15 V"),
    "one width": (Vteam, {"width_up": 1e-12}, "width_down = 0.0: give both widths"),
    "width beyond the range": (Vteam, {"width_up": 1e-3, "width_down": 1e-12}, "width_up = 0.001: .*make it shorter"),
    "infinite resistance": (Vteam, {"g_min": 0.0}, "g_min = 0 S: the resistance would be infinite"),
}


@pytest.mark.parametrize(("model_class", "keys", "says"), WRONG.values(), ids=WRONG.keys())
def test_pulses_that_move_nothing_or_too_much_are_refused(model_class, keys, says):
    with pytest.raises(RangeError, match=says):
        model_class(**keys)
