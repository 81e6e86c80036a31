"""A passive network written out as a circuit settles where the network settles: drawn at random, every option."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spice.engine_required import engine

from neurosim.errors import RangeError, ShapeError
from neurosim.learning.bench import Bench
from neurosim.networks.resistive import (
    Conductances,
    Diode,
    Sinh,
    Stage,
    antiparallel,
    layered_resistive,
)
from neurosim.settle import SettleOptions
from neurosim.spice.analyses import OperatingPoint
from neurosim.spice.engines import run_all
from neurosim.spice.rate import node_names
from neurosim.spice.resistive import ResistiveCircuit
from neurosim.spice.teaching import BetaSource
from neurosim.units import Scale

SCALE = Scale(v_ref=1.0, g_ref=5e-4, c_node=1e-9)
ENGINES_DIODE = Diode(constants="codata2014", reverse="spice3", g_min=1e-15)
EXACT = SettleOptions(method="operating_point", tolerance=1e-12)


def network(sizes=(2, 3, 2), *, seed=0, diode=ENGINES_DIODE, open_devices=0.0, **options):
    """Return the circuit of a random passive network and its bench."""
    rng = np.random.default_rng(seed)
    net = layered_resistive(sizes, scale=SCALE, leak=0.02, clamps=antiparallel(diode, 0.1), **options)
    conductances = {}
    for synapse in net.topology.synapses:
        shape = net.topology.shape(synapse)
        planes = [rng.uniform(0.2, 2.0, shape) * (rng.random(shape) >= open_devices) for _ in range(2)]
        conductances[synapse.name] = Conductances(planes[0], planes[1] if net.inputs == "pairs" else None)
    x, y = rng.uniform(-1, 1, sizes[0]), rng.uniform(-0.2, 0.2, sizes[-1])
    bench = Bench(net, lambda _: conductances, x[None], y[None], EXACT)
    return ResistiveCircuit(net, conductances, x, y), bench


def deviation(circuit, bench, betas):
    """Return the largest deviation of the operating points under `betas` [V]."""
    names = node_names(circuit.network.topology, "u")
    vectors = [f"v({name})" for name in names]
    start = np.zeros((1, len(names)))
    ours = [bench.nudged([beta], start, 0).require("ours", EXACT.tolerance).u[0] for beta in betas]
    texts = [circuit.circuit(BetaSource(beta)).text(OperatingPoint(), vectors) for beta in betas]
    plots = [plots[-1] for plots in run_all(engine("ngspice"), texts, vectors=vectors)]
    theirs = [[plot.voltage(name)[0] for name in names] for plot in plots]
    return abs(np.array(ours) * SCALE.v_ref - np.array(theirs)).max()


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    inputs=st.sampled_from(["doubled", "pairs"]),
    outputs=st.sampled_from(["single", "pairs"]),
    gain=st.sampled_from([None, Stage(4.0), Stage(2.0, 0.7)]),
    law=st.sampled_from([None, Sinh(0.3)]),
    seed=st.integers(0, 10_000),
)
def test_random_networks_settle_alike_free_and_nudged(sizes, inputs, outputs, gain, law, seed):
    circuit, bench = network(tuple(sizes), seed=seed, inputs=inputs, outputs=outputs, stage=gain, law=law)
    assert deviation(circuit, bench, (0.0, 0.05, -0.05)) <= 1e-9


def test_the_diode_of_the_engine_is_matched_to_the_last_digits_and_others_are_not():
    strong = replace(ENGINES_DIODE, i_s=1e-6)
    assert deviation(*network(diode=strong), (0.0,)) <= 1e-14
    for other in (replace(strong, constants="codata2018"), replace(strong, reverse="shockley")):
        assert deviation(*network(diode=other), (0.0,)) > 1e-11


def test_open_devices_are_left_out():
    circuit, bench = network(open_devices=0.3, seed=2)
    zeros = sum((pair.plus == 0).sum() for pair in circuit.conductances.values())
    assert zeros > 3
    assert deviation(circuit, bench, (0.0,)) <= 1e-12


def test_stages_are_sources_with_their_current_sensed():
    circuit, _ = network(inputs="pairs", stage=Stage(4.0))
    text = circuit.circuit(BetaSource()).text(OperatingPoint(), ["v(out_u_0)"])
    for line in (
        "e_h1_amp_0 h1_amp_0_drive 0 h1_u_0 0 4",
        "f_h1_amp_0 h1_u_0 0 v_h1_amp_0 0.25",
        "e_h1_inv_0 h1_inv_0_drive 0 h1_u_0 0 -4",
        "f_h1_inv_0 h1_u_0 0 v_h1_inv_0 -0.25",
    ):
        assert f"\n{line}\n" in text


def test_diodes_of_several_temperatures_are_refused():
    hot, cold = Diode(temperature=350.0), Diode(temperature=300.0)
    clamps = (*antiparallel(hot, 0.1), *antiparallel(cold, 0.1))
    net = layered_resistive((1, 2, 1), scale=SCALE, clamps=clamps)
    conductances = {s.name: Conductances(np.ones(net.topology.shape(s))) for s in net.topology.synapses}
    circuit = ResistiveCircuit(net, conductances, np.zeros(1), np.zeros(1))
    with pytest.raises(RangeError, match="diodes of several temperatures"):
        circuit.circuit(BetaSource())


def test_wrong_conductances_are_refused():
    circuit, _ = network()
    good = dict(circuit.conductances)
    with pytest.raises(ShapeError, match="conductances of W1"):
        ResistiveCircuit(circuit.network, {**good, "W1": good["W2"]}, circuit.x, circuit.y)
    pair = Conductances(good["W1"].plus, good["W1"].plus)
    with pytest.raises(ShapeError, match=r"G- comes with inputs = 'pairs'"):
        ResistiveCircuit(circuit.network, {**good, "W1": pair}, circuit.x, circuit.y)
    negative = {**good, "W1": Conductances(-good["W1"].plus)}
    with pytest.raises(RangeError, match=r"a negative or undefined one; allowed \[0, inf\) S"):
        ResistiveCircuit(circuit.network, negative, circuit.x, circuit.y).circuit(BetaSource())
