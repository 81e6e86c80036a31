"""Gradients of resistive networks: exact ones against finite differences, equilibrium propagation against the exact."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import EXACT, KINDS, SCALE, SPICE_DIODES, bench_of
from strict_cupy import STRICT

from neurosim.errors import ConvergenceError
from neurosim.gradcheck import fitted_slope
from neurosim.learning.bench import Bench
from neurosim.learning.contrast import Measured, contrast_of, measure, measure_phases
from neurosim.learning.estimators import ESTIMATORS, HolomorphicEP, OneSidedEP, OscillatingEP, SymmetricEP
from neurosim.learning.estimators.base import Sample
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.networks.resistive import Conductances, Diode, Sinh, antiparallel, layered_resistive
from neurosim.settle import SettleOptions

kinds = pytest.mark.parametrize("kind", KINDS)
BETAS = {1: (0.1, 0.05, 0.025, 0.0125), 2: (0.1, 0.05, 0.025, 0.0125), 4: (1.6, 1.1, 0.8, 0.55)}
"""Nudges by order of the bias: it must stay above round-off."""


def estimate(bench, estimator):
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


def loss_at(bench, reads):
    moved = replace(bench, weights=lambda _: reads)
    free = moved.free().require("test", moved.options.tolerance)
    return float(moved.cost().loss(moved.output(free.a), moved.y).mean())


def moved(read, index, delta):
    """Return an array with one weight changed by `delta`: of a pair, half each in opposite directions."""
    step = np.zeros_like(read.plus)
    step[index] = delta
    if read.minus is None:
        return Conductances(read.plus + step)
    return Conductances(read.plus + step / 2, read.minus - step / 2)


def differences(bench, h=2e-4):
    reads, found = bench.weights(0), {}
    for name, read in reads.items():
        found[name] = np.zeros(read.plus.shape)
        for index in np.ndindex(read.plus.shape):
            up, down = (loss_at(bench, {**reads, name: moved(read, index, d)}) for d in (h, -h))
            found[name][index] = (up - down) / (2 * h)
    return found


def check_differences(bench):
    exact, found = measure_rbp(bench, 1e-13).gradient(), differences(bench)
    assert {name: g.shape for name, g in exact.items()} == {name: g.shape for name, g in found.items()}
    for name, g in found.items():
        assert np.abs(g).max() > 1e-8
        np.testing.assert_allclose(exact[name], g, rtol=1e-5, atol=1e-6 * np.abs(g).max(), err_msg=name)


@kinds
def test_exact_gradient_equals_central_differences_of_every_conductance(kind):
    check_differences(bench_of(kind, batch=2))


def test_exact_gradient_of_spice_diodes_equals_central_differences():
    check_differences(bench_of("diodes", batch=2, clamps=SPICE_DIODES))


def test_exact_gradient_of_an_unsolvable_circuit_is_an_error():
    bench = bench_of("doubled", (1, 1))
    bench = replace(bench, weights=lambda _: {n: Conductances(0 * r.plus) for n, r in open_.items()})
    open_ = bench_of("doubled", (1, 1)).weights(0)
    with pytest.raises(ConvergenceError, match="adjoint circuit has no solution: a node has no conductance"):
        measure_rbp(bench)


@kinds
@pytest.mark.parametrize(
    ("make", "order"), [(OneSidedEP, 1), (SymmetricEP, 2), (lambda b: HolomorphicEP(b, 4), 4)],
    ids=["one_sided", "symmetric", "holomorphic"],
)  # fmt: skip
def test_bias_of_equilibrium_propagation_has_the_declared_order(kind, make, order):
    bench = bench_of(kind)
    exact = measure_rbp(bench, 1e-13).gradient()
    betas = BETAS[order]
    errors = [relative_error(estimate(bench, make(b)), exact) for b in betas]
    assert errors[-1] > 1e-11
    assert fitted_slope(betas, errors) == pytest.approx(order, abs=0.15)


def explicit(bench, a, coefficient):
    """Return ``Re c dF/dW`` of every array, one crosspoint and sample after the other."""
    network, top, found = bench.network, bench.network.topology, {}
    fixed = network.clamped(bench.x)
    for s in top.synapses:
        law, weight = network.law(s.name), network.co_weights[s.post]
        stage = network.stages.get(s.pre)
        rows = fixed[s.pre] if s.pre in fixed else a[:, top.slices[s.pre]] * (stage.gain if stage else 1.0)
        cols = a[:, top.slices[s.post]]
        minus = law.content(rows[:, :, None] - cols[:, None, :])
        if network.inputs == "pairs":
            observable = 0.5 * (law.content(rows[:, :, None] + cols[:, None, :]) - minus)
        else:
            observable = -minus
        found[s.name] = (coefficient * weight * observable).real.sum(axis=0)
    return found


@kinds
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_factors_are_the_contents_of_the_elements(kind, is_complex):
    bench, rng = bench_of(kind), np.random.default_rng(0)
    nodes = bench.network.topology.nodes
    samples, states = [(0.3, 1.5), (-0.1, -2.0)], rng.uniform(-0.3, 0.3, (2, 4, nodes))
    if is_complex:
        samples = [(0.3j, 1.0 - 2.0j), (0.1, 0.5 + 1.0j)]
        states = states + 1j * rng.uniform(-0.3, 0.3, states.shape)
    measured = [Measured(Sample(b, c), a) for (b, c), a in zip(samples, states, strict=True)]
    contrast = contrast_of(bench, measured, states[0].real)
    parts = [explicit(bench, a, c) for (_, c), a in zip(samples, states, strict=True)]
    for name in parts[0]:
        p, q = contrast.factors(name)
        assert p.dtype == q.dtype == np.float64
        np.testing.assert_allclose(p.T @ q, parts[0][name] + parts[1][name], rtol=1e-10, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(contrast.gradient()[name], -(p.T @ q) / 4, rtol=1e-14)
    if not is_complex:  # potentiating and depressing phases apart
        for group, part in zip(contrast.groups, parts, strict=True):
            for name, (p, q) in group.factors.items():
                np.testing.assert_allclose(p.T @ q, part[name], rtol=1e-10, atol=1e-12)


def test_the_observable_of_a_pair_is_the_product_of_its_voltages():
    bench = bench_of("pairs")
    a = np.random.default_rng(0).uniform(-1, 1, (4, bench.network.topology.nodes))
    contrast = contrast_of(bench, [Measured(Sample(0.1, 1.0), a)], a)
    top = bench.network.topology
    for s in top.synapses:
        rows = bench.network.clamped(bench.x).get(s.pre)
        rows = a[:, top.slices[s.pre]] if rows is None else rows
        p, q = contrast.factors(s.name)
        np.testing.assert_array_equal(p, rows)
        np.testing.assert_array_equal(q, a[:, top.slices[s.post]])


def test_masked_samples_do_not_count():
    bench = bench_of("everything")
    options = replace(bench.options, method="transient", integrator="sdirk4", dt=0.02, free_steps=10, nudged_steps=10)
    bench = replace(bench, options=options)
    residual = measure(bench, SymmetricEP(0.1), np.random.default_rng(0)).residual
    bench = replace(bench, options=replace(options, tolerance=float(np.median(residual))))
    found = measure(bench, SymmetricEP(0.1), np.random.default_rng(0), mask=True)
    assert found.batch == 2
    rows = np.flatnonzero(found.settled)
    part = measure(replace(bench, x=bench.x[rows], y=bench.y[rows]), SymmetricEP(0.1), np.random.default_rng(0))
    for name, g in part.gradient().items():
        np.testing.assert_allclose(found.gradient()[name], g, rtol=1e-9, atol=1e-13)


OPTIONS = {"points": 8, "dwell": 60, "periods": 1, "discard": 1, "harmonics": 1}


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_every_estimator_works_on_conductances(name):
    options = SettleOptions(integrator="sdirk4", dt=0.1, free_steps=60, nudged_steps=60, tolerance=1e-9)
    bench = bench_of("everything", options=options, batch=2)
    exact = measure_rbp(bench, 1e-13).gradient()
    found = measure(bench, ESTIMATORS[name](beta=0.02, waveform="rotation", **OPTIONS), np.random.default_rng(0))
    assert relative_error(found.gradient(), exact) < 0.05


def test_lock_in_on_a_running_circuit():
    options = SettleOptions(integrator="sdirk4", dt=0.1, tolerance=1e-9)
    bench = bench_of("diodes", options=options, batch=2)
    exact = measure_rbp(bench, 1e-13).gradient()
    found = measure(bench, OscillatingEP(0.1, "cosine", 8, dwell=40, discard=1), np.random.default_rng(0))
    assert relative_error(found.gradient(), exact) < 0.02
    free = replace(bench, options=replace(options, method="operating_point", tolerance=1e-12)).free()
    np.testing.assert_allclose(found.free_activity, free.a, rtol=0, atol=1e-3)


def test_phases_measured_elsewhere_give_the_same_contrast():
    bench, estimator = bench_of("everything"), SymmetricEP(0.05)
    free = bench.free()
    measured = [Measured(s, bench.nudged([s.beta], free.u, 1).a) for s in estimator.samples(np.random.default_rng(0))]
    ours = measure_phases(bench, estimator, np.random.default_rng(0)).gradient()
    theirs = contrast_of(bench, measured, free.a).gradient()
    for name, g in ours.items():
        np.testing.assert_allclose(theirs[name], g, rtol=1e-9, atol=1e-12)


def test_exact_gradient_can_start_anywhere():
    bench = bench_of("everything")
    free = bench.free()
    found = measure_rbp(bench, 1e-13, start=free.u)
    np.testing.assert_allclose(found.free_activity, free.a, rtol=0, atol=1e-14)


@kinds
def test_same_gradients_on_the_strict_backend(kind):
    ours, strict = bench_of(kind), bench_of(kind, backend=STRICT)
    for estimator in (SymmetricEP(0.05), HolomorphicEP(0.2, 4)):
        found = estimate(strict, estimator)
        for name, g in estimate(ours, estimator).items():
            np.testing.assert_allclose(STRICT.to_host(found[name]), g, rtol=1e-9, atol=1e-12)
    found = measure_rbp(strict).gradient()
    for name, g in measure_rbp(ours).gradient().items():
        np.testing.assert_allclose(STRICT.to_host(found[name]), g, rtol=1e-9, atol=1e-12)


def test_float32_gradients_are_those_of_float64():
    bench = bench_of("pairs of sinh", law=Sinh(0.5))
    reads = {n: Conductances(*(g.astype("float32") for g in r)) for n, r in bench.weights(0).items()}
    small = replace(bench, weights=lambda _: reads, x=bench.x.astype("float32"), y=bench.y.astype("float32"))
    small = replace(small, options=replace(bench.options, tolerance=1e-5))
    exact = measure_rbp(bench).gradient()
    for found in (measure_rbp(small, 2e-5).gradient(), estimate(small, HolomorphicEP(1.0, 4))):
        assert all(g.dtype == np.float32 for g in found.values())
        assert relative_error(found, exact) < 2e-3


def test_errors_of_the_circuit_that_ngspice_was_measured_on():
    """A 3-4-2 network with antiparallel diodes, on which EP from ngspice's operating points had these errors.

    Largest error of an array over its largest gradient: one-sided 1.15e-2, 1.2e-3, 1.2e-4 and symmetric 1.5e-4, 1.5e-6,
    1.7e-8 (the last limited by ngspice) at nudges of 1e-5, 1e-6 and 1e-7 S.
    """
    rng = np.random.default_rng(3)
    x, y = np.array([[1.0, -0.7, 1.0]]), np.array([[0.15, -0.1]])
    w1, w2 = rng.uniform(2e-4, 1e-3, (3, 4)), rng.uniform(2e-4, 1e-3, (4, 2))
    clamps = antiparallel(Diode(i_s=1e-9, n=1.5, reverse="spice3", g_min=1e-15), 0.1)
    network = layered_resistive((3, 4, 2), scale=SCALE, leak=0.1, clamps=clamps)
    reads = {"W1": np.concatenate((w1, 0 * w1)), "W2": w2, "b1": np.zeros((2, 4)), "b2": np.zeros((2, 2))}
    reads = {name: Conductances(g / SCALE.g_ref) for name, g in reads.items()}
    bench = Bench(network, lambda _: reads, x, y, EXACT)
    exact = measure_rbp(bench, 1e-13).gradient()

    def error(estimator):
        found = estimate(bench, estimator)
        return max(
            np.abs(found[n][:rows] - exact[n][:rows]).max() / np.abs(exact[n][:rows]).max()
            for n, rows in (("W1", 3), ("W2", 4))
        )

    one_sided = [error(OneSidedEP(siemens / SCALE.g_ref)) for siemens in (1e-5, 1e-6, 1e-7)]
    symmetric = [error(SymmetricEP(siemens / SCALE.g_ref)) for siemens in (1e-5, 1e-6)]
    np.testing.assert_allclose(one_sided, [1.15e-2, 1.2e-3, 1.2e-4], rtol=0.05)
    np.testing.assert_allclose(symmetric, [1.5e-4, 1.5e-6], rtol=0.05)
