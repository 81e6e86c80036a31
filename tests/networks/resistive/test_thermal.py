"""Thermal noise of passive networks: kT/C on every node, at every step, and its conductances through the bandwidth."""

import math

import numpy as np
import pytest
from resistive_net import network_of

from neurosim.errors import ConfigError, RangeError
from neurosim.networks.cost import SquaredError
from neurosim.networks.nudge import Nudge
from neurosim.networks.resistive import Conductances, Diode, Stage, antiparallel, layered_resistive
from neurosim.networks.resistive.thermal import BOLTZMANN
from neurosim.settle import SettleOptions, transient
from neurosim.units import Scale

SCALE = Scale(v_ref=1e-3, g_ref=1e-4, c_node=1e-12)
KT_C = BOLTZMANN * 300.0 / 1e-12 / 1e-3**2
"""kT/C of 1 pF at 300 K in units of v_ref^2: (64 uV / 1 mV)^2."""


def noisy(network, conductances, *, samples=2000, dt=0.2, time=8.0, integrator="rk4", nudge=None, seed=4):
    options = SettleOptions(integrator=integrator, dt=dt, temperature=300.0)
    field = network.bind(conductances, np.zeros((samples, 1)), nudge=nudge)
    start = np.zeros((samples, network.topology.nodes))
    rng = np.random.Generator(np.random.SFC64(seed))
    return transient(field, start, round(time / dt), options, rng=rng).u


def rc(conductance):
    """Return ten nodes, each behind a resistor of its own, and the conductances."""
    network = layered_resistive((1, 10), scale=SCALE, bias=False, inputs="pairs")
    return network, {"W1": Conductances(np.full((1, 10), conductance), np.zeros((1, 10)))}


@pytest.mark.parametrize(("integrator", "dt"), [("sdirk4", 2.0), ("rk4", 0.1), ("rk4", 0.8), ("euler", 0.3)])
@pytest.mark.parametrize("conductance", [0.5, 2.0])
def test_an_rc_node_reaches_kt_over_c_whatever_its_resistor(conductance, integrator, dt):
    u = noisy(*rc(conductance), dt=dt, integrator=integrator)
    assert u.var() == pytest.approx(KT_C, rel=0.03)
    assert u.mean() == pytest.approx(0.0, abs=4 * math.sqrt(KT_C / u.size))


def test_it_is_what_the_noise_current_of_the_resistor_makes():
    """White noise of density 4kTG, drawn as a current per step and integrated by hand."""
    g, c, dt, rng = 2e-4, 1e-12, 1e-10, np.random.Generator(np.random.SFC64(1))  # tau = 5 ns
    v = np.zeros(20000)
    for _ in range(300):
        current = math.sqrt(4 * BOLTZMANN * 300.0 * g / (2 * dt)) * rng.standard_normal(v.shape)
        decay = math.exp(-g * dt / c)
        v = v * decay + current / g * (1 - decay)
    assert v.var() / 1e-3**2 == pytest.approx(KT_C, rel=0.03)


def test_coupled_nodes_of_unequal_capacitance_have_kt_over_c_each_and_no_covariance():
    network = layered_resistive((1, 2, 2), scale=SCALE, rate=np.array([1.0, 2.0, 0.5, 1.0]))
    rng = np.random.default_rng(5)
    given = {s.name: Conductances(rng.uniform(0.2, 2, network.topology.shape(s))) for s in network.topology.synapses}
    u = noisy(network, given, samples=20000)
    expected = KT_C * np.diag([1.0, 2.0, 0.5, 1.0])
    np.testing.assert_allclose(np.cov(u.T), expected, atol=0.04 * KT_C)


def test_a_nudge_is_a_conductance_of_its_own():
    network, given = rc(1.0)
    nudge = Nudge(SquaredError(), np.zeros((2000, 10)), np.full((2000, 1), 3.0))
    assert noisy(network, given, nudge=nudge).var() == pytest.approx(KT_C, rel=0.03)


def test_correlation_in_time_is_that_of_the_network():
    network, given = rc(2.0)
    field, rng = network.bind(given, np.zeros((2000, 1))), np.random.Generator(np.random.SFC64(3))
    states = []
    options = SettleOptions(integrator="rk4", dt=0.1, temperature=300.0)
    transient(
        field, np.zeros((2000, 10)), 60, options, rng=rng, observe=lambda k, t, u: states.append(u.copy())
    )  # fmt: skip
    correlation = (states[49] * states[54]).mean() / KT_C
    assert correlation == pytest.approx(math.exp(-2.0 * 0.5), abs=0.03)


def diodes():
    return antiparallel(Diode(i_s=2e-6, n=1.5), 0.02)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ({"clamps": diodes()}, "noise of their own"),
        ({"stage": Stage(4.0), "leak": 0.1}, "noise of their own"),
    ],
)
def test_refuses_what_is_not_in_equilibrium(kind, text):
    network = network_of("doubled", (1, 2, 1), **kind)
    given = {s.name: Conductances(np.ones(network.topology.shape(s))) for s in network.topology.synapses}
    with pytest.raises(ConfigError, match=text):
        noisy(network, given, samples=2)


def test_refuses_a_nudge_without_equilibrium_and_a_cold_network():
    network, given = rc(1.0)
    nudge = Nudge(SquaredError(), np.zeros((2, 10)), np.full((2, 1), -3.0))
    with pytest.raises(RangeError, match="no equilibrium"):
        noisy(network, given, samples=2, nudge=nudge)
    with pytest.raises(RangeError, match=r"temperature = -1\.0"):
        transient(network.bind(given, np.zeros((1, 1))), np.zeros((1, 10)), 1, SettleOptions(temperature=-1.0))
