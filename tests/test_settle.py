"""transient and operating_point: the same fixed point, its residual and its status."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.errors import ConvergenceError
from neurosim.networks.cost import SquaredError
from neurosim.networks.nudge import Nudge
from neurosim.numerics.fixed_point import SOLVERS
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.numerics.status import Status
from neurosim.settle import ADAPTIVE, SettleOptions, operating_point, transient


def field_of(bench, beta=0.0):
    network, weights = bench.network, bench.weights(0)
    return network.bind(weights, network.static_drive(weights, bench.x), nudge=Nudge(SquaredError(), bench.y, beta))


@pytest.mark.parametrize("solver", list(SOLVERS))
@pytest.mark.parametrize("beta", [0.0, 0.3, -0.1, 0.1 + 0.2j])
@pytest.mark.parametrize("sizes", [(12, 4), (12, 8, 4), (12, 8, 8, 6, 4)])
def test_every_solver_finds_the_fixed_point_of_a_long_transient(solver, beta, sizes):
    bench = bench_of(sizes)
    start = bench.start(complex if isinstance(beta, complex) else float)
    options = SettleOptions(integrator="rk4", dt=0.25, tolerance=1e-11, solver=solver, max_sweeps=2000)
    slow = transient(field_of(bench, beta), start, 400, options)
    fast = operating_point(field_of(bench, beta), start, options)
    assert slow.status is Status.SETTLED
    assert fast.status is Status.SETTLED
    np.testing.assert_allclose(fast.u, slow.u, rtol=0, atol=1e-10)
    assert float(fast.residual.max()) <= 1e-11


@pytest.mark.parametrize("integrator", [*INTEGRATORS, ADAPTIVE])
def test_every_integrator_settles_to_the_operating_point(integrator):
    bench = bench_of()
    options = SettleOptions(integrator=integrator, dt=0.5, tolerance=1e-8, rtol=1e-9, atol=1e-11)
    slow = transient(field_of(bench), bench.start(), 120, options)
    fast = operating_point(field_of(bench), bench.start(), options)
    assert slow.status is Status.SETTLED
    np.testing.assert_allclose(slow.a, fast.a, atol=1e-7)


def test_euler_at_dt_tau_is_the_discrete_iteration_of_the_literature():
    bench = bench_of((6, 5, 4))
    w, x = bench.weights(0), bench.x
    sigma = lambda z: 1 / (1 + np.exp(-4 * z + 2))  # noqa: E731
    s1, s2 = sigma(np.zeros((5, 5))), sigma(np.zeros((5, 4)))
    for _ in range(7):
        s1, s2 = sigma(x @ w["W1"] + w["b1"] + s2 @ w["W2"].T), sigma(s1 @ w["W2"] + w["b2"])
    found = transient(field_of(bench), bench.start(), 7, SettleOptions())
    np.testing.assert_allclose(found.a, np.hstack([s1, s2]), rtol=1e-12)


def test_free_relaxation_lowers_the_energy_with_tied_weights():
    """With E = sum of integrals of sigma^-1 minus Phi, dE/dt = -(drive - u) sigma'(u) (drive - u) <= 0."""
    bench = bench_of((6, 5, 4))
    w, top, u_seen = bench.weights(0), bench.network.topology, []
    options = SettleOptions(integrator="rk4", dt=0.05)
    transient(field_of(bench), bench.start(), 200, options, observe=lambda k, t, u: u_seen.append(u.copy()))
    static = bench.network.static_drive(w, bench.x)

    def energy(u):
        a = bench.network.activation.value(u)
        h, o = a[:, top.slices["h1"]], a[:, top.slices["out"]]
        entropy = a * np.log(a) + (1 - a) * np.log(1 - a)  # integral of sigma^-1(a) = (logit a + 2)/4
        leak = (entropy / 4 + a / 2).sum(axis=1)
        return leak - (static * a).sum(axis=1) - np.einsum("bi,ij,bj->b", h, w["W2"], o)

    energies = np.array([energy(u) for u in u_seen])
    assert (np.diff(energies, axis=0) < 1e-14).all()
    assert (energies[0] - energies[-1] > 1e-3).all()


