"""Thermal noise of rate networks: from the noise currents of all conductances to the deviation of each node."""

import math
from dataclasses import replace

import numpy as np
import pytest
from small_controller import EULER, batch_of, controller_of

from neurosim.errors import ConfigError
from neurosim.learning.thermal import thermal_deviation
from neurosim.networks.resistive.thermal import BOLTZMANN
from neurosim.settle import SettleOptions
from neurosim.units import Scale

SCALE = Scale(v_ref=0.01, g_ref=50e-6 / 8, c_node=1e-13)


def test_deviation_is_that_of_white_currents_on_one_pole():
    """Simulated in SI: currents of density 4kTG for every conductance, into g_ref parallel to C."""
    controller, state = controller_of((6, 5, 4))
    found = thermal_deviation(controller.network, controller.crossbars, state.pairs, 300.0, SCALE)
    top = controller.network.topology
    pair, bias, ahead = (state.pairs[name] for name in ("W1", "b1", "W2"))
    node = 2  # of h1: a column of W1 and of b1, a row of W2
    devices = np.concatenate(
        [part[:, node] for part in (pair.g_plus, pair.g_minus, bias.g_plus, bias.g_minus)]
        + [ahead.g_plus[node], ahead.g_minus[node], [SCALE.g_ref]]
    )
    rng, dt, v = np.random.default_rng(2), 0.02 * SCALE.tau, np.zeros(20000)
    decay = math.exp(-0.02)
    for _ in range(250):
        current = rng.standard_normal((v.size,)) * math.sqrt(4 * BOLTZMANN * 300.0 * devices.sum() / (2 * dt))
        v = v * decay + current / SCALE.g_ref * (1 - decay)
    assert v.std() / SCALE.v_ref == pytest.approx(found[top.slices["h1"]][node], rel=0.03)


def test_without_conductances_it_is_kt_over_c_of_the_leak():
    controller, state = controller_of((6, 5, 4))
    empty = {
        name: replace(p, read_plus=p.read_plus * 0, read_minus=p.read_minus * 0) for name, p in state.pairs.items()
    }
    found = thermal_deviation(controller.network, controller.crossbars, empty, 300.0, SCALE)
    np.testing.assert_allclose(found, math.sqrt(BOLTZMANN * 300.0 / 1e-13) / 0.01, rtol=1e-12)


def test_the_controller_settles_with_it():
    options = SettleOptions(integrator="euler", dt=0.5, free_steps=40, nudged_steps=5, temperature=300.0)
    controller, state = controller_of((6, 5), options=options, scale=SCALE)  # no layer feeds back
    x, y = batch_of(controller, batch=1)
    many = np.tile(x, (4000, 1)), np.tile(y, (4000, 1))
    bench = controller.bench(state, *many)
    quiet = replace(bench, options=replace(bench.options, noise=0.0), rng=None)
    expected = thermal_deviation(controller.network, controller.crossbars, state.pairs, 300.0, SCALE)
    spread = (bench.free().u - quiet.free().u).std(axis=0)
    np.testing.assert_allclose(spread, expected, rtol=0.05)
    exact = bench.exact(1e-12)
    assert exact.options.temperature == 0
    assert exact.options.noise == 0


def test_it_adds_to_the_state_noise_and_goes_with_the_root_of_the_temperature():
    deviations = []
    for temperature in (75.0, 300.0):
        controller, state = controller_of((6, 5, 4), options=replace(EULER, temperature=temperature), scale=SCALE)
        deviations.append(controller.bench(state, *batch_of(controller)).options.noise)
    np.testing.assert_allclose(deviations[1], 2 * deviations[0], rtol=1e-12)
    controller, state = controller_of((6, 5, 4), options=replace(EULER, temperature=300.0, noise=0.2), scale=SCALE)
    both = controller.bench(state, *batch_of(controller)).options.noise
    np.testing.assert_allclose(both**2, deviations[1] ** 2 + 0.04, rtol=1e-12)


def test_needs_its_units():
    controller, state = controller_of((6, 5, 4), options=replace(EULER, temperature=300.0))
    with pytest.raises(ConfigError, match="needs the units"):
        controller.bench(state, *batch_of(controller))
