"""Predictive coding: its fixed point in closed form, its Jacobians, gradients, estimators and homeostasis, in SPICE."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import weights_of

from neurosim.errors import ConfigError, ConvergenceError
from neurosim.gradcheck import fitted_slope
from neurosim.learning.bench import Bench
from neurosim.learning.bptt import measure_bptt
from neurosim.learning.contrast import measure_phases
from neurosim.learning.coupling import HeldCoupling, coupling, homeostatic_loss, symmetry
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.homeostasis import descent, echo
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.learning.response import measure_response
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.identity import Identity
from neurosim.networks.predictive import predictive_coding
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import Layer, Topology, Wire
from neurosim.settle import SettleOptions, transient

EXACT = SettleOptions(method="operating_point", solver="damped", tolerance=1e-13, max_sweeps=5000)
BETAS = (0.02, 0.04, 0.08)
KINDS = {
    "tied": {},
    "untied": {"tied": False},
    "tied, softmax": {"softmax_readout": True},
    "untied, softmax": {"tied": False, "softmax_readout": True},
}
by_kind = pytest.mark.parametrize("kind", KINDS)


def bench_of(kind="tied", sizes=(5, 4, 3, 2), activation="steep_logistic", gain=0.6, options=EXACT):
    rng = np.random.default_rng(3)
    top = predictive_coding(sizes, **KINDS[kind])
    weights = weights_of(top, rng, gain)
    x, y = rng.random((3, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 3)]
    return Bench(
        RateNetwork(top, Identity() if activation == "linear" else ACTIVATIONS[activation]),
        lambda _: weights,
        x,
        y,
        options,
    )


def layers(bench, states):
    return {name: states[:, part] for name, part in bench.network.topology.slices.items()}


def numerical_jacobian(bench, u):
    """Return d(drive)/d(state) of one sample at state `u` (nodes,), by central differences."""
    field, columns, h = replace(bench, x=bench.x[:1]).field(), [], 1e-6
    for step in h * np.eye(len(u)):
        ends = [field.target(0.0, (u + sign * step)[None], np.empty((1, len(u))))[0].copy() for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * h))
    return np.array(columns).T


def test_layers_arrays_and_wires():
    top = predictive_coding((5, 4, 3, 2), tied=False, softmax_readout=True)
    assert [layer.name for layer in top.free] == ["e1", "h1", "e2", "h2"]
    ends = {s.name: (s.pre, s.post) for s in top.arrays}
    assert ends["W1"] == ("input", "e1")
    assert ends["W2"] == ("h1", "e2")
    assert ends["B2"] == ("e2", "h1")
    assert ends["b2"] == ("bias", "e2")
    assert ends["readout"] == ("h2", "logits")
    assert [(w.pre, w.post, w.gain) for w in top.wires] == [("e1", "h1", -1.0), ("e2", "h2", -1.0)]
    assert set(map(frozenset, top.blocks)) == {frozenset({"e1", "e2"}), frozenset({"h1", "h2"})}


@pytest.mark.parametrize("kind", ["tied", "untied"])
def test_the_steady_state_satisfies_the_equations_written_out(kind):
    bench = bench_of(kind)
    w, free = bench.weights(0), bench.free()
    u, a = layers(bench, free.u), layers(bench, free.a)
    below = {"h1": bench.x, "h2": a["h1"], "out": a["h2"]}
    for i, name in enumerate(("h1", "h2", "out"), start=1):
        error = a[name] - below[name] @ w[f"W{i}"] - w[f"b{i}"]
        np.testing.assert_allclose(u[f"e{i}"], error, atol=1e-12)
        np.testing.assert_array_equal(a[f"e{i}"], u[f"e{i}"])  # error neurons are linear
        back = w.get(f"B{i + 1}", w[f"W{i + 1}"].T) if i < 3 else None
        pull = 0.0 if back is None else u[f"e{i + 1}"] @ back
        np.testing.assert_allclose(u[name], pull - u[f"e{i}"], atol=1e-12)


def test_a_linear_network_minimises_its_prediction_errors_in_closed_form():
    """E = |h|^2/2 + |o|^2/2 + |h - x W1|^2/2 + |o - h W2|^2/2: o = h W2 / 2, h (2 + W2 W2^T/2) = x W1."""
    bench = bench_of(sizes=(5, 4, 3), activation="linear")
    w = {name: value * (not name.startswith("b")) for name, value in bench.weights(0).items()}
    free = layers(bench, replace(bench, weights=lambda _: w).free().a)
    h = np.linalg.solve((2 * np.eye(4) + w["W2"] @ w["W2"].T / 2).T, (bench.x @ w["W1"]).T).T
    np.testing.assert_allclose(free["h1"], h, atol=1e-12)
    np.testing.assert_allclose(free["out"], h @ w["W2"] / 2, atol=1e-12)


@by_kind
def test_the_jacobian_is_not_symmetric_but_becomes_so_with_the_signs_of_the_errors_if_tied(kind):
    bench = bench_of(kind, activation="linear")  # then membranes are activities
    j = numerical_jacobian(bench, bench.free().u[0])
    sign = bench.network.polarity(j)
    np.testing.assert_allclose(coupling(bench.network, bench.weights(0)).T, sign[:, None] * j, atol=1e-8)
    assert np.linalg.norm(j - j.T) > np.linalg.norm(j)  # even with tied arrays
    if "untied" in kind:
        assert np.linalg.norm(sign[:, None] * j - (sign[:, None] * j).T) > 0.1
    else:
        np.testing.assert_allclose(j, -j.T, atol=1e-8)
        assert symmetry(coupling(bench.network, bench.weights(0))) == 1.0


@by_kind
@pytest.mark.parametrize("activation", ["steep_logistic", "tanh"])
def test_exact_gradient_equals_central_differences(kind, activation):
    bench = bench_of(kind, activation=activation)
    exact, weights = measure_rbp(bench, 1e-13).gradient(), bench.weights(0)

    def loss(changed):
        moved = replace(bench, weights=lambda _: changed)
        return float(moved.cost().loss(moved.output(moved.free().a), moved.y).mean())

    rng = np.random.default_rng(1)
    for array in exact:
        step = np.zeros_like(weights[array])
        index = tuple(rng.integers(0, n) for n in step.shape)
        step[index] = 1e-4
        up, down = ({**weights, array: weights[array] + sign * step} for sign in (1, -1))
        assert (loss(up) - loss(down)) / 2e-4 == pytest.approx(exact[array][index], rel=1e-5, abs=1e-9), array


@by_kind
@pytest.mark.parametrize(
    ("estimator", "order"), [(OneSidedEP, 1), (SymmetricEP, 2), (lambda b: HolomorphicEP(b, 4), 4)], ids="124"
)
def test_estimators_tend_to_the_true_response_with_their_order(kind, estimator, order):
    bench = bench_of(kind)
    limit = measure_response(bench, 1e-13).gradient()
    errors = [
        relative_error(measure_phases(bench, estimator(b), np.random.default_rng(0)).gradient(), limit) for b in BETAS
    ]
    assert fitted_slope(BETAS, errors) == pytest.approx(order, abs=0.15)


@by_kind
def test_the_limit_is_the_exact_gradient_if_tied(kind):
    bench = bench_of(kind)
    error = relative_error(measure_response(bench, 1e-13).gradient(), measure_rbp(bench, 1e-13).gradient())
    assert (error > 0.03) if "untied" in kind else (error < 1e-11)


@by_kind
def test_backpropagation_through_damped_steps_tends_to_the_exact_gradient(kind):
    euler = SettleOptions(integrator="euler", dt=0.2, free_steps=400, nudged_steps=300)
    through = measure_bptt(bench_of(kind, options=euler)).gradient()
    assert relative_error(through, measure_rbp(bench_of(kind), 1e-13).gradient()) < 1e-10


def test_homeostasis_is_that_of_the_explicit_functional_coupling_and_descends_it():
    bench = bench_of("untied", activation="linear")
    weights, top, h = bench.weights(0), bench.network.topology, 1e-5
    sign = bench.network.polarity(bench.x)

    def loss(changed):  # from the dynamics alone, not from `coupling`
        j = numerical_jacobian(replace(bench, weights=lambda _: changed), bench.free().u[0]) * sign[:, None]
        return 2 * (((j - j.T) / 2) ** 2).sum() / top.nodes

    assert homeostatic_loss(coupling(bench.network, weights)) == pytest.approx(loss(weights), rel=1e-7)
    e = np.eye(top.nodes) * np.sqrt(top.nodes)  # its mean e e^T is that of white noise, exactly
    held = HeldCoupling(bench.network, weights, e)
    np.testing.assert_allclose(held.transposed(e), e @ coupling(bench.network, weights).T, rtol=0, atol=1e-12)
    found = descent(held, e, held.driven(e))
    assert set(found) == {"W2", "B2", "W3", "B3"}
    for name, (p, q) in found.items():
        step = np.zeros_like(weights[name])
        step[1, 0] = h
        up, down = (loss({**weights, name: weights[name] + s * step}) for s in (1, -1))
        assert -(p.T @ q)[1, 0] / len(e) == pytest.approx((up - down) / (2 * h), rel=1e-5), name


def test_the_echo_of_noise_gives_both_terms_of_the_functional_coupling():
    bench = bench_of("untied", activation="linear")
    n = bench.network.topology.nodes
    x, y = np.tile(bench.x[:1], (n, 1)), np.tile(bench.y[:1], (n, 1))
    bench = replace(bench, x=x, y=y)
    power, feedback = echo(bench, bench.free(), np.eye(n), 1e-3)
    m = coupling(bench.network, bench.weights(0))
    assert (power - feedback).sum() / n == pytest.approx(homeostatic_loss(m), rel=1e-8)


@pytest.mark.parametrize(("solver", "settles"), [("damped", True), ("alternating", False)])
def test_solvers_settle_or_say_that_they_did_not(solver, settles):
    bench = bench_of(gain=1.2, activation="linear", options=replace(EXACT, solver=solver, max_sweeps=2000))
    free = bench.free()
    assert bool(free.settled.all()) is settles
    if settles:
        euler = SettleOptions(integrator="tsit5", dt=0.1)
        slow = transient(bench.field(), bench.start(), 800, euler)
        np.testing.assert_allclose(free.u, slow.u, atol=1e-10)
    else:
        with pytest.raises(ConvergenceError):
            free.require("free", 1e-13)


def test_unit_steps_diverge_where_the_network_rings_faster_than_it_decays():
    """Eigenvalues of a wired linear pair: -1 +- i. A step dt multiplies an error by |1 - dt + i dt|."""
    bench = bench_of(sizes=(2, 1), activation="linear")
    weights = {name: 0 * value for name, value in bench.weights(0).items()}
    field = replace(bench, weights=lambda _: weights).field()
    for dt, steps in ((0.5, 20), (1.2, 20)):
        end = transient(field, np.ones((3, 2)), steps, SettleOptions(integrator="euler", dt=dt))
        factor = abs(1 - dt + 1j * dt) ** steps
        np.testing.assert_allclose(np.linalg.norm(end.u, axis=1), np.sqrt(2) * factor, rtol=1e-12)


@pytest.mark.parametrize("post", ["h2", "input", "h9"])
def test_a_wire_that_does_not_fit_is_refused(post):
    found = (Layer("input", 2, clamped=True), Layer("h1", 2), Layer("h2", 3))
    with pytest.raises(ConfigError, match=f"wire h1 - {post}: joins two free layers of equal size"):
        Topology(found, (), "h1", wires=(Wire("h1", post),))
