"""Activations: closed forms, slopes, analyticity, ranges, overflow safety, writing in place, dtypes."""

from __future__ import annotations

import numpy as np
import pytest
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.errors import RangeError
from neurosim.networks.activations import ACTIVATIONS

Z = np.linspace(-5.0, 7.0, 480).reshape(4, 120)
HOLOMORPHIC = [a for a in ACTIVATIONS.values() if a.holomorphic]
HARD = [a for a in ACTIVATIONS.values() if not a.holomorphic]
DTYPES = ("float32", "float64", "complex64", "complex128")


CLOSED_FORMS = {
    "steep_logistic": lambda z: 1 / (1 + np.exp(-4 * z + 2)),
    "half_clip": lambda z: np.clip(z / 2, 0, 1),
    "unit_clip": lambda z: np.clip(z, 0, 1),
    "tanh": np.tanh,
    "dsilu": lambda z: (z / 2) / (1 + np.exp(-z)) + (1 - z / 2) / (1 + np.exp(-(z - 2))),
}


def by_name(activations):
    return pytest.mark.parametrize("sigma", activations, ids=lambda a: a.name)


def supported(sigma, dtype):
    return sigma.holomorphic or np.dtype(dtype).kind == "f"


CASES = [(s, d) for s in ACTIVATIONS.values() for d in DTYPES if supported(s, d)]
each_dtype = pytest.mark.parametrize(("sigma", "dtype"), CASES, ids=[f"{s.name}-{d}" for s, d in CASES])


def states(dtype):
    return (Z + 0.3j * np.cos(Z) if np.dtype(dtype).kind == "c" else Z).astype(dtype)


@by_name(ACTIVATIONS.values())
def test_closed_form(sigma):
    np.testing.assert_allclose(sigma.value(Z), CLOSED_FORMS[sigma.name](Z), rtol=0, atol=2e-15)


@by_name(HOLOMORPHIC)
def test_closed_form_off_the_real_axis(sigma):
    z = states("complex128")
    np.testing.assert_allclose(sigma.value(z), CLOSED_FORMS[sigma.name](z), rtol=0, atol=1e-14)


def test_hand_values():
    value = {name: float(a.value(np.array([1.0]))[0]) for name, a in ACTIVATIONS.items()}
    assert value["half_clip"] == 0.5
    assert value["unit_clip"] == 1.0
    assert value["dsilu"] == pytest.approx(0.5, abs=1e-16)
    assert float(ACTIVATIONS["steep_logistic"].value(np.array([0.5]))[0]) == 0.5
    assert float(ACTIVATIONS["steep_logistic"].slope(np.array([0.5]))[0]) == 1.0
    assert float(ACTIVATIONS["tanh"].slope(np.array([0.0]))[0]) == 1.0


@by_name(HOLOMORPHIC)
def test_slope_is_the_complex_step_derivative(sigma):
    step = 1e-30
    derivative = sigma.value(Z + 1j * step).imag / step
    np.testing.assert_allclose(sigma.slope(Z), derivative, rtol=0, atol=5e-15)


@by_name(HARD)
def test_slope_of_a_clip_is_the_difference_away_from_its_corners(sigma):
    step = 1e-6
    corners = np.array([0.0, 2.0 if sigma.name == "half_clip" else 1.0])
    z = Z[np.abs(Z[..., None] - corners).min(-1) > 2 * step]
    difference = (sigma.value(z + step) - sigma.value(z - step)) / (2 * step)
    np.testing.assert_allclose(sigma.slope(z), difference, rtol=0, atol=1e-9)


@by_name(HARD)
def test_slope_of_a_clip_is_inner_on_the_closed_interval(sigma):
    inner = 0.5 if sigma.name == "half_clip" else 1.0
    corners = np.array([0.0, 1.0 / inner])
    np.testing.assert_array_equal(sigma.slope(corners), inner)
    np.testing.assert_array_equal(sigma.slope(np.array([-1e-12, 1.0 / inner + 1e-12])), 0.0)


@by_name(HOLOMORPHIC)
def test_cauchy_riemann(sigma):
    z, h = states("complex128"), 1e-6
    along_x = (sigma.value(z + h) - sigma.value(z - h)) / (2 * h)
    along_y = (sigma.value(z + 1j * h) - sigma.value(z - 1j * h)) / (2j * h)
    np.testing.assert_allclose(along_x, along_y, rtol=0, atol=1e-8)
    np.testing.assert_allclose(sigma.slope(z), along_x, rtol=0, atol=1e-8)


