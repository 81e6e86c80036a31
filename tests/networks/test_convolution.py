"""Layers of maps against nested loops: drives, states, both directions of a read, and the pool they share."""

from dataclasses import replace

import numpy as np
import pytest
from convolution_loops import Loops
from small_conv_net import bench_of, topology_of

from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.learning.reads import FreshReadNoise
from neurosim.networks import patches
from neurosim.networks.convolution import ConvSpec
from neurosim.networks.convolutional import convolutional
from neurosim.networks.cost import SquaredError
from neurosim.networks.kernel_path import KernelPath
from neurosim.networks.nudge import Nudge
from neurosim.networks.pools import POOLS
from neurosim.networks.topology import Layer, Synapse, Topology
from neurosim.numerics.status import Status
from neurosim.settle import SettleOptions, transient

POOL = pytest.mark.parametrize("pool", list(POOLS))
SMOOTH = pytest.mark.parametrize("pool", [name for name in POOLS if name != "max"])
TIED = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
PLACED = pytest.mark.parametrize(
    ("stride", "padding"), [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)], ids=lambda v: str(v)
)


def field_of(bench, beta=0.0):
    network, weights = bench.network, bench.weights(0)
    nudge = Nudge(SquaredError(), bench.y, beta)
    return network.bind(weights, network.static_drive(weights, bench.x), nudge=nudge)


def path_of(spec, shape, seed=0, feedback=False):
    rng = np.random.default_rng(seed)
    size = spec.rows(shape), spec.channels
    weights = rng.standard_normal(size)
    return KernelPath(spec, shape, weights, rng.standard_normal(size) if feedback else None), rng


@POOL
@PLACED
@TIED
@pytest.mark.parametrize("columns", [1, 2**18], ids=["row by row", "whole map"])
def test_the_drive_is_that_of_nested_loops(pool, stride, padding, tied, columns, monkeypatch):
    monkeypatch.setattr(patches, "HOST_COLUMNS", columns)
    bench = bench_of(pool, stride=stride, padding=padding, tied=tied, batch=2)
    u = np.random.default_rng(1).standard_normal((2, bench.network.topology.nodes))
    found = field_of(bench, 0.4).target(0.0, u, np.empty_like(u))
    expected = Loops(bench.network.topology, bench.weights(0), bench.x).drive(bench.network.activity(u), 0.4, bench.y)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@SMOOTH
@TIED
def test_a_complex_drive_is_that_of_nested_loops(pool, tied):
    bench = bench_of(pool, padding=1, tied=tied, batch=2)
    rng = np.random.default_rng(2)
    u = rng.standard_normal((2, bench.network.topology.nodes)) * (1 + 0.3j)
    found = field_of(bench, 0.3 + 0.2j).target(0.0, u, np.empty_like(u))
    loops = Loops(bench.network.topology, bench.weights(0), bench.x)
    expected = loops.drive(bench.network.activity(u), 0.3 + 0.2j, bench.y)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@POOL
@TIED
def test_thirty_euler_steps_end_in_the_state_of_nested_loops(pool, tied):
    bench = bench_of(pool, padding=1, stride=2, tied=tied, batch=2, activation="tanh")
    found = transient(field_of(bench, 0.2), bench.start(), 30, SettleOptions())
    loops, u = Loops(bench.network.topology, bench.weights(0), bench.x), np.zeros_like(found.u)
    for _ in range(30):
        u = loops.drive(np.tanh(u), 0.2, bench.y)
    np.testing.assert_allclose(found.u, u, rtol=0, atol=1e-10)
    assert abs(u).max() > 0.1


@POOL
@TIED
def test_relaxing_a_block_sets_it_to_its_target_and_leaves_the_rest(pool, tied):
    bench = bench_of(pool, padding=1, tied=tied)
    top, field = bench.network.topology, field_of(bench, 0.4)
    assert top.blocks == (("h1", "out"), ("h2",))
    u = np.random.default_rng(4).standard_normal((3, top.nodes))
    a = field.activity(u).copy()
    full = field.target(0.0, u, np.empty_like(u))
    for block, names in enumerate(top.blocks):
        moved, act = u.copy(), a.copy()
        change = field.relax(block, 0.0, moved, act)
        columns = np.concatenate([np.arange(top.nodes)[top.slices[n]] for n in names])
        rest = np.setdiff1d(np.arange(top.nodes), columns)
        np.testing.assert_allclose(moved[:, columns], full[:, columns], rtol=0, atol=1e-12)
        assert np.array_equal(moved[:, rest], u[:, rest])
        np.testing.assert_allclose(change, abs(full - u)[:, columns].max(axis=1), rtol=1e-12)


@POOL
def test_alternating_sweeps_and_time_end_in_the_same_state(pool):
    bench = bench_of(pool, padding=1, gain=0.3)
    swept = bench.free()
    timed = transient(field_of(bench), bench.start(), 400, SettleOptions(tolerance=1e-12))
    assert swept.status is timed.status is Status.SETTLED
    np.testing.assert_allclose(swept.u, timed.u, rtol=0, atol=1e-11)


