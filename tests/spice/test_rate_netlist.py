"""A rate network written out as a circuit settles where the network settles: drawn at random, and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spice.engine_required import engine

from neurosim.config.circuit import parse_circuit
from neurosim.crossbar.wires import Wires, effective_conductance
from neurosim.errors import ConfigError, ShapeError
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.cost import bind_cost
from neurosim.networks.graphs import loop, recurrent
from neurosim.networks.neurons import Neurons
from neurosim.networks.nudge import Nudge
from neurosim.networks.predictive import predictive_coding
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import layered
from neurosim.numerics.fixed_point import solve
from neurosim.numerics.status import Status
from neurosim.spice.analyses import OperatingPoint
from neurosim.spice.array import Conductances
from neurosim.spice.engines import run_all
from neurosim.spice.rate import RateCircuit, array_label, node_names
from neurosim.spice.teaching import BetaSource
from neurosim.units import Scale

SCALE = Scale(v_ref=0.2, g_ref=1e-5, c_node=1e-12)
G_MID = 2e-5


def network(sizes, activation="tanh", gain=0.8, seed=0, wires=None, build=layered, **options):
    """Return the circuit of a random network, and the weights its arrays have at their terminals."""
    rng = np.random.default_rng(seed)
    top = build(sizes, **options)
    arrays = {}
    for synapse in top.arrays:
        shape = top.shape(synapse)
        half = 0.5 * SCALE.g_ref * rng.uniform(-gain, gain, shape) / np.sqrt(shape[0])
        arrays[synapse.name] = Conductances(G_MID + half, G_MID - half)
    outputs = sizes[-1]
    x, y = rng.uniform(-1, 1, sizes[0]), rng.uniform(0, 0.5, outputs)
    rate = 1 / rng.uniform(0.7, 1.4, top.nodes)
    circuit = RateCircuit(RateNetwork(top, ACTIVATIONS[activation], rate), arrays, SCALE, x, y, wires)
    weights = {
        name: (effective_conductance(a.g_plus, wires) - effective_conductance(a.g_minus, wires)) / SCALE.g_ref
        for name, a in arrays.items()
    }
    return circuit, weights


def settled(circuit, weights, beta):
    """Return our settled state in volts."""
    net, x, y = circuit.network, circuit.x[None], circuit.y[None]
    nudge = Nudge(bind_cost(net.topology, weights), y, beta)
    field = net.bind(weights, net.static_drive(weights, x), nudge=nudge)
    found = solve(
        field, np.zeros((1, net.topology.nodes)), tolerance=1e-13, max_sweeps=20_000, method=net.topology.solver
    )
    assert found.status is Status.SETTLED
    return found.y[0] * SCALE.v_ref


def compared(circuit, weights, betas):
    """Return the largest deviation of the operating points under `betas` [V]."""
    names = node_names(circuit.network.topology, "u")
    vectors = [f"v({name})" for name in names]
    ours = [settled(circuit, weights, beta) for beta in betas]
    texts = [
        circuit.circuit(BetaSource(beta)).text(OperatingPoint(dict(zip(names, u, strict=True))), vectors)
        for beta, u in zip(betas, ours, strict=True)
    ]
    plots = [plots[-1] for plots in run_all(engine("ngspice"), texts, vectors=vectors)]
    theirs = [[plot.voltage(name)[0] for name in names] for plot in plots]
    return abs(np.array(ours) - np.array(theirs)).max()


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    tied=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 10_000),
    wired=st.booleans(),
)
def test_random_networks_settle_alike_free_and_nudged(sizes, activation, tied, bias, seed, wired):
    wires = Wires(20.0, 30.0, 100.0, 50.0) if wired else None
    circuit, weights = network(tuple(sizes), activation, 0.6, seed, wires, tied=tied, bias=bias)
    assert compared(circuit, weights, (0.0, 0.1)) <= 1e-9


def test_softmax_readout_settles_alike():
    circuit, weights = network((3, 4, 3), "dsilu", softmax_readout=True)
    assert compared(circuit, weights, (0.0, 0.3, -0.3)) <= 1e-9
    assert abs(settled(circuit, weights, 0.3) - settled(circuit, weights, 0.0)).max() > 1e-3


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("wires", [None, Wires(20.0, 30.0, 100.0, 50.0)], ids=["ideal", "wired"])
def test_values_and_errors_settle_alike(tied, wires):
    circuit, weights = network((3, 4, 3, 2), gain=1.0, build=predictive_coding, tied=tied, wires=wires)
    assert compared(circuit, weights, (0.0, 0.1, -0.1)) <= 1e-9
    text = circuit.circuit(BetaSource()).text(OperatingPoint(), ["v(h1_u_0)"])
    assert "b_wire_h1_e1_0 " in text


@pytest.mark.parametrize("build", [recurrent, loop])
def test_other_topologies_settle_alike(build):
    circuit, weights = network((3, 4, 3, 2), gain=0.5, build=build)
    assert compared(circuit, weights, (0.0, 0.1, -0.1)) <= 1e-9


def test_mismatched_neurons_settle_alike():
    circuit, weights = network((3, 4, 3), "dsilu")
    rng, nodes = np.random.default_rng(4), circuit.network.topology.nodes
    neurons = Neurons(rng.uniform(0.5, 1.5, nodes), rng.uniform(-0.4, 0.4, nodes))
    uneven = replace(circuit, network=replace(circuit.network, neurons=neurons))
    assert compared(uneven, weights, (0.0, 0.1)) <= 1e-9
    assert abs(settled(uneven, weights, 0.0) - settled(circuit, weights, 0.0)).max() > 1e-3


@pytest.mark.parametrize("neurons", [Neurons(u_max=1.0), Neurons(load=np.full(5, 0.9))])
def test_amplifiers_are_not_written_and_say_so(neurons):
    circuit, _ = network((2, 3, 2))
    with pytest.raises(ConfigError, match=r"no netlist is written for amplifiers .*leave \[network.amplifier\] out"):
        replace(circuit, network=replace(circuit.network, neurons=neurons))


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"crossbar": {"adc": {"bits": 8}}}, "[crossbar.adc] bits = 8: no netlist is written for converters"),
        ({"network": {"amplifier": {"gain": 50.0}}}, "[network.amplifier] gain = 50.0: no netlist is written"),
    ],
)
def test_a_circuit_file_with_converters_or_amplifiers_is_refused(table, text):
    document = {"network": {"layers": [2, 3, 2]}, "drive": {"x": [[0.1, 0.2]], "y": [[0.0, 1.0]]}}
    parse_circuit(document)
    with pytest.raises(ConfigError) as caught:
        parse_circuit({**document, **table, "network": {**document["network"], **table.get("network", {})}})
    assert text in str(caught.value)


def test_a_changed_conductance_shows():
    circuit, weights = network((2, 3, 2))
    circuit.arrays["W2"].g_plus[1, 1] *= 1.01
    assert compared(circuit, weights, (0.0,)) > 1e-6


def test_names_are_those_of_the_trace():
    circuit, _ = network((2, 3, 2))
    text = circuit.circuit(BetaSource()).text(OperatingPoint(), ["v(h1_u_0)"])
    for word in ("r_W2_g_plus_2_1 ", "r_W2_g_minus_0_0 ", "r_W2_back_g_plus_2_1 ", "c_h1_2 ", "b_out_1 out_a_1 0 v="):
        assert f"\n{word}" in text
    assert "* array W2: h1 -> out, 3 x 2 pairs, read both ways" in text
    assert "* layer h1: 3 neurons" in text
    assert "* neuron 2 of h1" in text


def test_arrays_that_differ_only_in_case_get_names_of_their_own():
    circuit, _ = network((2, 3, 2), tied=False)
    labels = [array_label(circuit.network.topology, s) for s in circuit.network.topology.arrays]
    assert labels == ["W1", "b1", "W2", "B2_out", "b2_bias"]


def test_a_transient_starts_where_it_is_told():
    circuit, _ = network((2, 3, 2))
    start = np.arange(5) / 10
    text = circuit.circuit(BetaSource(), start).text(OperatingPoint(), ["v(h1_u_0)"])
    found = [float(line.partition("ic=")[2]) for line in text.splitlines() if line.startswith("c_")]
    np.testing.assert_allclose(found, start * SCALE.v_ref)
    tau = [float(line.split()[3]) / SCALE.g_ref for line in text.splitlines() if line.startswith("c_")]
    np.testing.assert_allclose(tau, SCALE.tau / circuit.network.rate)


def test_wrong_shapes_are_refused():
    circuit, _ = network((2, 3, 2))
    with pytest.raises(ShapeError, match="conductances of W1"):
        RateCircuit(circuit.network, {**circuit.arrays, "W1": circuit.arrays["W2"]}, SCALE, circuit.x, circuit.y)
    with pytest.raises(ShapeError, match=r"x \(3,\), y \(2,\); expected \(2,\), \(2,\)"):
        RateCircuit(circuit.network, circuit.arrays, SCALE, np.zeros(3), circuit.y)
