"""The homeostatic loss of kernels with held pools: against the explicit coupling of each sample, and in training."""

from dataclasses import replace

import numpy as np
import pytest
from learning.test_kernel_controller import batch_of, controller_of
from small_conv_net import bench_of
from standard_errors import check_mean

from neurosim.gradcheck import fitted_slope
from neurosim.learning.contrast import measure_phases
from neurosim.learning.coupling import HeldCoupling, coupling, estimated_asymmetry, homeostatic_loss, symmetry
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.homeostasis import Homeostasis, descent, echo, products
from neurosim.networks.pools import POOLS
from neurosim.networks.terms import Term

POOL = pytest.mark.parametrize("pool", list(POOLS))
SMALL = {"input_shape": (1, 6, 5), "padding": 2, "batch": 2, "gain": 0.8, "temperature": 0.3, "tied": False}
DRAWS = 1500


def small(pool, **options):
    """Return a bench of 6 to 60 neurons a layer, its free activities and the coupling of each sample."""
    bench = bench_of(pool, **{**SMALL, **options})
    a = bench.free().a
    return bench, a, np.stack([coupling(bench.network, bench.weights(0), row) for row in a])


def full_coupling(bench, row):
    """Return the coupling of one sample with moving pools, by central differences of the drive."""
    eye, h = np.eye(len(row)), 1e-5
    terms = bench.network.terms(bench.weights(0))

    def drive(a):
        out = np.zeros_like(a)
        for term in terms:
            if term.held is not None:
                term.held.renew()
            term.add(a, out)
        return out

    return (drive(row + h * eye) - drive(row - h * eye)) / (2 * h)


def split(m):
    """Return the squares of the symmetric and the antisymmetric part."""
    return tuple(float((((m + sign * m.T) / 2) ** 2).sum()) for sign in (1, -1))


def blocks_of(bench, m):
    """Return `m` with only the blocks that couple a layer to itself."""
    own = np.zeros_like(m)
    for part in bench.network.topology.slices.values():
        own[part, part] = m[part, part]
    return own


@POOL
def test_coupling_is_the_jacobian_of_the_drive_but_for_the_change_of_the_pools(pool):
    bench, a, m = small(pool)
    for row, held in zip(a, m, strict=True):
        full = full_coupling(bench, row)
        own = blocks_of(bench, full)
        np.testing.assert_allclose(held, full - own, rtol=0, atol=1e-8)
        if pool == "softmax":
            assert abs(own).max() > 0.01
        else:
            assert abs(own).max() < 1e-8


def test_change_of_the_pools_is_antisymmetric_only_as_far_as_the_arrays_differ():
    """The blocks that are left out vanish from A for B = W; what is left of A is zero for B = W, whatever the pool."""
    bench = small("softmax")[0]
    alike = dict(bench.weights(0))
    alike["B2"], alike["B3"] = alike["W2"], alike["W3"].T
    for weights, same in ((bench.weights(0), False), (alike, True)):
        there = replace(bench, weights=lambda _, w=weights: w)
        row = there.free().a[0]
        full = full_coupling(there, row)
        own = blocks_of(there, full)
        assert abs(own).max() > 0.01
        assert (split(own)[1] < 1e-14) is same
        assert (split(full)[1] < 1e-14) is same
        assert (homeostatic_loss(coupling(bench.network, weights, row)) < 1e-14) is same


@POOL
def test_reads_are_products_with_the_coupling_of_each_sample(pool):
    bench, a, m = small(pool)
    e = np.random.default_rng(0).standard_normal((6, a.shape[1]))  # three draws of two samples
    held = HeldCoupling(bench.network, bench.weights(0), np.tile(a, (3, 1)))
    for k in range(6):
        np.testing.assert_allclose(held.driven(e)[k], e[k] @ m[k % 2], rtol=0, atol=1e-12)
        np.testing.assert_allclose(held.transposed(e)[k], e[k] @ m[k % 2].T, rtol=0, atol=1e-12)
    assert np.array_equal(held.driven(e), held.driven(e))