def test_time_constants_change_the_path_but_not_the_fixed_point():
    bench = bench_of()
    rate = np.exp(0.5 * np.random.default_rng(0).standard_normal(bench.network.topology.nodes))
    spread = replace(bench, network=replace(bench.network, rate=rate))
    options = SettleOptions(integrator="exponential_euler", dt=0.2, tolerance=1e-9)
    short = [transient(field_of(b), b.start(), 5, options).u for b in (bench, spread)]
    long = [transient(field_of(b), b.start(), 1000, options).u for b in (bench, spread)]
    assert abs(short[0] - short[1]).max() > 1e-2
    np.testing.assert_allclose(long[0], long[1], atol=1e-9)


@pytest.mark.parametrize("integrator", ["euler", "exponential_euler", "heun"])
def test_state_noise_has_the_same_variance_at_every_dt(integrator):
    """Two steps of dt, one stationary spread: the noise is a process, not a draw per step."""
    bench = bench_of((6, 4, 3), batch=400, gain=0.05)
    sigma, spreads = 0.05, []
    for dt in (0.5, 0.1):
        options = SettleOptions(integrator=integrator, dt=dt, noise=sigma)
        states = []
        transient(
            field_of(bench),
            bench.start(),
            round(40 / dt),
            options,
            rng=np.random.default_rng(1),
            observe=lambda k, t, u, keep=states: keep.append(u.copy()) if t > 10 else None,
            observe_every=round(3 / dt),
        )
        quiet = transient(field_of(bench), bench.start(), 400, SettleOptions()).u
        spreads.append(np.mean([((u - quiet) ** 2).mean() for u in states]))
    samples = len(states) * bench.x.shape[0] * 7
    error = sigma**2 * np.sqrt(2 / samples)
    assert abs(spreads[0] - spreads[1]) < 5 * error
    assert spreads[0] == pytest.approx(sigma**2, rel=0.03)


def test_an_unsettled_network_says_so_and_can_be_required_to_settle():
    bench = bench_of()
    found = transient(field_of(bench), bench.start(), 2, SettleOptions(tolerance=1e-6))
    assert found.status is Status.UNSETTLED
    assert not found.settled.any()
    with pytest.raises(ConvergenceError, match=r"free phase: 5 of 5 samples: did not settle: .*residual"):
        found.require("free phase", 1e-6)


def test_a_diverging_network_is_reported_not_returned_as_settled():
    bench = bench_of(activation="dsilu")
    weights = {name: 1e3 * w for name, w in bench.weights(0).items()}
    wild = replace(bench, weights=lambda _: weights)
    found = transient(field_of(wild), bench.start(), 3000, SettleOptions(integrator="euler", dt=2.5))
    assert found.status in (Status.DIVERGED, Status.UNSETTLED)
    assert not found.settled.any()


def test_alternating_sweeps_need_less_product_work_than_synchronous_ones():
    bench = bench_of((12, 8, 8, 8, 4), gain=0.5)
    base = SettleOptions(tolerance=1e-9)
    work = {
        s: operating_point(field_of(bench), bench.start(), replace(base, solver=s)).products
        for s in ("alternating", "synchronous")
    }
    assert work["alternating"] < 0.7 * work["synchronous"]


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_a_diverging_solver_says_so_and_warns_of_nothing_else(solver):
    bench = bench_of(activation="dsilu")
    options = SettleOptions(method="operating_point", solver=solver, max_sweeps=50)
    found = operating_point(field_of(bench, 1e200j), bench.start(complex), options)
    assert found.status is Status.DIVERGED
    assert not found.settled.any()


@pytest.mark.parametrize("sizes", [(12, 2), (12, 8, 4)])
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.1 + 0.2j])
def test_anderson_in_float32_is_not_stopped_by_equal_differences(sizes, beta):
    """Differences of a sample that has settled are zero or equal: their normal equations must stay solvable."""
    bench = bench_of(sizes, gain=1.0)
    weights = {name: w.astype(np.float32) for name, w in bench.weights(0).items()}
    bench = replace(bench, weights=lambda _: weights, x=bench.x.astype(np.float32), y=bench.y.astype(np.float32))
    start = bench.start(np.complex64 if isinstance(beta, complex) else np.float32)
    options = SettleOptions(method="operating_point", solver="anderson", tolerance=2e-6)
    found = operating_point(field_of(bench, np.asarray(beta, start.dtype)), start, options)
    assert found.status is Status.SETTLED
    assert found.u.dtype == start.dtype
