"""The description of a resistive network: its layers, the weights of its co-content, what is refused."""

import numpy as np
import pytest
from resistive_net import DIODES, KINDS, SCALE, conductances_of, network_of

from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.networks.resistive import Linear, ResistiveNetwork, Sinh, Stage, layered_resistive
from neurosim.networks.topology import Layer, Synapse, Topology, layered


def test_doubled_layers_hold_both_signs():
    network = network_of("output pairs", (3, 4, 2))
    top = network.topology
    sizes = {layer.name: layer.size for layer in top.layers}
    assert sizes == {"input": 6, "bias": 2, "h1": 4, "out": 4}
    assert top.classes == 2
    x = np.array([[1.0, -2.0, 0.5]])
    rows = network.clamped(x)
    np.testing.assert_array_equal(rows["input"], [[1.0, -2.0, 0.5, -1.0, 2.0, -0.5]])
    np.testing.assert_array_equal(rows["bias"], [[1.0, -1.0]])


def test_pairs_hold_the_data_once():
    network = network_of("pairs", (3, 4, 2))
    assert {layer.name: layer.size for layer in network.topology.layers} == {"input": 3, "bias": 1, "h1": 4, "out": 2}
    x = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_array_equal(network.clamped(x)["input"], x)
    np.testing.assert_array_equal(network.clamped(x)["bias"], [[1.0]])


def test_one_value_serves_all_hidden_layers_and_a_mapping_names_them():
    network = layered_resistive((2, 3, 3, 1), scale=SCALE, stage=Stage(4), leak=0.1, clamps=DIODES, law=Sinh(0.3))
    assert network.stages == {"h1": Stage(4), "h2": Stage(4)}
    assert network.leaks == {"h1": 0.1, "h2": 0.1}
    assert network.clamps == {"h1": DIODES, "h2": DIODES}
    assert set(network.laws) == {s.name for s in network.topology.synapses}
    one = layered_resistive((2, 3, 3, 1), scale=SCALE, leak={"out": 0.2}, law={"W2": Sinh(0.3)})
    assert one.leaks == {"out": 0.2}
    assert (one.law("W2"), one.law("W1")) == (Sinh(0.3), Linear())


def test_back_gain_is_the_reciprocal_of_the_gain_unless_given():
    assert Stage(4.0) == Stage(4.0, 0.25)
    assert Stage(4.0, 0.5).back_gain == 0.5


def test_weights_of_the_co_content_are_products_of_the_stages_passed():
    assert network_of("doubled").co_weights == {"h1": 1.0, "h2": 1.0, "out": 1.0}
    network = network_of("stages that lose power")
    assert network.co_weights["out"] == 1.0
    assert network.co_weights["h2"] == pytest.approx(3.0 / 0.5)
    assert network.co_weights["h1"] == pytest.approx(4.0 / 0.1 * 3.0 / 0.5)


def forked(stages):
    """Return a network in which h1 reaches the output directly and through h2."""
    layers = (Layer("input", 2, clamped=True), Layer("h1", 2), Layer("h2", 2), Layer("out", 1))
    synapses = (Synapse("W1", "input", "h1"), Synapse("W2", "h1", "h2", True), Synapse("W3", "h2", "out", True),
                Synapse("skip", "h1", "out", True))  # fmt: skip
    return ResistiveNetwork(Topology(layers, synapses, "out"), SCALE, stages=stages)


def test_ways_to_the_output_must_agree_on_the_weights():
    assert forked({}).co_weights == {"h1": 1.0, "h2": 1.0, "out": 1.0}
    assert forked({"h2": Stage(4.0, 4.0)}).co_weights["h1"] == 1.0
    with pytest.raises(ConfigError, match=r"array \w+ from h\d to \w+: the gains of the stages.*no co-content exists"):
        forked({"h2": Stage(4.0)})


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (ConfigError, r"network.inputs: unknown 'double' \(did you mean 'doubled'\?\)", {"inputs": "double"}),
        (ConfigError, r"network.outputs: unknown 'doubled'; allowed: single, pairs", {"outputs": "doubled"}),
        (ConfigError, r"network.stages: free layer: unknown 'h2'.*allowed: h1, out", {"stages": {"h2": Stage(4)}}),
        (ConfigError, r"network.clamps: free layer: unknown 'input'", {"clamps": {"input": DIODES}}),
        (ConfigError, r"network.laws: array: unknown 'W3'", {"laws": {"W3": Sinh()}}),
        (RangeError, r"network.leaks.h1 = -0.1: allowed \[0, inf\), in units of g_ref", {"leaks": {"h1": -0.1}}),
    ],
)
def test_wrong_parts_are_refused(error, text, wrong):
    with pytest.raises(error, match=text):
        ResistiveNetwork(layered((2, 3, 2), bias=False), SCALE, **wrong)


def test_layers_that_are_halved_must_be_even():
    with pytest.raises(ConfigError, match=r"layer input has 3 nodes, which do not come in pairs"):
        ResistiveNetwork(layered((3, 3, 2), bias=False), SCALE)
    with pytest.raises(ConfigError, match=r"layer out has 3 nodes"):
        ResistiveNetwork(layered((2, 3, 3), bias=False), SCALE, inputs="pairs", outputs="pairs")


def test_arrays_that_carry_current_one_way_are_refused():
    with pytest.raises(ConfigError, match=r"array W2 from h1 to out is not reciprocal: .*use a tied topology"):
        ResistiveNetwork(layered((2, 3, 2), bias=False, tied=False), SCALE)
    with pytest.raises(ConfigError, match=r"no readout outside its dynamics"):
        ResistiveNetwork(layered((2, 3, 2), bias=False, softmax_readout=True), SCALE)


@pytest.mark.parametrize("wrong", [{"gain": 0.0}, {"gain": -4.0}, {"gain": 4.0, "back_gain": -1.0}, {"gain": np.inf}])
def test_wrong_stages_are_refused(wrong):
    with pytest.raises(RangeError, match=r"Stage.\w+ = .*: allowed \(0, inf\)"):
        Stage(**wrong)


def test_shapes_are_checked_when_the_network_is_bound():
    network, rng = network_of("doubled"), np.random.default_rng(0)
    found = conductances_of(network, rng)
    with pytest.raises(ShapeError, match=r"input has shape \(2, 6\); expected \(batch, 3\)"):
        network.bind(found, np.zeros((2, 6)))
    wrong = {**found, "W2": found["W2"]._replace(plus=found["W2"].plus.T)}
    with pytest.raises(ShapeError, match=r"array W2: conductances \[\(3, 4\), None\]; expected \(4, 3\), G alone"):
        network.bind(wrong, np.zeros((2, 3)))
    network = network_of("pairs")
    single = {name: read._replace(minus=None) for name, read in conductances_of(network, rng).items()}
    with pytest.raises(ShapeError, match=r"array W1: conductances \[\(3, 4\), None\]; expected \(3, 4\), G\+ and G-"):
        network.bind(single, np.zeros((2, 3)))


def test_read_noise_at_every_read_is_refused():
    network = network_of("doubled")
    with pytest.raises(ConfigError, match="fresh at every read is not modelled"):
        network.field(conductances_of(network, np.random.default_rng(0)), np.zeros((2, 3)), read_noise=object())


def test_all_kinds_exist():
    assert {network_of(kind).inputs for kind in KINDS} == {"doubled", "pairs"}