@POOL
@PLACED
def test_the_backward_read_is_the_transpose_of_the_derivative_of_the_forward_one(pool, stride, padding):
    """<unpool(v), d conv> = <v, d P(conv)>, in random directions; for pools without curvature exactly so."""
    spec, shape = ConvSpec(3, 3, padding, stride, pool, temperature=0.8), (2, 7, 6)
    path, rng = path_of(spec, shape)
    a, d = rng.standard_normal((4, 84)), rng.standard_normal((4, 84))
    v = rng.standard_normal((4, np.prod(path.post)))

    def ahead(pre):
        path.renew()
        return path.ahead(pre)

    h = 1e-6
    numeric = ((ahead(a + h * d) - ahead(a - h * d)) / (2 * h) * v).sum(axis=1)
    path.renew()
    np.testing.assert_allclose((d * path.back(a, v)).sum(axis=1), numeric, rtol=1e-7, atol=1e-8)


@POOL
def test_a_pool_and_its_spread_are_transposes_and_its_slopes_sum_to_one(pool):
    rng = np.random.default_rng(0)
    z, v = rng.standard_normal((2, 3, 7, 5, 4))
    made = POOLS[pool](size=2, temperature=0.6)
    state = made.at(z)
    s = rng.standard_normal(state.value.shape)
    spread = state.spread(s, (7, 5))
    np.testing.assert_allclose((spread * v).sum(), (state.gather(v) * s).sum(), rtol=1e-12)
    np.testing.assert_allclose(spread.sum(axis=(1, 2)), s.sum(axis=(1, 2)), rtol=1e-11)  # a bias inside is one outside
    np.testing.assert_allclose(made.at(z + 0.7).value, state.value + 0.7, rtol=1e-12)


def test_the_curvature_of_the_softmax_pool_is_the_derivative_of_its_slopes():
    rng = np.random.default_rng(0)
    z, v, s, h = *rng.standard_normal((2, 3, 6, 5, 4)), rng.standard_normal((3, 3, 2, 4)), 1e-6
    pool = POOLS["softmax"](size=2, temperature=0.6)
    up, down = (pool.at(z + sign * h * v).spread(s, (6, 5)) for sign in (1, -1))
    np.testing.assert_allclose(pool.at(z).curve(s, v), (up - down) / (2 * h), rtol=0, atol=1e-8)
    assert pool.curved
    assert not any(POOLS[name](size=2, temperature=1.0).curved for name in ("none", "max", "average"))


def test_a_softmax_pool_is_the_largest_when_cold_and_the_mean_when_hot():
    z = np.random.default_rng(0).standard_normal((3, 6, 6, 4))
    cold, hot = (POOLS["softmax"](size=2, temperature=t).at(z).value for t in (1e-3, 1e6))
    np.testing.assert_allclose(cold, POOLS["max"](size=2).at(z).value, atol=1e-3)
    np.testing.assert_allclose(hot, POOLS["average"](size=2).at(z).value, atol=1e-5)
    assert np.isfinite(POOLS["softmax"](size=2, temperature=1e-3).at(1e4 * z).value).all()


def test_of_equal_members_the_first_is_chosen_and_it_alone():
    state = POOLS["max"](size=2).at(np.zeros((1, 2, 2, 1)))
    spread = state.spread(np.full((1, 1, 1, 1), 5.0), (2, 2))
    assert spread.ravel().tolist() == [5, 0, 0, 0]


def test_the_choice_of_the_maximum_is_made_anew_at_every_evaluation():
    """The map of one channel is the activity itself: raising another member of the window moves the backward read."""
    spec = ConvSpec(1, 1, pool="max")
    path = KernelPath(spec, (1, 2, 2), np.ones((1, 1)))
    post = np.array([[3.0]])
    for winner in (0, 3, 1):
        pre = np.zeros((1, 4))
        pre[0, winner] = 1.0
        path.renew()
        assert path.ahead(pre)[0, 0] == 1.0
        assert path.back(pre, post)[0].tolist() == [3.0 * (i == winner) for i in range(4)]


def test_a_field_follows_the_choice_and_both_directions_share_it():
    spec = ConvSpec(1, 1, pool="max")
    top = convolutional((1, 2, 2), [ConvSpec(1, 1), spec], 1, bias=False)
    weights = {"W1": np.zeros((1, 1)), "W2": np.ones((1, 1)), "W3": np.zeros((1, 1))}
    bench = bench_of()
    network = replace(bench.network, topology=top)
    field = network.bind(weights, np.zeros((1, 6)))
    for winner in (2, 0):
        u = np.zeros((1, 6))
        u[0, winner], u[0, 4] = 1.0, 2.0
        a = network.activity(u)
        out = field.target(0.0, u, np.empty_like(u))
        assert out[0, 4] == a[0, winner]
        assert out[0, :4].tolist() == [a[0, 4] * (i == winner) for i in range(4)]


