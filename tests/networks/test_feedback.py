"""Pairs of forward and feedback arrays, and the angle between them."""

import numpy as np
import pytest
from small_conv_net import topology_of

from neurosim.networks.feedback import angle, as_feedback, feedback_pairs, turned
from neurosim.networks.topology import Layer, Synapse, Topology, layered


def names(topology):
    return [(forward.name, back.name) for forward, back in feedback_pairs(topology)]


def test_pairs_of_layered_networks():
    assert names(layered((6, 5, 4, 3), tied=False)) == [("W2", "B2"), ("W3", "B3")]
    assert names(layered((6, 5, 4, 3), tied=False, softmax_readout=True)) == [("W2", "B2")]
    assert names(layered((6, 5, 4, 3))) == []


def test_kernels_are_paired_by_name_and_keep_their_shape():
    pairs = feedback_pairs(topology_of(tied=False))
    kernels = [(forward, back) for forward, back in pairs if forward.kernel is not None]
    assert kernels
    for forward, back in kernels:
        assert back.forward == forward.name
        w = np.ones((4, 2))
        assert as_feedback(forward, w) is w
    assert as_feedback(pairs[-1][0], np.ones((4, 2))).shape == (2, 4)  # the dense layer on top


def test_a_loop_without_a_way_back_is_no_pair():
    layers = (Layer("input", 3, clamped=True), Layer("h1", 4), Layer("h2", 4), Layer("out", 2))
    arrays = [("input", "h1"), ("h1", "h2"), ("h2", "out"), ("out", "h1")]
    synapses = tuple(Synapse(f"W{k}", pre, post) for k, (pre, post) in enumerate(arrays))
    assert names(Topology(layers, synapses, "out")) == []


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 180.0])
@pytest.mark.parametrize("shape", [(5, 3), (2, 2), (40, 30)])
def test_turned_weights_have_the_angle_and_the_norm(degrees, shape):
    rng = np.random.default_rng(1)
    w, draw = rng.standard_normal(shape), rng.standard_normal(shape) + 0.3
    found = turned(w, draw, degrees)
    assert angle(w, found) == pytest.approx(degrees, abs=2e-6)  # acos near 0 resolves the root of round-off
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(w), rel=1e-12)
    if degrees == 0:
        assert np.array_equal(found, w)


def test_what_cannot_be_turned_is_scaled():
    w = np.array([[2.0]])
    assert turned(w, np.array([[5.0]]), 60.0) == pytest.approx(1.0)
    assert np.array_equal(turned(np.zeros((2, 2)), np.ones((2, 2)), 60.0), np.zeros((2, 2)))


def test_angle_of_nothing_is_no_number():
    assert np.isnan(angle(np.zeros((2, 2)), np.ones((2, 2))))
    assert angle(np.ones((2, 2)), -3 * np.ones((2, 2))) == 180
