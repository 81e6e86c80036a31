"""Kirchhoff's law, Jacobian, co-content and settling of the bound network, against closed forms and against itself."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import EXACT, KINDS, SCALE, SPICE_DIODES, bench_of, network_of
from scipy.special import wrightomega
from strict_cupy import STRICT

from neurosim.errors import ConfigError, RangeError
from neurosim.networks.cost import DifferentialError, SquaredError
from neurosim.networks.nudge import Nudge
from neurosim.networks.resistive import Clamp, Conductances, Diode, Stage, layered_resistive
from neurosim.numerics.status import Status
from neurosim.settle import SettleOptions, operating_point, transient

kinds = pytest.mark.parametrize("kind", KINDS)
STEP = 1e-20


def states_of(bench, seed=0, size=0.2):
    rng = np.random.default_rng(seed)
    return rng.uniform(-size, size, (bench.x.shape[0], bench.network.topology.nodes))


def weights_of_nodes(network):
    return np.concatenate([np.full(network.topology.by_name[n].size, c) for n, c in sorted_weights(network)])


def sorted_weights(network):
    return [(name, network.co_weights[name]) for name in network.topology.slices]


def single(sizes, conductances, **options):
    """Return a network of pairs without inverted devices, so that each array is plain conductances."""
    network = layered_resistive(sizes, scale=SCALE, inputs="pairs", bias=False, **options)
    read = {n: Conductances(np.array(g), np.zeros_like(np.array(g))) for n, g in conductances.items()}
    return lambda x, nudge=None: network.bind(read, np.array(x), nudge=nudge)


def settled(field, nodes, tolerance=1e-13):
    found = operating_point(field, np.zeros((1, nodes)), replace(EXACT, tolerance=tolerance))
    assert found.status is Status.SETTLED
    return found.u


@kinds
@pytest.mark.parametrize("beta", [0.0, 0.5, -0.1, 0.2 + 0.1j])
def test_operating_point_obeys_the_current_law(kind, beta):
    bench = bench_of(kind)
    field = bench.field(Nudge(bench.cost(), bench.y, beta))
    found = operating_point(field, bench.start(type(beta)), EXACT)
    assert found.status is Status.SETTLED
    assert np.abs(field.current(0.0, found.u)).max() <= 1e-12
    assert np.abs(found.u).max() > 1e-2


def explicit(bench, u):
    """Return the current that leaves each node of sample 0, summed element by element in volts and amperes."""
    network, reads, top = bench.network, bench.weights(0), bench.network.topology
    v_ref, g_ref = network.scale.v_ref, network.scale.g_ref
    layers = {name: u[0, part] * v_ref for name, part in top.slices.items()}
    fixed = {name: v[0] * v_ref for name, v in network.clamped(bench.x).items()}
    out = {name: np.zeros_like(v) for name, v in layers.items()}
    for name, v in layers.items():
        out[name] += network.leaks.get(name, 0.0) * g_ref * v
        for clamp in network.clamps.get(name, ()):
            for i, one in enumerate(v):
                if clamp.anode == "node":
                    out[name][i] += clamp.diode.current(np.array([one - clamp.bias]))[0]
                else:
                    out[name][i] -= clamp.diode.current(np.array([clamp.bias - one]))[0]
    for s in top.synapses:
        stage = network.stages.get(s.pre, Stage(1.0))
        law, read = network.law(s.name), reads[s.name]
        for i in range(top.shape(s)[0]):
            for j in range(top.shape(s)[1]):
                for sign, g in ((1, read.plus), (-1, read.minus)):
                    if g is None:
                        continue
                    row = sign * (fixed[s.pre][i] if s.pre in fixed else stage.gain * layers[s.pre][i])
                    drawn = g[i, j] * g_ref * v_ref * law.current(np.array([(row - layers[s.post][j]) / v_ref]))[0]
                    out[s.post][j] -= drawn
                    if s.pre in layers:
                        out[s.pre][i] += sign * stage.back_gain * drawn
    return np.concatenate([out[name] for name in top.slices]) / (g_ref * v_ref)


@kinds
def test_currents_are_the_sums_over_all_elements(kind):
    bench = bench_of(kind)
    u = states_of(bench)
    np.testing.assert_allclose(bench.field().current(0.0, u)[0], explicit(bench, u), rtol=1e-11, atol=1e-12)


def test_scale_of_volts_enters_only_through_the_diodes():
    """Twice the voltage unit with half the natural state is the same circuit."""
    bench = bench_of("diodes")
    wide = replace(bench.network, scale=replace(SCALE, v_ref=2.0))
    u, reads = states_of(bench), bench.weights(0)
    no_bias = {n: r._replace(plus=r.plus * (not n.startswith("b"))) for n, r in reads.items()}
    ours, theirs = bench.network.bind(no_bias, bench.x), wide.bind(no_bias, bench.x / 2)
    np.testing.assert_allclose(theirs.current(0.0, u / 2), ours.current(0.0, u) / 2, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("kind", "part"), [("diodes", "clamps"), ("sinh", "law"), ("stages", "stage")])
def test_every_part_of_the_test_networks_matters(kind, part):
    nothing = {"clamps": (), "law": None, "stage": None}[part]
    ours, without = bench_of(kind), bench_of(kind, **{part: nothing})
    assert np.abs(ours.free().u - without.free().u).max() > 0.03


def test_divider():
    field = single((2, 1), {"W1": [[3.0], [5.0]]}, leak={"out": 2.0})([[1.0, -0.4]])
    np.testing.assert_allclose(settled(field, 1), [[(3.0 - 0.4 * 5.0) / 10.0]], rtol=1e-14)


def test_ladder():
    """Sections of one series and one shunt unit conductance: every other Fibonacci number, from the far end."""
    arrays = {f"W{k}": [[1.0]] for k in range(1, 5)}
    leaks = dict.fromkeys(("h1", "h2", "h3", "out"), 1.0)
    field = single((1, 1, 1, 1, 1), arrays, leak=leaks)([[34.0]])
    np.testing.assert_allclose(settled(field, 4), [[13.0, 5.0, 2.0, 1.0]], rtol=1e-13)


def test_stages_make_the_ladder_an_amplifier():
    """Input - g - node (stage A, B) - g - output with leak 1: two equations by hand."""
    a, b, g = 4.0, 0.1, 3.0
    field = single((1, 1, 1), {"W1": [[g]], "W2": [[g]]}, stage=Stage(a, b), leak={"out": 1.0})([[1.0]])
    matrix = [[g + a * b * g, -b * g], [-a * g, g + 1.0]]
    np.testing.assert_allclose(settled(field, 2)[0], np.linalg.solve(matrix, [g, 0.0]), rtol=1e-13)


@pytest.mark.parametrize("volts", [-3.0, -0.2, 0.1, 0.7, 5.0, 300.0])
def test_resistor_and_diode_is_lamberts_function(volts):
    """``G (x - u) = i_s (e^(u/w) - 1)``: ``u = x + i_s/G - w omega(log(i_s / (G w)) + (x + i_s/G) / w)``."""
    diode, g = Diode(i_s=1e-9, n=1.5), 4.0
    field = single((1, 1), {"W1": [[g]]}, clamps={"out": (Clamp(diode, 0.0),)})([[volts]])
    r = diode.i_s / (g * SCALE.g_ref)
    w = diode.n_vt
    expected = volts + r - w * wrightomega(np.log(r / w) + (volts + r) / w)
    assert settled(field, 1, 1e-13 * max(1.0, abs(volts)))[0, 0] == pytest.approx(expected, rel=1e-11)


@kinds
def test_jacobian_is_the_derivative_of_the_motion(kind):
    bench = bench_of(kind)
    rate = np.random.default_rng(1).uniform(0.5, 2.0, bench.network.topology.nodes)
    bench = replace(bench, network=replace(bench.network, rate=rate))
    field = bench.field(Nudge(bench.cost(), bench.y, 0.7))
    u = states_of(bench)
    jacobian, conductance = field.jacobian(0.0, u), field.conductance(0.0, u)
    for k in range(u.shape[1]):
        tilt = np.zeros_like(u, dtype=complex)
        tilt[:, k] = 1j * STEP
        slope = field.current(0.0, u + tilt).imag / STEP
        np.testing.assert_allclose(conductance[:, :, k], slope, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(jacobian[:, :, k], -rate * slope, rtol=1e-11, atol=1e-12)


def test_jacobian_of_spice_diodes_by_central_differences():
    bench = bench_of("diodes", clamps=SPICE_DIODES)
    field, u, h = bench.field(), states_of(bench, size=0.3), 1e-7
    jacobian = field.jacobian(0.0, u)
    for k in range(u.shape[1]):
        tilt = np.zeros_like(u)
        tilt[:, k] = h
        slope = (field.current(0.0, u - tilt) - field.current(0.0, u + tilt)) / (2 * h)
        np.testing.assert_allclose(jacobian[:, :, k], slope, rtol=1e-6, atol=1e-5)


@kinds
def test_weighted_jacobian_is_symmetric_and_the_weights_are_needed(kind):
    bench = bench_of(kind)
    conductance = bench.field(Nudge(bench.cost(), bench.y, 0.7)).conductance(0.0, states_of(bench))
    c = weights_of_nodes(bench.network)
    weighted = c[:, None] * conductance
    np.testing.assert_allclose(weighted, weighted.transpose(0, 2, 1), rtol=1e-12, atol=1e-12)
    assert np.linalg.eigvalsh(weighted).min() > 0
    if bench.network.stages:
        assert not np.allclose(conductance, conductance.transpose(0, 2, 1), rtol=0.1)


@kinds
def test_gradient_of_the_co_content_is_the_weighted_current(kind):
    bench = bench_of(kind)
    field, u, c = bench.field(), states_of(bench), weights_of_nodes(bench.network)
    current = field.current(0.0, u)
    for k in range(u.shape[1]):
        tilt = np.zeros_like(u, dtype=complex)
        tilt[:, k] = 1j * STEP
        slope = field.co_content(u + tilt).imag / STEP
        np.testing.assert_allclose(slope, c[k] * current[:, k], rtol=1e-10, atol=1e-10)


@kinds
def test_co_content_is_least_at_the_operating_point(kind):
    bench = bench_of(kind)
    free, rng = bench.free(), np.random.default_rng(0)
    field = bench.field()
    least = field.co_content(free.u)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(5):
            away = field.co_content(free.u + size * rng.standard_normal(free.u.shape))
            assert np.all(away > least)


@kinds
def test_co_content_never_rises_and_the_transient_ends_at_the_operating_point(kind):
    bench = bench_of(kind)
    bench = replace(bench, network=replace(bench.network, rate=np.linspace(0.6, 1.7, bench.network.topology.nodes)))
    field, seen = bench.field(), []
    options = SettleOptions(integrator="sdirk4", dt=0.02, tolerance=1e-9)
    slow = transient(field, states_of(bench, size=0.4), 500, options, observe=lambda k, t, u: seen.append(u.copy()))
    contents = np.array([field.co_content(u) for u in seen])
    assert np.all(np.diff(contents, axis=0) <= 1e-12 * np.abs(contents).max())
    assert np.all(contents[0] - contents[-1] > 1e-3)
    assert slow.status is Status.SETTLED
    np.testing.assert_allclose(slow.u, bench.free().u, rtol=0, atol=1e-9)


@pytest.mark.parametrize("integrator", ["euler", "exponential_euler", "rk4", "tsit5_adaptive"])
def test_explicit_integrators_reach_the_same_point_with_small_steps(integrator):
    bench = bench_of("pairs", options=EXACT)
    options = SettleOptions(integrator=integrator, dt=0.002, tolerance=1e-6)
    slow = transient(bench.field(), bench.start(), 2000, options)
    np.testing.assert_allclose(slow.u, bench.free().u, rtol=0, atol=1e-6)


def test_node_rates_change_the_path_and_not_the_point():
    bench = bench_of("everything")
    spread = replace(bench, network=replace(bench.network, rate=np.linspace(0.2, 3.0, bench.network.topology.nodes)))
    options = SettleOptions(integrator="sdirk4", dt=0.01)
    early = [transient(b.field(), b.start(), 2, options).u for b in (bench, spread)]
    assert np.abs(early[0] - early[1]).max() > 1e-3
    np.testing.assert_allclose(spread.free().u, bench.free().u, rtol=0, atol=1e-12)


def test_a_start_far_forward_of_all_diodes_still_settles():
    bench = bench_of("diodes")
    start = np.full_like(bench.start(), 5.0)  # e^126 of a diode's saturation current
    found = operating_point(bench.field(), start, EXACT)
    np.testing.assert_allclose(found.u, bench.free().u, rtol=0, atol=1e-12)


def test_a_start_at_infinite_currents_has_diverged():
    bench = bench_of("diodes")
    start = bench.start()
    start[1] = 40.0
    found = operating_point(bench.field(), start, EXACT)
    assert found.status is Status.DIVERGED
    np.testing.assert_array_equal(found.settled, [True, False, True, True])


def test_a_node_joined_to_nothing_is_settled_anywhere():
    field = single((1, 1), {"W1": [[0.0]]})([[1.0]])
    assert operating_point(field, np.full((1, 1), 0.3), EXACT).status is Status.SETTLED


def test_complex_states_are_refused_where_the_diodes_are_not_holomorphic():
    bench = bench_of("diodes", clamps=SPICE_DIODES)
    with pytest.raises(RangeError, match="'spice3' is not holomorphic"):
        bench.nudged([0.1 + 0.1j], bench.start(), 1)


def test_state_noise_is_refused():
    bench = bench_of("pairs")
    with pytest.raises(ConfigError, match=r"settle.state_noise = 0.1: .*set state_noise = 0"):
        transient(bench.field(), bench.start(), 2, SettleOptions(noise=0.1), rng=np.random.default_rng(0))


def test_cost_follows_the_outputs():
    assert isinstance(network_of("output pairs").cost({}), DifferentialError)
    assert isinstance(network_of("pairs").cost({}), SquaredError)


@kinds
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_same_numbers_on_the_strict_backend(kind, dtype):
    found = []
    for backend in (None, STRICT):
        bench = bench_of(kind) if backend is None else bench_of(kind, backend=backend)
        host = (lambda a: a) if backend is None else STRICT.to_host
        field = bench.field(Nudge(bench.cost(), bench.y, 0.1j if dtype == "complex128" else 0.1))
        run = operating_point(field, bench.start(dtype), EXACT)
        steps = transient(field, bench.start(dtype), 3, SettleOptions(integrator="sdirk4", dt=0.1))
        found.append([host(a) for a in (run.u, run.residual, field.co_content(run.u), steps.u)])
    for ours, strict in zip(*found, strict=True):
        np.testing.assert_allclose(strict, ours, rtol=1e-12, atol=1e-15)


def test_float32_stays_float32():
    bench = bench_of("everything")
    reads = {n: Conductances(*(g.astype("float32") for g in r)) for n, r in bench.weights(0).items()}
    single_ = replace(bench, weights=lambda _: reads, x=bench.x.astype("float32"), y=bench.y.astype("float32"))
    single_ = replace(single_, options=replace(EXACT, tolerance=1e-4))
    found = single_.free()
    assert found.u.dtype == np.float32
    assert found.status is Status.SETTLED
    np.testing.assert_allclose(found.u, bench.free().u, rtol=0, atol=1e-5)
