"""Always-on EP in continuous time: dwell, periods, lag, and the free state from the running average."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.learning.contrast import measure_continuous, measure_phases
from neurosim.learning.estimators import OneSidedEP, OscillatingEP
from neurosim.learning.reference import alignment, measure_rbp, relative_error
from neurosim.settle import SettleOptions

EULER = SettleOptions(dt=1.0)


def cosine_to_exact(bench, estimator, exact):
    return alignment(measure_continuous(bench, estimator).gradient(), exact)["total"]


def mnist_like():
    """784-256-256-10 with a softmax readout, N = 10, beta = 0.5, on sparse random images.

    The published weights are not stated; a std of 0.045 relaxes about as fast as the published residuals say.
    """
    rng = np.random.default_rng(0)
    bench = bench_of((784, 256, 256, 10), options=EULER, batch=10, softmax_readout=True)
    weights = {
        name: (rng.standard_normal(w.shape) * (0.0 if name.startswith("b") else 0.045)).astype(np.float32)
        for name, w in bench.weights(0).items()
    }
    x = rng.random(bench.x.shape) * (rng.random(bench.x.shape) < 0.2)
    return replace(bench, weights=lambda _: weights, x=x.astype(np.float32), y=np.eye(10, dtype=np.float32))


def test_dwell_and_periods_order_as_published():
    """Laborieux and Zenke 2022: cosine grows with dwell and with periods; > 0.99 at 20 steps and one period."""
    bench = mnist_like()
    exact = measure_rbp(bench, 1e-5).gradient()
    found = {
        (dwell, periods): cosine_to_exact(bench, OscillatingEP(0.5, points=10, dwell=dwell, periods=periods), exact)
        for dwell, periods in [(5, 1), (5, 3), (5, 10), (10, 1), (10, 3), (20, 1), (20, 3), (30, 1)]
    }
    assert found[20, 1] > 0.99
    assert found[5, 1] < found[5, 3] < found[5, 10]
    assert found[10, 1] < found[10, 3]
    assert found[5, 1] < found[10, 1] < found[20, 1] <= found[30, 1] + 1e-4
    assert found[5, 10] < found[10, 3] < found[20, 3]


def test_rotation_averages_to_the_free_state():
    bench = bench_of(options=EULER)
    free = bench.exact(1e-13).free().a
    far = measure_continuous(bench, OscillatingEP(0.1, points=2, dwell=60, discard=1)).free_activity
    near = measure_continuous(bench, OscillatingEP(0.1, points=6, dwell=60, discard=1)).free_activity
    assert abs(near - free).max() < 1e-3 * abs(far - free).max()


@pytest.mark.parametrize("waveform", ["rotation", "cosine"])
@pytest.mark.parametrize("integrator", ["euler", "rk4"])
def test_residual_tells_whether_the_signal_was_slow_enough(waveform, integrator):
    """It is taken under the beta that was last applied: a rotation has then settled, however large its next step."""
    bench = bench_of(options=SettleOptions(integrator=integrator, dt=0.5))
    worst = [
        measure_continuous(bench, OscillatingEP(0.2, waveform, points=4, dwell=dwell)).residual.max()
        for dwell in (10, 40, 160)
    ]
    assert worst[0] > 4 * worst[1] > 16 * worst[2]
    assert worst[2] < 1e-4


@pytest.mark.parametrize("harmonics", [1, 3])
def test_slow_cosine_reaches_the_quasi_static_value(harmonics):
    bench = bench_of(options=EULER)
    estimator = OscillatingEP(0.1, "cosine", 12, dwell=400, periods=1, discard=1, harmonics=harmonics)
    static = measure_phases(bench.exact(1e-13), estimator, np.random.default_rng(0)).gradient()
    running = measure_continuous(bench, estimator).gradient()
    assert relative_error(running, static) < 1e-4


def lag_bench():
    options = SettleOptions(integrator="rk4", dt=0.02)
    return bench_of((12, 8, 8, 4), options=options, gain=0.5)


def lock_in(omega_tau, bench, beta=0.02, points=24):
    """In-phase lock-in at omega tau: the network runs under the cosine, one period is discarded."""
    dwell = max(1, round(2 * np.pi / (omega_tau * points * bench.options.dt)))
    options = replace(bench.options, dt=2 * np.pi / (omega_tau * points * dwell))
    estimator = OscillatingEP(beta, "cosine", points, dwell=dwell, periods=1, discard=3)
    return measure_continuous(replace(bench, options=options), estimator).gradient()


def test_in_phase_error_grows_with_the_square_of_omega_tau():
    """A single mode has gain 1 / (1 + i omega tau / lambda): its in-phase part misses (omega tau / lambda)^2."""
    bench = lag_bench()
    estimator = OscillatingEP(0.02, "cosine", 24)
    static = measure_phases(bench.exact(1e-14), estimator, np.random.default_rng(0)).gradient()
    omegas = np.array([0.05, 0.1, 0.2])
    errors = [relative_error(lock_in(w, bench), static) for w in omegas]
    assert np.polyfit(np.log(omegas), np.log(errors), 1)[0] == pytest.approx(2, abs=0.15)


def test_first_layer_flips_its_sign_at_omega_tau_one():
    """Every layer adds lag: at omega tau = 1 the first array's in-phase gradient has turned by half a period."""
    bench = lag_bench()
    exact = measure_rbp(bench, 1e-13).gradient()
    fast, slow = alignment(lock_in(1.0, bench), exact), alignment(lock_in(0.1, bench), exact)
    assert fast["W1"] < -0.9
    assert slow["W1"] > 0.999
    assert fast["W3"] > 0.9


def test_always_on_beats_one_sided_at_the_same_beta():
    bench = bench_of(options=EULER)
    exact = measure_rbp(bench, 1e-13).gradient()
    rotating = cosine_to_exact(bench, OscillatingEP(0.3, points=6, dwell=30), exact)
    one_sided = alignment(
        measure_phases(bench.exact(1e-13), OneSidedEP(0.3), np.random.default_rng(0)).gradient(), exact
    )["total"]
    assert rotating > one_sided


def test_a_stepped_signal_has_both_limits_at_its_jumps():
    signal = OscillatingEP(0.2, points=4, dwell=7).signal(0.3)
    for k in range(9):
        t = k * 7 * 0.3
        assert signal(t) == signal(t + 0.1)
        assert signal.before(t) == signal.before(t - 0.1) == signal(t - 0.1)
        assert signal(t) != signal.before(t)
        assert signal(t + 1.0) == signal.before(t + 1.0)
    cosine = OscillatingEP(0.2, "cosine", 8, dwell=7).signal(0.3)
    assert cosine.before(1.7) == cosine(1.7)
