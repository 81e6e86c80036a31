"""Devices that age between the phases of a step, between steps and between epochs."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EXACT, batch_of, controller_of, free_outputs
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.crossbar import Crossbar
from neurosim.devices import Ageing, Ideal
from neurosim.errors import ConfigError
from neurosim.learning.contrast import measure
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.times import Times

DEVICE = Ideal(g_min=0.0, g_max=50e-6, step=2e-8)
NU, T0 = 0.05, 2.0


def ageing_controller(law, times, *, sizes=(6, 4), backend=NUMPY, seed=3, **fields):
    """Return a controller of ageing devices, and its state."""
    controller, state = controller_of(sizes, device=DEVICE, backend=backend, seed=seed, **{"options": EXACT, **fields})
    crossbars = {
        name: Crossbar.build(
            name, c.shape, device=DEVICE, mapping="balanced", scheme="push_pull", g_ref=c.g_ref,
            read_noise=c.read_noise, streams=controller.streams, dtype="float64", ageing=law,
        )
        for name, c in controller.crossbars.items()
    }  # fmt: skip
    pairs = {name: crossbars[name].begun(pair) for name, pair in state.pairs.items()}
    return replace(controller, crossbars=crossbars, times=times), replace(state, pairs=pairs)


def contrast_of(controller, state, x, y):
    return measure(controller.bench(state, x, y), controller.estimator, controller.streams.host("estimator", 0))


def drift_bias(estimator, drive, slope, times):
    """Return the part of a contrast that drift alone makes, per output: the network has no error.

    All weights fall by the same factor ``1 - nu ln(1 + t / t0)``, so the drive d of an output is less by delta_k d in
    phase k; under beta its activity then moves by ``-sigma' delta_k d / (1 + beta sigma')``.
    """
    total, age = 0.0, times.free_phase
    for sample in estimator.samples(np.random.default_rng(0)):
        if sample.beta != 0:
            moved = -slope * NU * np.log1p(age / T0) * drive / (1 + sample.beta * slope)
            total, age = total + np.real(sample.coefficient * moved), age + times.nudged_phase
    return total


@pytest.mark.parametrize("estimator", [OneSidedEP(0.2), SymmetricEP(0.2), HolomorphicEP(0.2, 4)], ids=lambda e: e.name)
def test_drift_between_the_phases_biases_the_contrast_by_its_closed_form(estimator):
    """First order in nu: halving the exponent halves the deviation from the closed form relative to it."""
    times = Times(free_phase=0.5, nudged_phase=0.3)
    deviations = []
    for part in (1.0, 0.5):
        law = Ageing(nu=NU * part, t0=T0)
        controller, state = ageing_controller(law, times, estimator=estimator)
        x, _ = batch_of(controller)
        y = free_outputs(controller, state, x)
        found = contrast_of(controller, state, x, y)
        w = controller.weights(state)
        drive = x @ w["W1"] + w["b1"]
        sigma = controller.network.activation
        slope = sigma.slope(drive)
        bias = drift_bias(estimator, drive, slope, times) * part
        expected, measured = -(x.T @ bias) / len(x), found.gradient()["W1"]
        deviations.append(np.abs(measured - expected).max() / np.abs(expected).max())
    assert deviations[0] < 0.02
    assert deviations[1] == pytest.approx(deviations[0] / 2, rel=0.1)


def test_the_bias_grows_as_one_over_beta_and_is_gone_when_phases_take_no_time():
    law, sizes = Ageing(nu=NU, t0=T0), []
    for beta in (0.02, 0.01):
        controller, state = ageing_controller(law, Times(nudged_phase=0.3), estimator=SymmetricEP(beta))
        x, _ = batch_of(controller)
        y = free_outputs(controller, state, x)
        sizes.append(np.abs(contrast_of(controller, state, x, y).gradient()["W1"]).max())
        still = replace(controller, times=Times(update=5.0))
        assert np.abs(contrast_of(still, state, x, y).gradient()["W1"]).max() < 1e-9
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.02)


def test_a_step_takes_the_time_of_its_phases_and_of_the_update():
    times = Times(free_phase=0.5, nudged_phase=0.3, update=7.0, epoch=100.0)
    controller, state = ageing_controller(Ageing(nu=NU, t0=T0), times, lr=1e-300, estimator=SymmetricEP(0.2))
    x, y = batch_of(controller)
    for k in (1, 2):
        state, _ = controller.step(state, x, y)
        np.testing.assert_allclose(state.pairs["W1"].past_plus.age, k * (0.5 + 2 * 0.3 + 7.0), rtol=1e-12)
    state = controller.pause(state)
    np.testing.assert_allclose(state.pairs["W1"].past_plus.age, 2 * 8.1 + 100.0, rtol=1e-12)


def test_phases_of_one_step_walk_on_and_the_step_programs_what_they_ended_with():
    times = Times(free_phase=0.5, nudged_phase=0.5)
    law = Ageing(diffusion=1e-7)
    controller, state = ageing_controller(law, times, lr=1e-300, estimator=SymmetricEP(0.2))
    x, y = batch_of(controller)
    bench = controller.bench(state, x, y)
    seen = [bench.weights(k)["W1"] for k in range(4)]
    assert np.array_equal(seen[0], controller.weights(state)["W1"])
    for k in (1, 2, 3):
        assert np.all(seen[k] != seen[k - 1])
    assert np.array_equal(controller.bench(state, x, y).weights(2)["W1"], seen[2])
    after, _ = controller.step(state, x, y)
    np.testing.assert_allclose(controller.weights(after)["W1"], seen[3], rtol=1e-12)


def test_frozen_read_noise_is_one_draw_on_conductances_of_every_age():
    law, times = Ageing(nu=NU, t0=T0), Times(free_phase=1.0, nudged_phase=1.0)
    seen = {}
    for scope in ("frozen", "phase"):
        controller, state = ageing_controller(law, times, read_noise=0.05, noise_scope=scope)
        bench = controller.bench(state, *batch_of(controller))
        seen[scope] = [bench.weights(k)["W1"] for k in (0, 2)]
    factor = (1 + 2.0 / T0) ** -NU
    np.testing.assert_allclose(seen["frozen"][1], factor * seen["frozen"][0], rtol=1e-12)
    assert np.abs(seen["phase"][1] - factor * seen["phase"][0]).max() > 0.01
    controller, state = ageing_controller(law, times, read_noise=0.05, noise_scope="step")
    with pytest.raises(ConfigError, match="not modelled where devices age between phases"):
        controller.bench(state, *batch_of(controller))


def test_same_numbers_on_a_device_backend():
    results = []
    law = Ageing(nu=NU, nu_spread=0.3, t0=T0, diffusion=1e-8)
    for backend in (NUMPY, STRICT):
        controller, state = ageing_controller(
            law, Times(0.5, 0.5, 1.0), sizes=(6, 5, 4), backend=backend, options=controller_of()[0].options
        )
        x, y = batch_of(controller, backend=backend)
        for _ in range(2):
            state, _ = controller.step(state, x, y)
        results.append(backend.to_host(controller.weights(state)["W1"]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9, atol=1e-12)
