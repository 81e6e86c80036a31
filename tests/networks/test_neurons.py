"""Mismatched neurons and amplifiers: derivatives, exact gradients, and the circuit they stand for."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EXACT as CONTROLLED
from small_controller import G_REF, batch_of, controller_of, device_of
from small_net import bench_of
from spice.engine_required import engine

from neurosim.crossbar import Crossbar
from neurosim.errors import ConfigError, RangeError
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import HolomorphicEP, SymmetricEP
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.learning.response import measure_response
from neurosim.networks.neurons import Amplifier, Neurons, summed_conductance
from neurosim.numerics.integrate import integrate
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.rng import Streams
from neurosim.spice.analyses import OperatingPoint, Transient
from neurosim.spice.elements import capacitor, conductance, resistor, scaled_voltage, voltage
from neurosim.spice.netlist import Circuit, Section
from neurosim.units import Scale

SCALE = Scale(v_ref=0.2, g_ref=1e-5, c_node=1e-12)


def mismatched(seed=2, u_max=None, load=True, **kwargs):
    """Return a bench whose neurons all differ in gain, threshold and load, its weights, and a way to move one."""
    bench = bench_of(**kwargs)
    rng, nodes = np.random.default_rng(seed), bench.network.topology.nodes
    neurons = Neurons(
        rng.uniform(0.5, 1.6, nodes),
        rng.uniform(-0.3, 0.3, nodes),
        rng.uniform(0.7, 1.0, nodes) if load else 1.0,
        u_max,
    )
    return replace(bench, network=replace(bench.network, neurons=neurons))


def loss_at(bench, weights):
    moved = replace(bench, weights=lambda _: weights)
    free = moved.free().require("test", 1e-13)
    return float(moved.cost().loss(moved.output(free.a), moved.y).mean())


@pytest.mark.parametrize("u_max", [None, 0.8])
def test_the_slope_is_the_derivative_of_the_activity(u_max):
    network = mismatched(u_max=u_max).network
    u = np.random.default_rng(1).standard_normal((4, network.topology.nodes))
    step = 1e-20j  # the complex step: no difference is formed
    assert network.slope(u) == pytest.approx(network.activity(u + step).imag / 1e-20, rel=1e-12)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("u_max", [None, 1.5])
def test_the_exact_gradient_is_that_of_the_mismatched_network(tied, u_max):
    bench = mismatched(u_max=u_max, sizes=(6, 5, 4), batch=3, tied=tied)
    weights, gradient, h = dict(bench.weights(0)), measure_rbp(bench, 1e-13).gradient(), 1e-5
    for name in weights:
        for index in ((0, 0), (0, 2)):
            losses = []
            for sign in (1, -1):
                w = weights[name].copy()
                w[index] += sign * h
                losses.append(loss_at(bench, {**weights, name: w}))
            assert gradient[name][index] == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("u_max", [None, 1.5])
def test_mismatch_leaves_the_limit_of_ep_exact_with_tied_arrays(u_max):
    """Each activity is a monotone function of its own drive: an energy exists, whatever these functions are."""
    bench = mismatched(u_max=u_max)
    exact = measure_rbp(bench, 1e-13).gradient()
    assert relative_error(measure_response(bench, 1e-13).gradient(), exact) < 1e-9
    betas = (0.02, 0.04, 0.08)
    errors = [relative_error(measure_phases(bench, SymmetricEP(b), None).gradient(), exact) for b in betas]
    assert np.polyfit(np.log(betas), np.log(errors), 1)[0] == pytest.approx(2, abs=0.1)
    assert relative_error(measure_phases(bench, HolomorphicEP(0.04, 8), None).gradient(), exact) < 1e-8


def test_a_gain_on_the_backward_read_alone_does_not_leave_it_exact():
    """The counterpart: a factor between activity and one reading of an array makes the coupling asymmetric."""
    bench = mismatched(tied=False)
    weights = {n: w for n, w in bench.weights(0).items() if not n.startswith("B")}
    factor = np.random.default_rng(3).uniform(0.5, 1.6, 8)
    uneven = {**weights, "B2": weights["W2"].T * factor, "B3": weights["W3"].T * 1.0}
    even = {**weights, "B2": weights["W2"].T * 1.0, "B3": weights["W3"].T * 1.0}
    errors = []
    for found in (even, uneven):
        here = replace(bench, weights=lambda _, found=found: found)
        names = [n for n in weights if n.startswith("W")]
        limit, exact = (m(here, 1e-13).gradient() for m in (measure_response, measure_rbp))
        errors.append(relative_error({n: limit[n] for n in names}, {n: exact[n] for n in names}))
    assert errors[0] < 1e-9
    assert errors[1] > 1e-2


def test_neutral_neurons_change_no_bit():
    bench = bench_of()
    same = replace(bench, network=replace(bench.network, neurons=Neurons()))
    assert (same.free().u == bench.free().u).all()


def loaded_gradients(mapping, gain):
    """Return RBP at fixed amplifiers, and the true derivative of the loss by one written weight."""
    controller, state = controller_of(options=CONTROLLED, amplifier=Amplifier(gain))
    crossbars = {
        name: Crossbar.build(
            name, c.shape, device=device_of(), mapping=mapping, scheme="push_pull", g_ref=G_REF, read_noise=0.0,
            streams=Streams(1), dtype="float64",
        )
        for name, c in controller.crossbars.items()
    }  # fmt: skip
    weights = controller.weights(state)
    controller = replace(controller, crossbars=crossbars)
    x, y = batch_of(controller)

    def bench_at(w):
        pairs = {name: crossbars[name].encode(w[name].copy(), np.random.default_rng(0)) for name in w}
        return controller.bench(replace(state, pairs=pairs), x, y)

    rbp, h, true, found = measure_rbp(bench_at(weights), 1e-13).gradient()["W2"], 1e-5, [], []
    for index in ((0, 0), (1, 2), (3, 3)):
        losses = []
        for sign in (1, -1):
            w = weights["W2"].copy()
            w[index] += sign * h
            bench = bench_at({**weights, "W2": w})
            losses.append(loss_at(bench, bench.weights(0)))
        true.append((losses[0] - losses[1]) / (2 * h))
        found.append(rbp[index])
    return np.array(found), np.array(true)


def test_a_load_that_moves_with_the_weights_is_outside_the_local_observable():
    """Balanced pairs keep G+ + G-: exact. One-sided pairs change it: what is missed is of the order of 1/A."""
    found, true = loaded_gradients("balanced", 20.0)
    assert found == pytest.approx(true, rel=1e-6, abs=1e-9)
    gains, missed = (300.0, 1200.0, 4800.0), []
    for gain in gains:
        found, true = loaded_gradients("one_sided", gain)
        missed.append(np.linalg.norm(found - true) / np.linalg.norm(true))
    assert missed[0] > 1e-3
    assert np.polyfit(np.log(gains), np.log(missed), 1)[0] == pytest.approx(-1, abs=0.15)


def test_summed_conductances_by_hand():
    controller, state = controller_of()
    found = summed_conductance(controller.network.topology, controller.crossbars, state.pairs)
    g = {n: (p.read_plus + p.read_minus) / G_REF for n, p in state.pairs.items()}
    hidden = g["W1"].sum(axis=0) + g["b1"][0] + g["W2"].sum(axis=1)
    assert found[:5] == pytest.approx(hidden)
    assert found[5:] == pytest.approx(g["W2"].sum(axis=0) + g["b2"][0])


def summing_node(gain, g_plus, g_minus, v):
    """Yield one neuron: an inverting integrator of open-loop gain A, G+ driven with V and G- with -V."""
    yield resistor("leak", "s", "out", 1 / SCALE.g_ref)
    yield capacitor("node", "s", "out", SCALE.c_node, start=0.0)
    yield scaled_voltage("amplifier", "out", "0", "s", -gain)
    for i, (plus, minus, volts) in enumerate(zip(g_plus, g_minus, v, strict=True)):
        yield voltage(f"p{i}", f"p{i}", "0", volts)
        yield voltage(f"m{i}", f"m{i}", "0", -volts)
        yield conductance(f"p{i}", f"p{i}", "s", plus)
        yield conductance(f"m{i}", f"m{i}", "s", minus)


class OneNode:
    """``u' = rate (D - u)``: the field of one neuron with a fixed drive."""

    def __init__(self, rate, drive):
        self.rate, self.drive = rate, drive

    def target(self, t, y, out):
        out[...] = self.drive
        return out


