"""The exact response to the nudge: against differences of operating points, and as the limit of the estimators."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import bench_of as resistive_bench
from small_conv_net import bench_of as conv_bench
from small_net import bench_of

from neurosim.errors import ConfigError, ConvergenceError
from neurosim.gradcheck import fitted_slope
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.reference import alignment, measure_rbp, relative_error
from neurosim.learning.response import measure_response, response
from neurosim.networks.pools import POOLS

POOL = pytest.mark.parametrize("pool", list(POOLS))
TOPOLOGIES = pytest.mark.parametrize(
    "topology", [{}, {"tied": False}, {"softmax_readout": True}, {"tied": False, "softmax_readout": True}], ids=str
)


@TOPOLOGIES
def test_response_is_the_derivative_of_the_operating_point(topology):
    bench, h = bench_of((6, 5, 4, 3), "tanh", **topology), 1e-4
    free = bench.free()
    up, down = (bench.nudged([b], free.u, 0).a for b in (h, -h))
    np.testing.assert_allclose(response(bench, free), (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


@TOPOLOGIES
@pytest.mark.parametrize("activation", ["steep_logistic", "dsilu"])
def test_with_tied_weights_the_limit_is_the_exact_gradient_and_with_untied_it_is_not(topology, activation):
    bench = bench_of((6, 5, 4, 3), activation, **topology)
    error = relative_error(measure_response(bench, 1e-13).gradient(), measure_rbp(bench, 1e-13).gradient())
    if topology.get("tied", True):
        assert error < 1e-11
    else:
        assert error > 0.01


@TOPOLOGIES
@pytest.mark.parametrize(("make", "order"), [(OneSidedEP, 1), (SymmetricEP, 2), (lambda b: HolomorphicEP(b, 4), 4)])
def test_estimators_tend_to_it_in_their_order_whatever_the_symmetry(topology, make, order):
    bench = bench_of(gain=0.4, **topology)
    limit = measure_response(bench, 1e-14).gradient()
    scale = 4 if topology.get("softmax_readout") else 1
    betas = [scale * b for b in (0.03, 0.05, 0.08, 0.12)]
    found = [measure_phases(bench, make(b), np.random.default_rng(0)).gradient() for b in betas]
    assert fitted_slope(betas, [relative_error(g, limit) for g in found]) == pytest.approx(order, abs=0.15)


def test_the_closer_the_feedback_to_the_transpose_the_smaller_the_bias():
    untied, cosines = bench_of(gain=0.5, tied=False), []
    for share in (0.0, 0.5, 0.9, 1.0):
        weights = dict(untied.weights(0))
        for k in (2, 3):
            weights[f"B{k}"] = share * weights[f"W{k}"].T + (1 - share) * weights[f"B{k}"]
        bench = replace(untied, weights=lambda _, w=weights: w)
        limit, exact = measure_response(bench).gradient(), measure_rbp(bench).gradient()
        cosines.append(alignment({"W1": limit["W1"]}, exact)["W1"])
    assert cosines == sorted(cosines)
    assert cosines[0] < 0.9
    assert cosines[-1] == pytest.approx(1, abs=1e-10)


# kernels: gains at which the curvature of the softmax pool counts
CURVED = {"gain": 0.8, "temperature": 0.3}


@POOL
@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"tied": False, "readout": "softmax"}], ids=str)
def test_response_of_kernels_is_the_derivative_of_the_operating_point(pool, topology):
    bench, h = conv_bench(pool, padding=1, **(CURVED if pool == "softmax" else {}), **topology), 1e-4
    free = bench.free()
    up, down = (bench.nudged([b], free.u, 0).a for b in (h, -h))
    np.testing.assert_allclose(response(bench, free), (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("pool", [name for name in POOLS if POOLS[name](size=2, temperature=1.0).holomorphic])
def test_holomorphic_ep_at_a_small_nudge_gives_the_response_of_untied_kernels(pool):
    bench = conv_bench(pool, padding=1, tied=False, **(CURVED if pool == "softmax" else {}))
    found = measure_phases(bench, HolomorphicEP(1e-3, 4), np.random.default_rng(0)).gradient()
    assert relative_error(found, measure_response(bench, 1e-14).gradient()) < 1e-9


@POOL
@pytest.mark.parametrize("readout", ["dense", "softmax"])
def test_with_tied_kernels_the_limit_is_the_exact_gradient_and_with_untied_it_is_not(pool, readout):
    options = CURVED if pool == "softmax" else {}
    for tied in (True, False):
        bench = conv_bench(pool, padding=1, tied=tied, readout=readout, **options)
        error = relative_error(measure_response(bench, 1e-13).gradient(), measure_rbp(bench, 1e-13).gradient())
        assert error < 1e-10 if tied else error > 0.003


def test_what_it_cannot_solve_is_refused_or_said():
    with pytest.raises(ConfigError, match="response: solved for rate networks, got a ResistiveNetwork"):
        measure_response(resistive_bench("sinh"))
    with pytest.raises(ConvergenceError, match="response"):
        measure_response(bench_of((6, 5, 5, 3), gain=40.0, tied=False), 1e-15)
