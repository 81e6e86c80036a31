"""The homeostatic loss: against the explicit Jacobian of the drive, and its noise form against both terms."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import bench_of as resistive_bench
from small_controller import EXACT as SETTLED
from small_controller import batch_of, controller_of, moved
from small_net import bench_of
from standard_errors import check_mean

from neurosim.errors import ConfigError
from neurosim.gradcheck import fitted_slope
from neurosim.learning.contrast import measure_phases
from neurosim.learning.coupling import HeldCoupling, coupling, estimated_asymmetry, homeostatic_loss, jacobian, symmetry
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.homeostasis import Homeostasis, descent, echo, products
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import Layer, Synapse, Topology

DRAWS = 4000


def loop_bench():
    """Return a bench on input -> h1 -> h2 -> out -> h1, where no array has a way back."""
    layers = (Layer("input", 3, clamped=True), Layer("h1", 4), Layer("h2", 5), Layer("out", 2))
    ends = [("input", "h1"), ("h1", "h2"), ("h2", "out"), ("out", "h1")]
    top = Topology(layers, tuple(Synapse(f"W{k + 1}", *pair) for k, pair in enumerate(ends)), "out", classes=2)
    rng = np.random.default_rng(2)
    weights = {s.name: 0.4 * rng.standard_normal(top.shape(s)) for s in top.synapses}
    base = bench_of((3, 2), tied=False)
    return replace(base, network=RateNetwork(top, ACTIVATIONS["tanh"]), weights=lambda _: weights)


BENCHES = {"layered": bench_of((6, 5, 4, 3), "tanh", tied=False), "loop": loop_bench()}
by_kind = pytest.mark.parametrize("kind", BENCHES)


def drive_of(bench, a):
    """Return the drive at activity a, whatever state it comes from."""

    class Given:
        name, low, high, holomorphic = "given", -np.inf, np.inf, True
        value = staticmethod(lambda z, out=None: np.copyto(out, z) or out)

    network = replace(bench.network, activation=Given())
    return network.field(bench.weights(0), bench.x[:1]).target(0.0, a, np.empty_like(a))


@by_kind
def test_coupling_is_the_jacobian_of_the_drive_by_the_activity(kind):
    bench = BENCHES[kind]
    m, h = coupling(bench.network, bench.weights(0)), 1e-6
    a = bench.free().a[:1]
    for i in range(a.shape[1]):
        step = h * np.eye(a.shape[1])[i : i + 1]
        slope = (drive_of(bench, a + step) - drive_of(bench, a - step)) / (2 * h)
        np.testing.assert_allclose(m[i], slope[0], rtol=0, atol=1e-9)


def explicit_loss(bench, weights):
    j = coupling(bench.network, weights).T
    return ((j**2).sum() - np.trace(j @ j)) / len(j)


@by_kind
def test_loss_is_twice_the_antisymmetric_part_and_the_mean_of_its_samples(kind):
    bench = BENCHES[kind]
    weights, network = bench.weights(0), bench.network
    m = coupling(network, weights)
    a = (m.T - m) / 2
    assert homeostatic_loss(m) == pytest.approx(2 * (a**2).sum() / len(m), rel=1e-13)
    assert homeostatic_loss(m) == pytest.approx(explicit_loss(bench, weights), rel=1e-13)
    e = np.random.default_rng(0).standard_normal((DRAWS, len(m)))
    held = HeldCoupling(network, weights, e)
    v = held.driven(e)
    np.testing.assert_allclose(v, e @ m, rtol=0, atol=1e-12)
    np.testing.assert_allclose(held.transposed(e), e @ m.T, rtol=0, atol=1e-12)
    check_mean(products(e, v, held.driven(v)), homeostatic_loss(m))
    share, leaking, loss = estimated_asymmetry(held, e)
    assert share == pytest.approx(symmetry(m), rel=0.02)
    assert leaking == pytest.approx(symmetry(jacobian(network, m)), rel=0.02)
    assert loss == pytest.approx(homeostatic_loss(m), rel=5 * (2 / DRAWS) ** 0.5)


@by_kind
def test_descent_is_the_mean_of_its_draws_and_the_finite_difference_of_the_exact_loss(kind):
    bench, h = BENCHES[kind], 1e-5
    weights, top = bench.weights(0), bench.network.topology
    e = np.random.default_rng(1).standard_normal((DRAWS, top.nodes))
    held = HeldCoupling(bench.network, weights, e)
    found = descent(held, e, held.driven(e))
    assert set(found) == {s.name for s in top.synapses if s.pre not in ("input", "bias")}
    for name, (p, q) in found.items():
        w, slope = weights[name], np.empty_like(weights[name])
        for index in np.ndindex(w.shape):
            step = np.zeros_like(w)
            step[index] = h
            up, down = (explicit_loss(bench, {**weights, name: w + s}) for s in (step, -step))
            slope[index] = (up - down) / (2 * h)
        draws = p[:DRAWS, :, None] * q[:DRAWS, None, :] + p[DRAWS:, :, None] * q[DRAWS:, None, :]
        check_mean(draws, -slope)


def test_reciprocal_arrays_take_part_and_get_nothing():
    tied = bench_of((6, 5, 4, 3))
    m = coupling(tied.network, tied.weights(0))
    assert homeostatic_loss(m) == 0
    assert symmetry(m) == 1
    assert descent(HeldCoupling(tied.network, tied.weights(0), m), m, m) == {}


def test_symmetry_of_known_couplings():
    rng = np.random.default_rng(0)
    m = rng.standard_normal((200, 200))
    assert symmetry(m - m.T) == 0
    assert symmetry(m + m.T) == 1
    assert symmetry(m) == pytest.approx(0.5, abs=0.01)
    assert symmetry(np.array([[1.0, 0.5], [0.0, 0.0]])) == pytest.approx(1.125**0.5 / (1.125**0.5 + 0.125**0.5))
    assert np.isnan(symmetry(np.zeros((2, 2))))


def test_symmetry_of_a_loop_is_told_by_its_leak():
    """Without arrays between the same two layers |S| = |A| in the coupling; the leak is symmetric."""
    bench = BENCHES["loop"]
    m = coupling(bench.network, bench.weights(0))
    assert symmetry(m) == pytest.approx(0.5, abs=1e-14)
    square, n = float((m**2).sum()), len(m)
    for scale in (1.0, 0.1):
        s, a = (0.5 * square * scale**2 + n) ** 0.5, (0.5 * square) ** 0.5 * scale
        assert symmetry(jacobian(bench.network, scale * m)) == pytest.approx(s / (s + a), rel=1e-13)


@by_kind
@pytest.mark.parametrize("activation", ["tanh", "steep_logistic"])
def test_noise_on_the_settled_network_tends_to_both_terms(kind, activation):
    bench = BENCHES[kind]
    bench = replace(bench, network=replace(bench.network, activation=ACTIVATIONS[activation]))
    bench = replace(bench, x=np.repeat(bench.x[:1], 80, axis=0))
    free, m = bench.free(), coupling(bench.network, bench.weights(0))
    half = np.random.default_rng(3).standard_normal((40, len(m)))
    e = np.concatenate((half, -half))
    power, correlation = ((e @ m) ** 2).sum(axis=1).mean(), (e * (e @ m @ m)).sum(axis=1).mean()
    amplitudes, errors = (0.001, 0.002, 0.004), []
    for amplitude in amplitudes:
        found = [term.mean() for term in echo(bench, free, e, amplitude)]
        errors.append([abs(found[0] - power), abs(found[1] - correlation)])
        np.testing.assert_allclose(found, (power, correlation), rtol=0, atol=0.1 * power)
    for term in np.transpose(errors):
        assert fitted_slope(amplitudes, term) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("mask", [False, True])
def test_added_presentations_are_the_weighted_mean_over_draws(mask):
    bench = bench_of((6, 5, 4, 3), tied=False, batch=4)
    contrast = measure_phases(bench, SymmetricEP(0.1), np.random.default_rng(0))
    if mask:
        contrast = replace(contrast, batch=2)
    added = Homeostasis(3.0, draws=7).added(contrast, bench, np.random.default_rng(5))
    top, weights = bench.network.topology, bench.weights(0)
    e = np.random.default_rng(5).standard_normal((28, top.nodes))
    plain, found = contrast.gradient(), added.gradient()
    held = HeldCoupling(bench.network, weights, e)
    for name, (p, q) in descent(held, e, held.driven(e)).items():
        np.testing.assert_allclose(found[name], plain[name] - 3.0 * p.T @ q / 28, rtol=0, atol=1e-13)
    assert np.array_equal(found["W1"], plain["W1"])
    assert [group.sign for group in added.groups] == [1, -1]


def test_alone_it_makes_the_coupling_symmetric():
    controller, state = controller_of(
        (6, 5, 4, 3), lr=1.0, options=SETTLED, topology={"tied": False}, homeostasis=Homeostasis(0.5, 20)
    )
    quiet = replace(controller, estimator=SymmetricEP(1e-3))
    x, _ = batch_of(controller)
    losses = []
    for _ in range(60):
        free = quiet.bench(state, x, np.zeros((len(x), 3)))
        state, _ = quiet.step(state, x, free.output(free.free().a))  # no error to learn from
        losses.append(homeostatic_loss(coupling(controller.network, controller.weights(state))))
    assert losses[-1] < 0.05 * losses[0]


def test_each_step_draws_its_own_noise():
    controller, state = controller_of(topology={"tied": False}, options=SETTLED, homeostasis=Homeostasis(1.0, 1))
    changes = []
    for step in (0, 1, 0):
        at = replace(state, step=step)
        changes.append(moved(controller, at, controller.step(at, *batch_of(controller))[0])["B2"])
    assert np.array_equal(changes[0], changes[2])
    assert not np.array_equal(changes[0], changes[1])


def test_what_it_does_not_model_is_refused():
    with pytest.raises(ConfigError, match="homeostasis: written for rate networks, got a ResistiveNetwork"):
        Homeostasis(1.0).added(None, resistive_bench("sinh"), None)
    with pytest.raises(ConfigError, match=r"homeostasis: .* set update = 'differenced'"):
        controller_of(topology={"tied": False}, homeostasis=Homeostasis(1.0), in_situ=True)
