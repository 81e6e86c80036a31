"""Symmetry points, and the published fit in the terms of its source."""

from __future__ import annotations

import numpy as np
import pytest
from standard_errors import check_mean

from neurosim.devices import ConstantStep, ExpStep, Ideal, LinearStep, SoftBounds
from neurosim.devices.response import symmetry_point
from neurosim.errors import RangeError
from neurosim.rng import Streams

RANGE = {"g_min": 10e-6, "g_max": 50e-6}
HALF, MID, N = 20e-6, 30e-6, 20_000


def test_symmetry_point_of_soft_bounds():
    """(1 + alpha)(1 - w) = (1 - alpha)(1 + w) at w = alpha."""
    for alpha in (-0.4, 0.0, 0.3):
        assert symmetry_point(SoftBounds(**RANGE, asymmetry=alpha)) == pytest.approx(MID + alpha * HALF, rel=1e-9)


def test_symmetry_point_of_linear_step():
    alpha, up, down = 0.1, 0.8, 0.4
    w = 2 * alpha / ((1 + alpha) * up + (1 - alpha) * down)
    model = LinearStep(**RANGE, asymmetry=alpha, gamma_up=up, gamma_down=down)
    assert symmetry_point(model) == pytest.approx(MID + w * HALF, rel=1e-9)


@pytest.mark.parametrize("model", [Ideal(), ConstantStep(), ConstantStep(asymmetry=0.1), SoftBounds(g_min=0.0)])
def test_constant_steps_have_no_symmetry_point(model):
    assert (symmetry_point(model) is None) == (not isinstance(model, SoftBounds))


def test_up_then_down_at_the_symmetry_point_returns_in_the_mean():
    """Exactly: ``w -> w - k^2 (1 - alpha)(1 - alpha^2)``; a single pulse moves by ``k (1 - alpha^2)``."""
    alpha, k = 0.3, 0.02
    model = SoftBounds(**RANGE, step=k * HALF, asymmetry=alpha, c2c=0.5)
    streams = Streams(0)
    cells = model.sample((N,), streams.generator("cells"), np, np.float64)
    g = np.full(N, symmetry_point(model))
    up = model.pulse(g, np.ones(N, int), cells, streams.generator("pulse", 0))
    down = model.pulse(up, -np.ones(N, int), cells, streams.generator("pulse", 1))
    w_up, w_down = (up - MID) / HALF, (down - MID) / HALF
    check_mean(w_up, alpha + k * (1 - alpha**2))
    check_mean(w_down, alpha - k**2 * (1 - alpha) * (1 - alpha**2))
    assert abs(w_down.mean() - alpha) < 0.05 * abs(w_up.mean() - alpha)


@pytest.mark.parametrize(
    "model",
    [
        SoftBounds(**RANGE, step=0.1e-6, asymmetry=-0.2),
        LinearStep(**RANGE, step=0.1e-6, asymmetry=0.1, gamma_up=0.8, gamma_down=0.4),
        ExpStep(**RANGE, step=0.1e-6, asymmetry=-0.147),
    ],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("start", [12e-6, 48e-6])
def test_alternating_pulses_drive_a_device_to_its_symmetry_point(model, start):
    """From either side: the way the point is measured on a chip."""
    rng = Streams(0).generator("unused")
    cells = model.sample((1,), rng, np, np.float64)
    g = np.full(1, start)
    for k in range(4000):
        g = model.pulse(g, np.array([-1 if k % 2 else 1]), cells, rng)
    assert g[0] == pytest.approx(symmetry_point(model), abs=1.5 * model.step)


def test_published_fit_in_its_own_terms():
    """ExpStep with converted step and asymmetry moves as the fit does with ``up_down`` as coded there."""
    dw_min, beta, half = 0.00135, 0.259359, 1.0
    fit = ExpStep()
    y = {
        True: lambda w: 1 - fit.amplitude_up * np.exp(fit.gamma_up * (fit.a * w + fit.b)),
        False: lambda w: 1 - fit.amplitude_down * np.exp(-fit.gamma_down * (fit.a * w + fit.b)),
    }
    raw = {True: dw_min * (1 + min(beta, 0)), False: dw_min * (1 - max(beta, 0))}
    s_up, s_down = raw[True] * y[True](0), raw[False] * y[False](0)
    alpha = (s_up - s_down) / (s_up + s_down)
    assert alpha == pytest.approx(-0.147, abs=5e-4)
    model = ExpStep(**RANGE, step=0.5 * (s_up + s_down) * HALF / half, asymmetry=alpha)
    cells = model.sample((5,), Streams(0).generator("unused"), np, np.float64)
    w = np.linspace(-1, 1, 5)
    for up in (True, False):
        moved = model.increment(MID + w * HALF, cells, up) / HALF
        np.testing.assert_allclose(moved, raw[up] * y[up](w), rtol=1e-12)


def test_exp_step_that_cannot_move_at_mid_range_is_refused():
    with pytest.raises(RangeError, match=r"ExpStep.amplitude_up = 20.*allowed below 12.1825"):
        ExpStep(amplitude_up=20)
    ExpStep(amplitude_up=12.18)
    with pytest.raises(RangeError, match=r"ExpStep.amplitude_down = 0.1.*allowed below 0.082085"):
        ExpStep(amplitude_down=0.1)
