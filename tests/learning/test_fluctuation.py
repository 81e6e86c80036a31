"""Conductance noise in physical time: what is slow cancels in the contrast, what is fast is fresh in each phase."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EULER, batch_of, controller_of
from standard_errors import check_variance

from neurosim.errors import ConfigError
from neurosim.learning.estimators import OneSidedEP
from neurosim.learning.fluctuation import ConductanceNoise, Fluctuation
from neurosim.numerics.processes import PROCESSES, Telegraph, White
from neurosim.rng import Streams
from neurosim.settle import SettleOptions

TAU = 40e-9
SIGMA = 0.05


def noise_of(process, free=30.0, nudged=10.0, interval=0.0):
    return ConductanceNoise(process, TAU, free, nudged, interval)


def white(correlation):
    """Return white noise of the given correlation time, in units of tau."""
    return White(SIGMA, 1 / (2 * np.pi * correlation * TAU))


def noisy(process, scope, **fields):
    noise = noise_of(process)
    controller, state = controller_of(noise=noise, noise_scope=scope, **fields)
    return controller, replace(state, noise=noise.start(list(controller.crossbars.values()), controller.streams))


def gradient_error(process, scope, seed, **fields):
    """Return how far the gradient is from that of arrays that stay as they are read in the free phase."""
    controller, state = noisy(process, scope, seed=seed, **fields)
    x, y = batch_of(controller)
    bench = controller.bench(state, x, y)
    measured = controller.contrast(state, bench).gradient()
    if scope == "step":  # there the noise comes on top of the weights; slow noise is what it was at the start
        fluctuation = Fluctuation(controller.noise, state.noise, None)
        still = {
            name: controller.crossbars[name].weights(fluctuation.seen(controller.crossbars[name], pair))
            for name, pair in state.pairs.items()
        }
    else:
        still = bench.weights(0)
    quiet = replace(bench, weights=lambda _: still, fresh_noise=None, fluctuation=None)
    exact = controller.contrast(state, quiet).gradient()
    scale = np.sqrt(sum((g**2).sum() for g in exact.values()))
    return np.sqrt(sum(((measured[n] - exact[n]) ** 2).sum() for n in exact)) / scale


@pytest.mark.parametrize("scope", ["phase", "step"])
def test_noise_much_slower_than_an_update_cancels(scope):
    assert gradient_error(white(1e12), scope, seed=3) < 1e-4


def test_frozen_noise_cancels_whatever_its_speed():
    assert gradient_error(white(1e-3), "frozen", seed=3) < 1e-12


def test_error_of_the_contrast_follows_the_covariance_between_the_phases():
    """Two phases T apart differ by ``2 sigma^2 (1 - exp(-T/tau_c))``; the square of the error follows it."""
    fields = {"estimator": OneSidedEP(0.2)}
    times = (1e3, 30.0, 1e-3)
    errors = [np.mean([gradient_error(white(t), "phase", seed, **fields) ** 2 for seed in range(32)]) for t in times]
    shares = [1 - np.exp(-10.0 / t) for t in times]  # the free and the nudged phase end 10 tau apart
    for k in (0, 1):
        assert errors[k] / errors[2] == pytest.approx(shares[k], rel=0.4)
    assert errors[0] < 0.02 * errors[2]


@pytest.mark.parametrize("name", PROCESSES)
def test_reads_of_two_phases_differ_by_the_closed_form(name):
    process = PROCESSES[name](
        amplitude=SIGMA, bandwidth=2e5, rate_up=1e6, rate_down=5e5, f_min=1e4, f_max=1e7
    )  # fmt: skip
    controller, state = noisy(process, "phase", sizes=(120, 110, 4))
    x, y = batch_of(controller, batch=1)
    read = controller.bench(state, x, y).weights
    free, first, second = (read(k)["W1"] for k in range(3))
    pair = state.pairs["W1"]
    size = np.sqrt(pair.read_plus**2 + pair.read_minus**2) / controller.crossbars["W1"].g_ref
    for other, steps in ((first, 10), (second, 20)):
        expected = 2 * (process.covariance(0.0) - process.covariance(steps * TAU))
        check_variance(((other - free) / size).ravel(), expected)
    assert np.array_equal(read(1)["W1"], first)


def test_fast_noise_is_fresh_in_every_phase():
    controller, state = noisy(white(1e-3), "phase", sizes=(100, 100, 4))
    x, y = batch_of(controller, batch=1)
    read = controller.bench(state, x, y).weights
    size = np.hypot(state.pairs["W1"].read_plus, state.pairs["W1"].read_minus) / controller.crossbars["W1"].g_ref
    check_variance(((read(1)["W1"] - read(0)["W1"]) / size).ravel(), 2 * SIGMA**2)


def test_state_goes_on_from_update_to_update():
    controller, state = noisy(white(1e12), "phase")
    x, y = batch_of(controller)
    new, _ = controller.step(state, x, y)
    for key, held in state.noise.items():
        assert not np.array_equal(new.noise[key], held)
        np.testing.assert_allclose(new.noise[key], held, atol=1e-3)  # slow: almost where it was
    again, _ = controller.step(state, x, y)
    assert all(np.array_equal(again.noise[key], new.noise[key]) for key in new.noise)


@pytest.mark.parametrize("scope", ["frozen", "phase", "step"])
def test_an_update_lasts_as_long_as_its_phases_in_every_scope(scope):
    """Correlation over one update: free + 2 nudged phases + the interval, 50 tau + 0.4 us."""
    process = White(SIGMA, 1e5)
    noise = noise_of(process, interval=0.4e-6)
    controller, state = controller_of((120, 60, 4), noise=noise, noise_scope=scope, lr=1e-9)
    state = replace(state, noise=noise.start(list(controller.crossbars.values()), Streams(5)))
    new, _ = controller.step(state, *batch_of(controller, batch=2))
    before, after = (s.noise["W1/plus"].ravel() for s in (state, new))
    expected = process.covariance(50 * TAU + 0.4e-6) / SIGMA**2
    assert abs((before * after).mean() - expected) < 5 / np.sqrt(before.size)


def test_running_noise_has_its_correlation_inside_a_phase():
    """The drive at every step is read with conductances of its own time: the residual drive is an OU process."""
    controller, state = noisy(white(5.0), "step", sizes=(400, 300, 2))
    x, y = batch_of(controller, batch=1)
    bench = controller.bench(state, x, y)
    running, top = bench.fresh_noise(bench.x), controller.network.topology
    drives = []
    a = np.zeros((1, top.nodes))
    for t in (0.0, 1.0, 1.0, 5.0):
        drive = np.zeros_like(a)
        running.add(t, a, tuple(top.slices.values()), drive)
        drives.append(drive[0, top.slices["h1"]])
    assert np.array_equal(drives[1], drives[2])  # the same time, the same noise
    correlation = [np.corrcoef(drives[0], drives[k])[0, 1] for k in (1, 3)]
    for found, lag in zip(correlation, (1.0, 5.0), strict=True):
        assert found == pytest.approx(np.exp(-lag / 5.0), abs=4 / np.sqrt(300))


def test_running_statistics_do_not_depend_on_the_step():
    """Spread over many nodes of a linear drive that is filtered by the node: the same at dt = 0.5 and at 0.1."""
    spread = []
    for dt in (0.5, 0.1):
        options = SettleOptions(integrator="rk4", dt=dt, free_steps=round(10 / dt), nudged_steps=1)
        controller, state = noisy(white(2.0), "step", sizes=(20, 600, 2), options=options)
        quiet = replace(controller, noise=None)
        x, y = batch_of(controller, batch=1)
        u, still = (c.bench(state, x, y).free().u for c in (controller, quiet))
        spread.append((u - still)[:, controller.network.topology.slices["h1"]].std())
    assert spread[0] == pytest.approx(spread[1], rel=4 / np.sqrt(2 * 600) * np.sqrt(2))


def test_telegraph_levels_show_in_the_weights():
    controller, state = noisy(Telegraph(0.2, 1e3, 1e3), "frozen")
    x, y = batch_of(controller)
    seen, pair = controller.bench(state, x, y).weights(0)["W1"], state.pairs["W1"]
    levels = [np.where(state.noise[f"W1/{side}"], 0.1, -0.1) for side in ("plus", "minus")]
    g_ref = controller.crossbars["W1"].g_ref
    expected = (pair.read_plus * (1 + levels[0]) - pair.read_minus * (1 + levels[1])) / g_ref
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_refuses_running_noise_behind_a_readout():
    with pytest.raises(ConfigError, match=r"crossbar.noise: in a network with a readout"):
        controller_of(noise=noise_of(white(1.0)), noise_scope="step", topology={"softmax_readout": True}, options=EULER)


@pytest.mark.parametrize("network", ["layered", "predictive"])
def test_running_noise_that_stands_still_is_a_change_of_the_weights(network):
    """Also where layers are inverted: the drive at the noisy weights is the drive plus the noise."""
    controller, state = noisy(white(1e12), "step")
    top = controller.network.topology
    if network == "predictive":
        turned = tuple(replace(layer, inverted=layer.name == "h1") for layer in top.layers)
        controller = replace(controller, network=replace(controller.network, topology=replace(top, layers=turned)))
    x, y = batch_of(controller)
    bench = controller.bench(state, x, y)
    fluctuation = Fluctuation(controller.noise, state.noise, None)
    seen = {
        n: controller.crossbars[n].weights(fluctuation.seen(controller.crossbars[n], p)) for n, p in state.pairs.items()
    }
    u = np.random.default_rng(2).normal(size=(len(x), top.nodes))
    ours = bench.field().target(0.0, u, np.empty_like(u))
    theirs = replace(bench, weights=lambda _: seen, fresh_noise=None).field().target(0.0, u, np.empty_like(u))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
