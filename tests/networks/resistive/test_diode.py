"""Diode: closed forms, both reverse branches, what is refused."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from strict_cupy import STRICT

from neurosim.errors import ConfigError, RangeError
from neurosim.networks.resistive import Clamp, Diode, antiparallel

SHOCKLEY = Diode(i_s=1e-9, n=1.5, g_min=1e-9)
SPICE = Diode(i_s=1e-6, n=1.5, reverse="spice3", g_min=1e-9)
both = pytest.mark.parametrize("diode", [SHOCKLEY, SPICE], ids=["shockley", "spice3"])
V = np.array([-2.0, -0.5, -0.13, -0.1, -0.01, 0.0, 0.05, 0.3, 0.7])


def test_thermal_voltage_is_that_of_the_constants():
    assert Diode(n=1.0).n_vt == pytest.approx(1.38064852e-23 * 300.15 / 1.6021766208e-19, rel=1e-15)
    assert Diode(n=2.0, temperature=290.0, constants="codata2018").n_vt == pytest.approx(
        2 * 1.380649e-23 * 290.0 / 1.602176634e-19, rel=1e-15
    )


def test_shockley_current():
    diode = Diode(i_s=2e-9, n=1.3, g_min=3e-9)
    expected = [2e-9 * math.expm1(v / diode.n_vt) + 3e-9 * v for v in V]
    np.testing.assert_allclose(diode.current(V), expected, rtol=1e-14)


def test_spice_current_is_shockley_above_its_edge_and_a_cube_below():
    edge = -3 * SPICE.n_vt
    above, below = V[edge < V], V[edge > V]
    assert len(above) > 3
    assert len(below) > 2
    plain = Diode(i_s=1e-6, n=1.5, g_min=1e-9)
    assert np.array_equal(SPICE.current(above), plain.current(above))
    cube = [-1e-6 * (1 + (3 * SPICE.n_vt / (v * math.e)) ** 3) + 1e-9 * v for v in below]
    np.testing.assert_allclose(SPICE.current(below), cube, rtol=1e-14)
    for method in (SPICE.current, SPICE.conductance, SPICE.content):
        left, right = method(np.array([edge * (1 + 1e-12), edge * (1 - 1e-12)]))
        assert left == pytest.approx(right, rel=1e-9)


@both
def test_conductance_is_the_derivative_and_content_the_integral_of_the_current(diode):
    h = 1e-6
    slope = (diode.current(V + h) - diode.current(V - h)) / (2 * h)
    np.testing.assert_allclose(diode.conductance(V), slope, rtol=1e-6, atol=1e-15)
    for v in V:
        integral, _ = quad(lambda w: diode.current(np.array([w]))[0], 0, v, epsabs=0, epsrel=1e-11)
        assert diode.content(np.array([v]))[0] == pytest.approx(integral, rel=1e-9, abs=1e-22)


def test_shockley_is_holomorphic_and_spice_refuses_complex_voltages():
    h = 1e-20
    np.testing.assert_allclose(SHOCKLEY.current(V + 1j * h).imag / h, SHOCKLEY.conductance(V), rtol=1e-14)
    np.testing.assert_allclose(SHOCKLEY.content(V + 1j * h).imag / h, SHOCKLEY.current(V), rtol=1e-9, atol=1e-23)
    for method in (SPICE.current, SPICE.conductance, SPICE.content):
        with pytest.raises(RangeError, match=r"'spice3' is not holomorphic.*complex128.*reverse = 'shockley'"):
            method(V + 0j)


@both
def test_same_numbers_on_the_strict_backend(diode):
    for method in (diode.current, diode.conductance, diode.content):
        assert np.array_equal(STRICT.to_host(method(STRICT.asarray(V))), method(V))


def test_clamps_limit_both_ways():
    up, down = antiparallel(Diode(), 0.1)
    assert (up, down) == (Clamp(Diode(), 0.1, "node"), Clamp(Diode(), -0.1, "bias"))
    v = np.array([0.9, -0.9])
    np.testing.assert_allclose(up.current(v), Diode().current(v - 0.1), rtol=1e-15)
    total = up.current(v) + down.current(v)
    assert total[0] == pytest.approx(-total[1], rel=1e-14)
    assert total[0] > 0.1  # amperes leave a node far above the bias
    h = 1e-20
    for clamp in (up, down):
        np.testing.assert_allclose(clamp.current(v + 1j * h).imag / h, clamp.conductance(v), rtol=1e-14)
        np.testing.assert_allclose(clamp.content(v + 1j * h).imag / h, clamp.current(v), rtol=1e-9)


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (RangeError, r"Diode.i_s = 0.0: allowed \(0, inf\) A", {"i_s": 0.0}),
        (RangeError, r"Diode.n = -1: allowed", {"n": -1}),
        (RangeError, r"Diode.temperature = nan: allowed \(0, inf\) K", {"temperature": math.nan}),
        (RangeError, r"Diode.g_min = -1e-12: allowed \[0, inf\) S", {"g_min": -1e-12}),
        (ConfigError, r"Diode.constants: unknown 'codata2041' \(did you mean", {"constants": "codata2041"}),
        (ConfigError, r"Diode.reverse: unknown 'spice'.*allowed: shockley, spice3", {"reverse": "spice"}),
    ],
)
def test_wrong_parameters_are_refused(error, text, wrong):
    with pytest.raises(error, match=text):
        Diode(**wrong)


def test_wrong_clamps_are_refused():
    with pytest.raises(ConfigError, match=r"Clamp.anode = 'cathode': allowed node \| bias"):
        Clamp(Diode(), 0.1, "cathode")
    with pytest.raises(RangeError, match=r"Clamp.bias = inf: must be finite \[V\]"):
        Clamp(Diode(), math.inf)