@POOL
def test_loss_and_symmetry_are_the_means_of_their_samples(pool):
    bench, a, m = small(pool)
    e = np.random.default_rng(1).standard_normal((2 * DRAWS, a.shape[1]))
    held = HeldCoupling(bench.network, bench.weights(0), np.tile(a, (DRAWS, 1)))
    v = held.driven(e)
    w = held.driven(v)
    losses = [homeostatic_loss(part) for part in m]
    assert losses[0] == pytest.approx(2 * split(m[0])[1] / len(m[0]), rel=1e-12)
    for sample in (0, 1):
        check_mean(products(e, v, w)[sample::2], losses[sample])
    parts = np.mean([split(part) for part in m], axis=0) ** 0.5
    share, leaking, loss = estimated_asymmetry(held, e)
    spread = (2 / (2 * DRAWS)) ** 0.5  # a bound on the relative standard deviation of each square
    assert share == pytest.approx(parts[0] / parts.sum(), abs=spread)
    squares = np.mean([split(part - np.eye(len(part))) for part in m], axis=0) ** 0.5
    assert leaking == pytest.approx(squares[0] / squares.sum(), abs=spread)
    assert loss == pytest.approx(np.mean(losses), rel=4 * spread)


def test_few_draws_tell_the_symmetry_of_many_neurons_also_of_a_symmetric_coupling():
    bench = bench_of("softmax", padding=1, tied=False, batch=8)
    a = bench.free().a
    e = np.random.default_rng(2).standard_normal(a.shape)
    exact = symmetry(coupling(bench.network, bench.weights(0), a[0]))
    assert estimated_asymmetry(HeldCoupling(bench.network, bench.weights(0), a), e)[0] == pytest.approx(exact, abs=0.02)
    alike = {**bench.weights(0), "B2": bench.weights(0)["W2"], "B3": bench.weights(0)["W3"].T}
    share, leaking, loss = estimated_asymmetry(HeldCoupling(bench.network, alike, a), e)
    assert share == pytest.approx(1, abs=1e-14)
    assert leaking == pytest.approx(1, abs=1e-14)
    assert loss < 1e-28


def held_loss(bench, weights, a):
    """Return the mean loss of the samples with pools held at `a` and with the slopes of the bench's own arrays."""
    network, top = bench.network, bench.network.topology
    own, changed = network.terms(bench.weights(0)), network.terms(weights)
    losses = []
    for row in a:
        unit = np.eye(top.nodes)
        rows = np.tile(row, (top.nodes, 1))
        m = np.zeros_like(unit)
        for term, other in zip(own, changed, strict=True):
            if isinstance(term, Term):
                other.add(unit, m)
                continue
            part = term.tangent(rows, held=True)[0]
            part.held._ahead, part.held._back = other.held.weights, other.held.feedback
            part.held.renew()
            part.add(unit, m)
        losses.append(homeostatic_loss(m))
    return np.mean(losses)


@POOL
def test_descent_is_the_mean_of_its_draws_and_the_difference_of_the_loss_with_held_pools(pool):
    bench, a, m = small(pool)
    weights, h, rng = bench.weights(0), 1e-5, np.random.default_rng(3)
    e = rng.standard_normal((2 * DRAWS, a.shape[1]))
    held = HeldCoupling(bench.network, weights, np.tile(a, (DRAWS, 1)))
    found = descent(held, e, held.driven(e))
    assert found.keys() == {"W2", "B2", "W3", "B3"}
    assert held_loss(bench, weights, a) == pytest.approx(np.mean([homeostatic_loss(part) for part in m]), rel=1e-12)
    for name, (p, q) in found.items():
        draws = _per_draw(p, q, 2 * DRAWS).reshape(DRAWS, 2, p.shape[1], q.shape[1]).mean(axis=1)
        for _ in range(4):
            step, index = np.zeros_like(weights[name]), tuple(rng.integers(weights[name].shape))
            step[index] = h
            up, down = (held_loss(bench, {**weights, name: weights[name] + s}, a) for s in (step, -step))
            check_mean(draws[(slice(None), *index)], -(up - down) / (2 * h))
    np.testing.assert_array_equal(found["B2"][1], -found["W2"][1])