@by_name(HOLOMORPHIC)
def test_real_on_the_real_axis_and_symmetric_under_conjugation(sigma):
    z = states("complex128")
    np.testing.assert_array_equal(sigma.value(z.conj()), sigma.value(z).conj())
    np.testing.assert_allclose(sigma.value(Z + 0j).real, sigma.value(Z), rtol=0, atol=2e-15)


@by_name(HARD)
def test_clips_refuse_complex_states(sigma):
    for act in (sigma.value, sigma.slope):
        with pytest.raises(RangeError, match=rf"{sigma.name}.*not holomorphic.*complex128.*steep_logistic"):
            act(states("complex128"))


@by_name(ACTIVATIONS.values())
def test_range_is_reached_and_not_left(sigma):
    a = sigma.value(np.linspace(-40.0, 40.0, 80001))
    assert a.min() == pytest.approx(sigma.low, abs=1e-7)
    assert a.max() == pytest.approx(sigma.high, abs=1e-7)
    assert a.min() >= sigma.low - 1e-15
    assert a.max() <= sigma.high + 1e-15


def test_dsilu_is_a_smooth_half_clip():
    dsilu, hard = ACTIVATIONS["dsilu"], ACTIVATIONS["half_clip"]
    np.testing.assert_allclose(dsilu.value(2 - Z), 1 - dsilu.value(Z), rtol=0, atol=2e-15)
    tail = (1 + np.abs(Z) / 2) * np.exp(-np.abs(Z - 1) + 1) * (1 + np.exp(-2))
    outside = (Z < 0) | (Z > 2)
    assert (np.abs(dsilu.value(Z) - hard.value(Z)) <= tail)[outside].all()


@each_dtype
def test_dtype_and_shape_are_kept(sigma, dtype):
    z = states(dtype)
    for a in (sigma.value(z), sigma.slope(z)):
        assert a.dtype == z.dtype
        assert a.shape == z.shape


@each_dtype
def test_writes_into_out_in_place_and_into_views(sigma, dtype):
    z = states(dtype)
    want, before = sigma.value(z), z.copy()
    out = np.empty_like(z)
    assert sigma.value(z, out=out) is out
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(z, before)
    wide = np.zeros((4, 200), z.dtype)
    sigma.value(z, out=wide[:, 40:160])
    np.testing.assert_array_equal(wide[:, 40:160], want)
    assert not wide[:, :40].any()
    sigma.value(z, out=z)
    np.testing.assert_array_equal(z, want)


@each_dtype
def test_no_overflow_far_out(sigma, dtype):
    far = np.array([-1e4, -300.0, -90.0, 90.0, 300.0, 1e4])
    z = (far + 0.3j if np.dtype(dtype).kind == "c" else far).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a, slope = sigma.value(z), sigma.slope(z)
    low, high = {"dsilu": (0.0, 1.0)}.get(sigma.name, (sigma.low, sigma.high))
    np.testing.assert_allclose(a, [low] * 3 + [high] * 3, rtol=0, atol=1e-5)
    np.testing.assert_allclose(slope, 0.0, atol=1e-5)


@by_name(ACTIVATIONS.values())
def test_a_diverged_state_is_not_hidden(sigma):
    assert np.isnan(sigma.value(np.array([np.nan]))).all()


@each_dtype
def test_single_precision_is_as_good_as_its_rounding(sigma, dtype):
    z = states(dtype)
    exact = CLOSED_FORMS[sigma.name](z.astype(np.result_type(dtype, np.float64)))
    eps = np.finfo(dtype).eps
    assert np.abs(sigma.value(z) - exact).max() < 8 * eps


@each_dtype
def test_same_numbers_on_the_strict_backend(sigma, dtype):
    z = states(dtype)
    strict, host = STRICT.asarray(z), NUMPY.asarray(z)
    np.testing.assert_array_equal(STRICT.to_host(sigma.value(strict)), sigma.value(host))
    np.testing.assert_array_equal(STRICT.to_host(sigma.slope(strict)), sigma.slope(host))
    np.testing.assert_array_equal(STRICT.to_host(sigma.value(strict, out=strict)), sigma.value(host))


def test_registry_names():
    assert {name: a.name for name, a in ACTIVATIONS.items()} == {n: n for n in CLOSED_FORMS}


WORDS = {
    "tanh": np.tanh,
    "exp": np.exp,
    "min": np.minimum,
    "max": np.maximum,
    "__builtins__": {},
}


@by_name(ACTIVATIONS.values())
def test_formula_for_circuit_simulators_says_what_value_computes(sigma):
    formula = sigma.formula("(z-0)")
    found = eval(formula, WORDS, {"z": Z})  # noqa: S307
    np.testing.assert_allclose(found, sigma.value(Z), rtol=0, atol=2e-15)
    assert "**" not in formula  # in SPICE the power of |z|
