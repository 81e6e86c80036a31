"""Gradients of every architecture by every estimator and reference, in float64.

Toward the exact gradient (RBP) with tied weights and toward the true response with untied ones, the error of an
estimator falls with its order of beta; back-propagation through time is its finite difference, and RBP when settled.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import pytest
from learning.test_bptt import loss_after
from small_conv_net import topology_of as kernels
from small_net import EXACT, weights_of

from neurosim.gradcheck import fitted_slope
from neurosim.learning.bench import Bench
from neurosim.learning.bptt import measure_bptt
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, OscillatingEP, SymmetricEP
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.learning.response import measure_response
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.graphs import from_graph, loop, recurrent, with_skips
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import Topology, layered
from neurosim.settle import SettleOptions

SIZES = (12, 8, 8, 4)


def any_graph():
    graph = nx.DiGraph()
    for name, size in (("input", 12), ("left", 6), ("right", 5), ("out", 4)):
        graph.add_node(name, size=size)
    graph.add_edges_from([("input", "left"), ("input", "right"), ("left", "out"), ("out", "right"), ("left", "right")])
    graph.add_edge("right", "left")
    return from_graph(graph, output="out")


@dataclass(frozen=True)
class Case:
    """An architecture, the betas at which its slopes are taken, and whether complex ones are allowed."""

    topology: Callable[[], Topology]
    scale: float = 1.0
    gain: float = 0.3
    holomorphic: bool = True

    def bench(self, options=EXACT, gain=None):
        rng, top = np.random.default_rng(3), self.topology()
        weights = weights_of(top, rng, self.gain if gain is None else gain)
        for s in top.synapses:
            if s.forward is not None:  # near its forward array: with any feedback a max pool may switch for ever
                weights[s.name] = weights[s.forward] + 0.3 * weights[s.name]
        classes = top.classes
        x, y = rng.random((4, top.by_name["input"].size)), np.eye(classes)[rng.integers(0, classes, 4)]
        return Bench(RateNetwork(top, ACTIVATIONS["steep_logistic"]), lambda _: weights, x, y, options)


# a readout's disc of convergence is larger than that of a squared error, whose slope is 1
READOUT = 4.0
CASES = {
    "layered": Case(lambda: layered(SIZES)),
    "layered, untied": Case(lambda: layered(SIZES, tied=False)),
    "softmax readout": Case(lambda: layered(SIZES, softmax_readout=True), READOUT),
    "softmax readout, untied": Case(lambda: layered(SIZES, softmax_readout=True, tied=False), READOUT),
    "skips": Case(lambda: with_skips(layered(SIZES), [("input", "h2"), ("h1", "out")]), 0.5),
    "skips, untied": Case(lambda: with_skips(layered(SIZES, tied=False), [("input", "h2"), ("h1", "out")])),
    "recurrent": Case(lambda: recurrent((12, 8, 4))),
    "loop": Case(lambda: loop(SIZES)),
    "loop, softmax readout": Case(lambda: loop((12, 8, 8, 6, 4), softmax_readout=True), READOUT),
    "any graph": Case(any_graph),
}
for pool in ("average", "softmax", "max"):
    for tied in (True, False):
        for readout in ("dense", "softmax"):
            name = f"{pool} pools{'' if tied else ', untied'}{'' if readout == 'dense' else ', softmax readout'}"
            options = {"padding": 1, "input_shape": (1, 9, 8), "tied": tied, "readout": readout}
            scale = (0.25 if pool == "max" else 1.0) * (READOUT if readout == "softmax" else 1.0)
            CASES[name] = Case(lambda p=pool, o=options: kernels(p, **o), scale, holomorphic=pool != "max")
BETAS = np.array((0.04, 0.06, 0.09, 0.13))


def both_signs(bench, beta):
    plus, minus = phased(bench, OneSidedEP(beta)), phased(bench, OneSidedEP(-beta))
    return {name: (plus[name] + minus[name]) / 2 for name in plus}


def phased(bench, estimator):
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


ESTIMATORS = {
    "one-sided": (1, lambda bench, b: phased(bench, OneSidedEP(b))),
    "symmetric": (2, lambda bench, b: phased(bench, SymmetricEP(b))),
    "random sign, mean": (2, both_signs),
    "sine lock-in": (2, lambda bench, b: phased(bench, OscillatingEP(b, "cosine", 16, harmonics=1))),
    "sine lock-in, 3rd harmonic": (4, lambda bench, b: phased(bench, OscillatingEP(b, "cosine", 16, harmonics=3))),
    "Cauchy, 3 points": (3, lambda bench, b: phased(bench, HolomorphicEP(b, 3))),
    "Cauchy, 4 points": (4, lambda bench, b: phased(bench, HolomorphicEP(b, 4))),
}
by_case = pytest.mark.parametrize("name", CASES)


def is_tied(bench):
    top = bench.network.topology
    return all(s.reciprocal or top.by_name[s.pre].clamped for s in top.synapses)


@by_case
def test_error_of_every_estimator_falls_with_its_order(name):
    case = CASES[name]
    bench = case.bench()
    exact, limit = (measure(bench, 1e-14).gradient() for measure in (measure_rbp, measure_response))
    apart = relative_error(limit, exact)
    assert apart < 1e-11 if is_tied(bench) else apart > 1e-3
    betas = case.scale * BETAS
    for estimator, (order, gradient) in ESTIMATORS.items():
        if estimator.startswith("Cauchy") and not case.holomorphic:
            continue
        errors = [relative_error(gradient(bench, float(b)), limit) for b in betas]
        assert fitted_slope(betas, errors) == pytest.approx(order, abs=0.15), (estimator, errors)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].holomorphic])
def test_four_points_give_the_limit_to_a_millionth(name):
    bench = CASES[name].bench()
    limit = measure_response(bench, 1e-14).gradient()
    assert relative_error(phased(bench, HolomorphicEP(0.01, 4)), limit) <= 1e-6


@by_case
def test_bptt_is_the_finite_difference_of_the_loss_after_its_steps(name):
    bench = CASES[name].bench(SettleOptions(free_steps=6, nudged_steps=4, dt=0.8), gain=0.7)
    weights, rng, h = bench.weights(0), np.random.default_rng(0), 1e-6
    gradient = measure_bptt(bench).gradient()
    for array, w in weights.items():
        direction = rng.standard_normal(w.shape)
        up, down = (loss_after(bench, weights, {**weights, array: w + s * h * direction}, 4) for s in (1, -1))
        assert (gradient[array] * direction).sum() == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9), array


@by_case
def test_bptt_through_a_settled_network_is_rbp(name):
    bench = CASES[name].bench(SettleOptions(free_steps=240, nudged_steps=120))
    exact = measure_rbp(bench, 1e-13).gradient()
    assert relative_error(measure_bptt(bench).gradient(), exact) <= 1e-8
    assert relative_error(measure_bptt(bench, 1).gradient(), exact) > 1e-3


@by_case
def test_rbp_is_the_finite_difference_of_the_settled_loss(name):
    bench = CASES[name].bench()
    weights, rng, h = bench.weights(0), np.random.default_rng(1), 1e-5
    gradient = measure_rbp(bench, 1e-13).gradient()

    def loss(changed):
        there = replace(bench, weights=lambda _: changed)
        return float(there.cost().loss(there.output(there.free().a), there.y).mean())

    for array, w in weights.items():
        direction = rng.standard_normal(w.shape)
        up, down = (loss({**weights, array: w + s * h * direction}) for s in (1, -1))
        assert (gradient[array] * direction).sum() == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-9), array