def _per_draw(p, q, count):
    """Return the change that each draw asks for; presentations lie as (noise | response, position, draw)."""
    p, q = (part.reshape(2, -1, count, part.shape[1]) for part in (p, q))
    return np.einsum("bpdi,bpdj->dij", p, q)


@POOL
def test_added_presentations_are_the_weighted_mean_over_draws(pool):
    (bench, _, _), weight = small(pool), 0.7
    contrast = measure_phases(bench, SymmetricEP(0.05), np.random.default_rng(0))
    added = Homeostasis(weight, draws=3).added(contrast, bench, np.random.default_rng(5))
    a = contrast.free_activity
    e = np.random.default_rng(5).standard_normal((6, a.shape[1]))
    held = HeldCoupling(bench.network, bench.weights(0), np.tile(a, (3, 1)))
    plain, found = contrast.gradient(), added.gradient()
    for name, (p, q) in descent(held, e, held.driven(e)).items():
        np.testing.assert_allclose(found[name], plain[name] - weight * p.T @ q / 6, rtol=0, atol=1e-13)
    assert np.array_equal(found["W1"], plain["W1"])


@POOL
def test_tied_kernels_get_nothing(pool):
    bench, a, m = small(pool, tied=True)
    assert homeostatic_loss(m[0]) < 1e-28
    assert descent(HeldCoupling(bench.network, bench.weights(0), a), a, a) == {}


@POOL
def test_noise_on_the_settled_network_tends_to_both_terms_of_moving_pools(pool):
    """With curvature what is measured has the blocks that the held coupling leaves out; A of both adds up."""
    bench, a, m = small(pool, batch=1)
    full = full_coupling(bench, a[0])
    bench = replace(bench, x=np.repeat(bench.x, 40, axis=0), y=np.repeat(bench.y, 40, axis=0))
    half = np.random.default_rng(3).standard_normal((20, a.shape[1]))
    e = np.concatenate((half, -half))
    power, correlation = ((e @ full) ** 2).sum(axis=1).mean(), (e * (e @ full @ full)).sum(axis=1).mean()
    free, amplitudes, errors = bench.free(), (0.0005, 0.001, 0.002), []
    for amplitude in amplitudes:
        found = [term.mean() for term in echo(bench, free, e, amplitude)]
        errors.append([abs(found[0] - power), abs(found[1] - correlation)])
    for term in np.transpose(errors):
        assert fitted_slope(amplitudes, term) == pytest.approx(2, abs=0.15)
    own = blocks_of(bench, full)
    assert split(full)[1] == pytest.approx(split(m[0])[1] + split(own)[1], rel=1e-6)
    assert (split(own)[1] > 1e-4 * split(m[0])[1]) is (pool == "softmax")


@POOL
def test_alone_it_makes_the_coupling_symmetric(pool):
    controller, state = controller_of(
        pool, lr=1.0, topology={"tied": False, "input_shape": (1, 6, 5)}, homeostasis=Homeostasis(1.0, 10)
    )
    quiet = replace(controller, estimator=SymmetricEP(1e-3))
    x, _ = batch_of(controller, 4)
    losses, shares = [], []
    for _ in range(40):
        bench = quiet.bench(state, x, np.zeros((len(x), 3)))
        a = bench.free().a
        m = coupling(quiet.network, quiet.weights(state), a[0])
        losses.append(homeostatic_loss(m))
        shares.append(symmetry(m))
        state, _ = quiet.step(state, x, bench.output(a))  # no error to learn from
    assert losses[-1] < 0.05 * losses[0]
    assert shares[0] < 0.6
    assert shares[-1] > 0.85
