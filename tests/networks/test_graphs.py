"""Topologies beyond the layered one: what they are, and that EP approaches the exact gradient on reciprocal ones."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from small_net import EXACT, weights_of

from neurosim.errors import ConfigError
from neurosim.learning.bench import Bench
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, SymmetricEP
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.graphs import from_graph, loop, recurrent, with_skips
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import BIAS, layered

BETAS = (0.02, 0.04, 0.08)


def graph():
    found = nx.DiGraph()
    found.add_node("input", size=5)
    for name, size in (("left", 4), ("right", 3), ("out", 2)):
        found.add_node(name, size=size)
    found.add_edge("input", "left")
    found.add_edge("input", "right")
    found.add_edge("left", "out", reciprocal=True)
    found.add_edge("right", "out", reciprocal=True)
    found.add_edge("left", "right", reciprocal=True)
    found.add_edge("left", "left", reciprocal=True, name="R_left")
    return found


RECIPROCAL = {
    "graph": lambda: from_graph(graph(), output="out"),
    "skips": lambda: with_skips(layered((5, 4, 3, 2)), [("h1", "out"), ("input", "out")]),
    "recurrent": lambda: recurrent((5, 4, 2)),
    "recurrent with readout": lambda: recurrent((5, 4, 3, 2), softmax_readout=True),
}
OTHER = {
    "loop": lambda: loop((5, 4, 3, 2)),
    "untied skips": lambda: with_skips(layered((5, 4, 3, 2), tied=False), [("h1", "out")]),
}


def bench_of(top, seed=3):
    rng = np.random.default_rng(seed)
    weights = weights_of(top, rng, 0.35)
    x = rng.random((4, top.by_name["input"].size))
    y = np.eye(2)[rng.integers(0, 2, 4)]
    return Bench(RateNetwork(top, ACTIVATIONS["steep_logistic"]), lambda _: weights, x, y, EXACT)


def slope(bench, estimator):
    exact = measure_rbp(bench, 1e-14).gradient()
    errors = [
        relative_error(measure_phases(bench, estimator(beta), np.random.default_rng(0)).gradient(), exact)
        for beta in BETAS
    ]
    return np.polyfit(np.log(BETAS), np.log(errors), 1)[0]


@pytest.mark.parametrize("name", RECIPROCAL)
@pytest.mark.parametrize(
    ("estimator", "order"), [(OneSidedEP, 1), (SymmetricEP, 2), (lambda b: HolomorphicEP(b, 4), 4)], ids="124"
)
def test_estimators_keep_their_order_on_every_reciprocal_topology(name, estimator, order):
    assert slope(bench_of(RECIPROCAL[name]()), estimator) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("name", [*RECIPROCAL, *OTHER])
def test_exact_gradient_equals_central_differences(name):
    top = (RECIPROCAL | OTHER)[name]()
    bench = bench_of(top)
    exact = measure_rbp(bench, 1e-14).gradient()
    weights = bench.weights(0)

    def loss(changed):
        moved = replace(bench, weights=lambda _: changed).exact(1e-14)
        free = moved.operating_point()
        return float(moved.cost().loss(moved.output(free.a), moved.y).mean())

    rng = np.random.default_rng(1)
    for array in exact:
        index = tuple(rng.integers(0, n) for n in exact[array].shape)
        step = np.zeros_like(weights[array])
        step[index] = 1e-4
        up, down = ({**weights, array: weights[array] + sign * step} for sign in (1, -1))
        assert (loss(up) - loss(down)) / 2e-4 == pytest.approx(exact[array][index], rel=1e-5, abs=1e-9), array


def test_a_loop_has_no_reciprocal_pair_and_feeds_its_end_to_its_beginning():
    top = loop((5, 4, 3, 2))
    edges = {(s.pre, s.post) for s in top.synapses if s.pre != BIAS}
    assert edges == {("input", "h1"), ("h1", "h2"), ("h2", "out"), ("out", "h1")}
    assert not any(s.reciprocal for s in top.synapses)
    with pytest.raises(ConfigError, match="at least two free layers"):
        loop((5, 2))


def test_a_recurrent_layer_is_driven_by_the_symmetric_part_of_its_array():
    bench = bench_of(recurrent((5, 4, 2)))
    a = np.random.default_rng(0).random((4, 6))
    weights = {n: w * (n == "R_h1") for n, w in bench.weights(0).items()}
    field = replace(bench, weights=lambda _: weights).field()
    u = np.log(a / (1 - a)) / 4 + 0.5
    drive = field.target(0.0, u, np.empty_like(u))
    w = weights["R_h1"]
    np.testing.assert_allclose(drive[:, :4], a[:, :4] @ (w + w.T), atol=1e-12)
    assert not drive[:, 4:].any()


def test_a_layered_graph_is_the_layered_topology():
    plain = nx.DiGraph()
    for name, size in (("input", 5), ("h1", 4), ("out", 2)):
        plain.add_node(name, size=size)
    plain.add_edge("input", "h1", name="W1")
    plain.add_edge("h1", "out", name="W2", reciprocal=True)
    top, other = from_graph(plain, output="out", bias=False), layered((5, 4, 2), bias=False)
    assert top.synapses == other.synapses
    assert (top.slices, top.blocks, top.classes) == (other.slices, other.blocks, other.classes)


def changed(edit):
    found = graph()
    edit(found)
    return found


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda g: g.remove_node("input"), "has no node 'input'"),
        (lambda g: g.add_node("spare"), r"node 'spare' has size = None; expected an integer >= 1"),
        (lambda g: g.add_node("spare", size=3), "layer 'spare' gets no signal from 'input'"),
        (lambda g: g.add_node("a b", size=3), "node 'a b': a layer's name is a word"),
        (lambda g: g.add_edge("input", "out", reciprocal=True), "a clamped layer gets nothing back"),
        (lambda g: g.add_edge("input", "out", name="R_left"), "two arrays are called 'R_left'"),
        (lambda g: g.add_edge("input", "out", name="beta"), "a word that does not start with b"),
        (lambda g: g.add_edge("left", "input"), "ends on the clamped layer input"),
    ],
)
def test_a_wrong_graph_is_refused(edit, message):
    with pytest.raises(ConfigError, match=message):
        from_graph(changed(edit), output="out")


def test_a_wrong_output_or_skip_is_refused():
    with pytest.raises(ConfigError, match="graph: output: unknown 'uot'"):
        from_graph(graph(), output="uot")
    top = layered((5, 4, 3, 2))
    for skip, message in (
        (("h1", "h2"), "are joined already"),
        (("h9", "out"), "layer: unknown 'h9'"),
        (("h1", "input"), "free layer: unknown 'input'"),
    ):
        with pytest.raises(ConfigError, match=message):
            with_skips(top, [skip])
