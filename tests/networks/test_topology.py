import networkx as nx
import pytest

from neurosim.errors import ConfigError
from neurosim.networks.topology import Layer, Synapse, Topology, layered


def test_layered_shapes_and_columns():
    top = layered([6, 5, 4, 3])
    assert [(s.name, top.shape(s), s.reciprocal) for s in top.arrays] == [
        ("W1", (6, 5), False),
        ("b1", (1, 5), False),
        ("W2", (5, 4), True),
        ("b2", (1, 4), False),
        ("W3", (4, 3), True),
        ("b3", (1, 3), False),
    ]
    assert top.slices == {"h1": slice(0, 5), "h2": slice(5, 9), "out": slice(9, 12)}
    assert top.nodes == 12


def test_readout_is_outside_the_state():
    top = layered([6, 5, 3], softmax_readout=True)
    assert top.output == "h1"
    assert top.nodes == 5
    assert [(s.name, top.shape(s)) for s in top.readout] == [("readout", (5, 3)), ("b_readout", (1, 3))]


def test_untied_has_a_feedback_array_of_transposed_shape():
    top = layered([6, 5, 4], tied=False, bias=False)
    assert {s.name: top.shape(s) for s in top.arrays} == {"W1": (6, 5), "W2": (5, 4), "B2": (4, 5)}
    assert not any(s.reciprocal for s in top.arrays)


@pytest.mark.parametrize("sizes", [[4, 3], [4, 3, 2], [6, 5, 4, 3, 2, 2]])
def test_blocks_have_no_synapse_inside_and_cover_all_free_layers(sizes):
    top = layered(sizes)
    assert sorted(n for block in top.blocks for n in block) == sorted(layer.name for layer in top.free)
    assert len(top.blocks) == min(2, len(sizes) - 1)
    for block in top.blocks:
        inside = top.graph.subgraph(block)
        assert inside.number_of_edges() == 0


def test_a_triangle_needs_three_blocks():
    layers = tuple(Layer(n, 2) for n in "abc")
    synapses = tuple(Synapse(p + q, p, q, reciprocal=True) for p, q in ("ab", "bc", "ca"))
    top = Topology(layers, synapses, "c")
    assert len(top.blocks) == 3
    assert nx.is_weakly_connected(top.graph)


def test_errors_name_the_synapse():
    with pytest.raises(ConfigError, match=r"at least 2 layers"):
        layered([5])
    with pytest.raises(ConfigError, match="synapse ax"):
        Topology((Layer("a", 2),), (Synapse("ax", "a", "x"),), "a")
    with pytest.raises(ConfigError, match="clamped"):
        Topology((Layer("a", 2), Layer("i", 2, clamped=True)), (Synapse("ai", "a", "i"),), "a")