def test_an_untied_backward_read_goes_through_the_feedback_array_and_the_forward_pool():
    spec = ConvSpec(3, 2, pool="max")
    path, rng = path_of(spec, (2, 5, 6), feedback=True)
    tied = KernelPath(spec, (2, 5, 6), path.weights)
    a, v = rng.standard_normal((2, 60)), rng.standard_normal((2, 12))
    chosen = tied.pooling(a).chosen
    there = path.pooling(a).chosen
    assert all(np.array_equal(one, other) for one, other in zip(chosen, there, strict=True))
    assert not np.allclose(path.back(a, v), tied.back(a, v))
    own = KernelPath(spec, (2, 5, 6), path.feedback)
    assert not np.allclose(path.back(a, v), own.back(a, v))  # whose maxima are elsewhere


def test_work_is_counted_in_multiply_adds_of_both_directions():
    top = topology_of("max", padding=1)
    bench = bench_of("max", padding=1)
    assert top.by_name["h1"].shape == (2, 6, 5)
    assert top.by_name["h2"].shape == (3, 3, 2)
    assert field_of(bench).products == 2 * (6 * 5 * 18 * 3) + 2 * (18 * 3)


def test_names_shapes_and_columns_of_a_stack():
    top = topology_of("max", padding=1, hidden=(5,), tied=False)
    assert {s.name: top.shape(s) for s in top.arrays} == {
        "W1": (4, 2), "b1": (1, 2), "W2": (18, 3), "B2": (18, 3), "b2": (1, 3),
        "W3": (18, 5), "B3": (5, 18), "b3": (1, 5), "W4": (5, 3), "B4": (3, 5), "b4": (1, 3),
    }  # fmt: skip
    assert top.slices == {"h1": slice(0, 60), "h2": slice(60, 78), "h3": slice(78, 83), "out": slice(83, 86)}
    softmax = topology_of("max", padding=1, readout="softmax", bias=False)
    assert softmax.output == "h2"
    assert [(s.name, softmax.shape(s)) for s in softmax.arrays] == [
        ("W1", (4, 2)),
        ("W2", (18, 3)),
        ("readout", (18, 3)),
    ]
    assert [s.name for s in softmax.arrays if s.reciprocal] == ["W2"]


def test_max_pool_refuses_complex_maps():
    bench = bench_of("max")
    u = np.zeros((3, bench.network.topology.nodes), complex)
    with pytest.raises(RangeError, match=r"pool 'max' is not holomorphic .* use pool = 'softmax', 'average' or 'none'"):
        field_of(bench, 0.1j).target(0.0, u, np.empty_like(u))


WRONG = {
    "no channels": (ConfigError, lambda: ConvSpec(0, 3), "channels = 0"),
    "wide padding": (ConfigError, lambda: ConvSpec(1, 3, 3), "padding = 3: expected less than kernel = 3"),
    "unknown pool": (ConfigError, lambda: ConvSpec(1, 3, pool="maxx"), "did you mean 'max'"),
    "window of one": (ConfigError, lambda: ConvSpec(1, 3, pool="max", pool_size=1), "pool_size = 1"),
    "cold": (RangeError, lambda: ConvSpec(1, 3, pool="softmax", temperature=0.0), "temperature = 0.0"),
    "large kernel": (
        ShapeError, lambda: convolutional((1, 4, 9), [ConvSpec(1, 2), ConvSpec(1, 4)], 2),
        "convolution 2: kernel = 4 on maps of 3 x 8",
    ),
    "large window": (ShapeError, lambda: convolutional((1, 4, 9), [ConvSpec(1, 4, pool="max")], 2), "map of 1 x 6"),
    "no convolution": (ConfigError, lambda: convolutional((1, 4, 4), [], 2), "at least one convolution"),
    "unknown readout": (
        ConfigError, lambda: convolutional((1, 4, 4), [ConvSpec(1, 2)], 2, readout="mean"), "dense | softmax"
    ),
    "layers that do not fit": (
        ConfigError,
        lambda: Topology(
            (Layer("input", 4, clamped=True, shape=(1, 2, 2)), Layer("h1", 4)),
            (Synapse("W1", "input", "h1", kernel=ConvSpec(1, 2)),), "h1",
        ),
        "synapse W1: makes maps of (1, 1, 1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(case):
    error, make, says = WRONG[case]
    with pytest.raises(error) as raised:
        make()
    assert says in str(raised.value)


def test_noise_fresh_at_every_read_of_a_kernel_is_refused():
    bench = bench_of("max")
    assert not bench.network.fresh_reads
    with pytest.raises(ConfigError, match="kernel"):
        FreshReadNoise(bench.network.topology, {}, {}, bench.x, None)
