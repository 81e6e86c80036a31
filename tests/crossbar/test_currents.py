"""Devices that are not ohmic in a wired array: contract of the curves, closed forms, limits, and ngspice."""

from dataclasses import replace

import numpy as np
import pytest
from spice.engine_required import engine

from neurosim.crossbar.currents import CURRENTS, Ohmic, Polynomial, Sinh
from neurosim.crossbar.nodal import LineFaults
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.crosscheck.array import PassiveArray
from neurosim.errors import ConfigError, RangeError
from neurosim.numerics.status import Status
from neurosim.spice.analyses import OperatingPoint
from neurosim.spice.elements import behavioural_current

WIRES = Wires(r_row=20.0, r_col=30.0, r_source=100.0, r_sense=50.0)
CURVES = {"ohmic": Ohmic(), "sinh": Sinh(0.08), "polynomial": Polynomial((20.0, 5.0))}


def array(rows=5, cols=4, seed=0):
    return np.exp(np.random.default_rng(seed).uniform(np.log(1e-5), np.log(1e-3), (rows, cols)))


def volts(reads, n, seed=1):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (reads, n))


@pytest.mark.parametrize("name", CURRENTS)
def test_a_curve_is_odd_and_increasing_with_its_slope_and_unit_slope_at_zero(name):
    curve, v, h = CURVES[name], np.linspace(-0.5, 0.5, 101), 1e-6
    assert curve.name == name
    np.testing.assert_allclose(curve.value(-v), -curve.value(v), rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(curve.slope(v), (curve.value(v + h) - curve.value(v - h)) / (2 * h), rtol=1e-7)
    assert curve.slope(v).min() >= 1
    assert curve.slope(np.zeros(1))[0] == 1
    text = curve.formula("x").replace("sinh", "np.sinh")
    np.testing.assert_allclose([eval(text, {"np": np, "x": x}) for x in v], curve.value(v), rtol=1e-13, atol=1e-16)  # noqa: S307


@pytest.mark.parametrize("name", [name for name in CURRENTS if name != "ohmic"])
@pytest.mark.parametrize("wires", [WIRES, Wires(), Wires(r_col=30.0), Wires(r_source=100.0)], ids=str)
def test_currents_balance_and_kirchhoff_holds(name, wires):
    g, v, u = array(), volts(3, 5), volts(3, 4, 2)
    found = WiredArray(g, wires, current=CURVES[name]).read(v, u)
    assert (found.status, found.method) == (Status.SETTLED, "newton")
    assert found.residual.max() <= 1e-12
    assert found.figure_of_merit == wires.figure_of_merit(g)
    np.testing.assert_allclose(found.rows.sum(axis=1), found.columns.sum(axis=1), rtol=0, atol=1e-12)
    ohmic = WiredArray(g, wires).read(v, u)
    assert abs(found.columns / ohmic.columns - 1).max() > 0.05
    if wires == Wires():
        across = v[:, :, None] - u[:, None, :]
        np.testing.assert_allclose(found.columns, (g * CURVES[name].value(across)).sum(axis=1), rtol=1e-12)


def test_one_device_in_series_with_its_lines():
    r, g, v = 230.0, 1e-3, 0.3
    found = WiredArray(np.array([[g]]), Wires(60.0, 70.0, 60.0, 40.0), current=Sinh(0.05)).read(np.array([[v]]))
    current = found.columns[0, 0]
    assert current == pytest.approx(g * 0.05 * np.sinh((v - r * current) / 0.05), rel=1e-10)


@pytest.mark.parametrize("make", [lambda s: Sinh(0.3 / s), lambda s: Polynomial((2.0 * s * s,))], ids=["sinh", "poly"])
def test_the_ohmic_limit_is_reached_with_the_square_of_the_voltage(make):
    v = volts(1, 5)
    ohmic = WiredArray(array(), WIRES).read(v).columns
    deviation = [abs(WiredArray(array(), WIRES, current=make(s)).read(v).columns - ohmic).max() for s in (0.1, 0.05)]
    assert np.log2(deviation[0] / deviation[1]) == pytest.approx(2, abs=0.02)


def test_ohmic_newton_is_the_direct_read():
    curve = replace(Ohmic(), ohmic=False)
    wired = WiredArray(array(), WIRES, current=curve)
    found, direct = wired.read(volts(2, 5)), WiredArray(array(), WIRES).read(volts(2, 5), method="direct")
    np.testing.assert_allclose(found.columns, direct.columns, rtol=1e-12)
    assert found.iterations == 0


@pytest.mark.parametrize("name", [name for name in CURRENTS if name != "ohmic"])
@pytest.mark.parametrize("v0", [0.2, 0.01], ids=["gentle", "steep"])
def test_currents_equal_those_of_ngspice(name, v0):
    curve = Sinh(v0) if name == "sinh" else Polynomial((1 / (6 * v0**2),))
    g, v = array(), volts(1, 5)[0] * (1 if v0 > 0.1 else 0.5)
    plain = PassiveArray(g, WIRES, v).circuit()
    sections = []
    for section in plain.sections:
        elements = []
        for e in section.elements:
            parts = e.name.split("_")
            if e.name.startswith("r_g_") and len(parts) == 4 and parts[2].isdigit():
                a, b = e.nodes
                siemens = float(g[int(parts[2]), int(parts[3])])
                text = f"{siemens:.17g}*{curve.formula(f'v({a})-v({b})')}"
                e = behavioural_current(e.name[2:], a, b, text, conducts=True)
            elements.append(e)
        sections.append(replace(section, elements=tuple(elements)))
    vectors = [f"i(v_sense_{j})" for j in range(4)]
    text = replace(plain, sections=tuple(sections)).text(OperatingPoint(), vectors)
    assert text.count("\nb_g_") == g.size
    plot = engine("ngspice").run(text, vectors=vectors)[-1]
    theirs = np.array([float(plot.current(f"v_sense_{j}")[0]) for j in range(4)])
    found = WiredArray(g, WIRES, current=curve).read(v[None])
    assert found.status is Status.SETTLED
    np.testing.assert_allclose(found.columns[0], theirs, rtol=0, atol=1e-9 * abs(theirs).max())


def test_a_step_limit_is_a_status_with_the_residual_reached():
    wired = WiredArray(array(), WIRES, current=Sinh(0.02))
    short, long = wired.read(volts(1, 5), max_steps=1), wired.read(volts(1, 5))
    assert (short.status, long.status) == (Status.UNSETTLED, Status.SETTLED)
    assert short.residual.max() > 1e-12 >= long.residual.max()
    overflow = WiredArray(array(), WIRES, current=Sinh(1e-4)).read(volts(1, 5))
    assert overflow.status is Status.DIVERGED
    assert not overflow.residual.max() <= 1e-12


def test_faults_and_open_devices():
    g = array()
    g[1] = 0.0
    found = WiredArray(g, WIRES, faults=LineFaults(open_rows=((1, 2), (3, 0))), current=Sinh(0.1)).read(volts(1, 5))
    assert found.status is Status.SETTLED
    assert found.rows[0, 3] == 0
    assert abs(found.rows[0, 1]) <= 1e-15


def test_wrong_use_is_refused():
    wired = WiredArray(array(), WIRES, current=Sinh(0.1))
    for ask in (wired.effective, wired.admittance):
        with pytest.raises(ConfigError, match=r"devices with current 'sinh' are no matrix; use read\(\)"):
            ask()
    with pytest.raises(ConfigError, match="method = 'direct' is for ohmic devices"):
        wired.read(volts(1, 5), method="direct")
    with pytest.raises(RangeError, match=r"current sinh: v0 = 0\.0"):
        Sinh(0.0)
    with pytest.raises(RangeError, match=r"current polynomial: a_2 = -1.0: allowed \[0, inf\) 1/V\^4"):
        Polynomial((1.0, -1.0))