@pytest.mark.parametrize("gain", [1e4, 50.0, 3.0])
def test_a_loaded_amplifier_is_the_circuit_of_its_formula(gain):
    rng = np.random.default_rng(6)
    g_plus, g_minus = rng.uniform(1e-6, 5e-5, (2, 8))
    v = SCALE.v_ref * rng.uniform(-1, 1, 8)
    network = bench_of(sizes=(3, 1)).network
    total = np.array([(g_plus + g_minus).sum() / SCALE.g_ref])
    loaded = Amplifier(gain).loaded(network, total)
    drive = (g_plus - g_minus) @ v / SCALE.i_ref
    circuit = Circuit("one neuron", (Section("all", tuple(summing_node(gain, g_plus, g_minus, v))),))
    spice = engine("ngspice")
    plot = spice.run(circuit.text(OperatingPoint(), ["v(out)", "v(s)"]))[-1]
    ours = float(loaded.voltage(np.array([[drive]]))[0, 0]) * SCALE.v_ref
    assert -plot.voltage("out")[0] == pytest.approx(ours, rel=1e-6, abs=1e-9)
    assert plot.voltage("s")[0] == pytest.approx(ours / gain, rel=1e-6, abs=1e-9)
    tau = SCALE.tau / float(loaded.rate[0])
    waves = spice.run(circuit.text(Transient(3 * tau, tau), ["v(out)"]))[-1]
    end = integrate(OneNode(loaded.rate, drive), np.zeros((1, 1)), dt=0.01 * tau / SCALE.tau, steps=300,
                    integrator=INTEGRATORS["rk4"])  # fmt: skip
    assert -waves.voltage("out")[-1] / SCALE.v_ref == pytest.approx(float(loaded.voltage(end.y)[0, 0]), rel=1e-6)


def test_what_cannot_be_loaded_is_refused():
    with pytest.raises(RangeError, match=r"Amplifier.gain = 0.0: allowed \(0, inf\)"):
        Amplifier(0.0)
    controller, _ = controller_of(amplifier=Amplifier(10.0))
    shared = {n: replace(c, mapping="reference", scheme="single") for n, c in controller.crossbars.items()}
    with pytest.raises(ConfigError, match=r"network.amplifier.gain: .*reference column.*balanced"):
        replace(controller, crossbars=shared)
