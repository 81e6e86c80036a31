"""Energies of a settling: closed forms, conservation, order in the step, and the time to settle."""

import math
from dataclasses import replace

import numpy as np
import pytest
from networks.power.test_power import rate_power
from resistive_net import KINDS, SCALE
from resistive_net import bench_of as resistive_bench
from small_net import bench_of

from neurosim.energy import metered
from neurosim.gradcheck import fitted_slope
from neurosim.learning.bench import Bench
from neurosim.networks.nudge import Nudge
from neurosim.networks.power import ResistivePower
from neurosim.networks.resistive import Conductances, layered_resistive
from neurosim.settle import SettleOptions

RK4 = SettleOptions(integrator="rk4", dt=0.05, tolerance=1e-3)
STIFF = SettleOptions(integrator="sdirk4", dt=0.02, tolerance=1e-3)


def single_node(up, down, x=0.7):
    """Return a bench on one node joined to x by `up` and to -x by `down`, in units of g_ref."""
    network = layered_resistive((1, 1), scale=SCALE, bias=False)
    read = {"W1": Conductances(np.array([[up], [down]]))}
    return Bench(network, lambda _: read, np.array([[x]]), np.array([[0.0]]), STIFF)


def run(bench, power, steps, options, nudge=None):
    return metered(bench.field(nudge), power, bench.start(), steps, options)


@pytest.mark.parametrize("g", [0.3, 2.0])
def test_charging_a_capacitance_heats_the_resistor_with_half_of_what_the_source_gives(g):
    """Source ``C V^2 (1 - e^-t)``, heat ``1/2 C V^2 (1 - e^-2t)`` after t = G T / C."""
    bench = single_node(g, 0.0)
    found = run(bench, ResistivePower(bench.network, bench.weights(0), bench.x), 500, replace(STIFF, dt=0.02))
    t = g * 500 * 0.02
    assert found.supplied[0] == pytest.approx(0.7**2 * (1 - math.exp(-t)), rel=1e-6)
    assert found.heat[0] == pytest.approx(0.5 * 0.7**2 * (1 - math.exp(-2 * t)), rel=1e-6)
    assert found.stored[0] == pytest.approx(0.5 * 0.7**2 * (1 - math.exp(-t)) ** 2, rel=1e-6)


def test_a_divider_at_rest_takes_the_power_of_both_resistors_in_series():
    """``V^2 / (R1 + R2)`` with V = 2 x across both."""
    bench = single_node(3.0, 1.0)
    power = ResistivePower(bench.network, bench.weights(0), bench.x)
    start = np.array([[0.7 * (3.0 - 1.0) / (3.0 + 1.0)]])
    found = metered(bench.field(), power, start, 50, STIFF)
    expected = (2 * 0.7) ** 2 / (1 / 3.0 + 1 / 1.0) * 50 * 0.02
    assert found.heat[0] == pytest.approx(expected, rel=1e-6)
    assert found.supplied[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_energy_is_conserved_in_passive_networks(kind):
    bench = resistive_bench(kind)
    nudge = Nudge(bench.cost(), bench.y, 0.4)
    power = ResistivePower(bench.network, bench.weights(0), bench.x, nudge)
    found = run(bench, power, 300, replace(STIFF, dt=0.005), nudge)
    np.testing.assert_allclose(found.supplied, found.heat + found.stored, rtol=1e-6)


@pytest.mark.parametrize("beta", [None, 0.3, 0.2 + 0.2j])
def test_energy_is_conserved_in_rate_networks(beta):
    bench = bench_of()
    nudge = None if beta is None else Nudge(bench.cost(), bench.y, beta)
    power, _ = rate_power(bench, nudge)
    start = bench.start(complex if isinstance(beta, complex) else None)
    found = metered(bench.field(nudge), power, start, 200, RK4)
    np.testing.assert_allclose(found.supplied, found.heat + found.stored, rtol=1e-6)


def test_the_error_falls_with_the_fourth_power_of_the_step():
    bench = bench_of()
    power, _ = rate_power(bench)

    def heat(dt):
        return run(bench, power, round(4 / dt), replace(RK4, dt=dt)).dissipated["array/W2"]

    exact, steps = heat(0.01), (0.1, 0.2, 0.4)
    errors = [float(np.abs(heat(dt) - exact).max()) for dt in steps]
    assert fitted_slope(steps, errors) == pytest.approx(4, abs=0.4)


def test_time_to_settle_of_a_single_node():
    """The residual ``g (v_end - v)`` of a node falls as exp(-g t), so it passes the tolerance at a known time."""
    bench = single_node(2.0, 0.0)
    power = ResistivePower(bench.network, bench.weights(0), bench.x)
    found = run(bench, power, 400, replace(STIFF, dt=0.02, tolerance=1e-3))
    expected = math.log(2.0 * 0.7 / 1e-3) / 2.0
    assert found.settling_time[0] == pytest.approx(expected, abs=0.02)
    never = run(bench, power, 20, replace(STIFF, dt=0.02, tolerance=1e-9))
    assert math.isinf(never.settling_time[0])
