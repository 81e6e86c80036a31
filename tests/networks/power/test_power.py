"""Power balances: Kirchhoff's laws at any state, and closed forms of single branches."""

import numpy as np
import pytest
from resistive_net import KINDS
from resistive_net import bench_of as resistive_bench
from small_conv_net import bench_of as conv_bench
from small_net import bench_of

from neurosim.networks.nudge import Nudge
from neurosim.networks.power import RatePower, ResistivePower

RATE = {
    "layered": {},
    "untied": {"tied": False},
    "readout": {"sizes": (12, 8, 6, 4), "softmax_readout": True},
}


def rate_power(bench, nudge=None, shared=False):
    """Return the balance of random conductances whose differences are the weights of `bench`."""
    rng, weights, pairs = np.random.default_rng(5), bench.weights(0), {}
    for name, w in weights.items():
        minus = rng.uniform(1, 2, (w.shape[0], 1) if shared else w.shape)
        pairs[name] = np.broadcast_to(minus, w.shape) + w, minus
    return RatePower(bench.network, weights, pairs, bench.x, nudge), pairs


def check_balance(bench, power, nudge, dtype):
    rng, nodes = np.random.default_rng(1), bench.network.topology.nodes
    u = rng.standard_normal((len(bench.x), nodes)).astype(dtype)
    if dtype is complex:
        u = u + 1j * rng.standard_normal(u.shape)
    field = bench.field(nudge)
    away = field.target(0.0, u, np.empty_like(u)) - u
    change = (u.real * away.real + u.imag * away.imag).sum(axis=1)  # of 1/2 u^2 / rate, du/dt being rate * away
    got = sum(power.delivered(0.0, u).values()) - sum(power.dissipated(0.0, u).values())
    np.testing.assert_allclose(got, change, rtol=0, atol=1e-10 * max(abs(sum(power.delivered(0.0, u).values()))))
    assert all(part.shape == (len(bench.x),) for part in power.dissipated(0.0, u).values())


@pytest.mark.parametrize("beta", [None, 0.3])
@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("kind", RATE)
def test_what_sources_deliver_is_dissipated_or_stored_in_rate_networks(kind, dtype, beta):
    bench = bench_of(**RATE[kind])
    nudge = None if beta is None else Nudge(bench.cost(), bench.y, beta)
    check_balance(bench, rate_power(bench, nudge)[0], nudge, dtype)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("pool", ["max", "average", "softmax"])
def test_the_same_with_kernels(pool, tied):
    bench = conv_bench(pool, tied=tied)
    check_balance(bench, rate_power(bench)[0], None, float)


@pytest.mark.parametrize("beta", [None, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_in_passive_networks(kind, beta):
    bench = resistive_bench(kind)
    nudge = None if beta is None else Nudge(bench.cost(), bench.y, beta)
    check_balance(bench, ResistivePower(bench.network, bench.weights(0), bench.x, nudge), nudge, float)


def test_an_array_takes_the_square_of_each_driven_voltage_times_its_conductance_both_ways():
    bench = bench_of((3, 2, 2))
    power, pairs = rate_power(bench)
    u = np.random.default_rng(0).standard_normal((5, 4))
    a, found = bench.network.activity(u), power.dissipated(0.0, u)
    first, second = (sum(pairs[name]) for name in ("W1", "W2"))
    np.testing.assert_allclose(found["array/W1"], np.einsum("bi,ij->b", bench.x**2, first), rtol=1e-13)
    there, back = np.einsum("bi,ij->b", a[:, :2] ** 2, second), np.einsum("bj,ij->b", a[:, 2:] ** 2, second)
    np.testing.assert_allclose(found["array/W2"], there + back, rtol=1e-13)
    np.testing.assert_allclose(found["array/b2"], np.full(5, sum(pairs["b2"]).sum()), rtol=1e-13)


def test_a_shared_reference_column_counts_once_and_is_driven_back_by_the_sum():
    bench = bench_of((3, 2, 2))
    power, pairs = rate_power(bench, shared=True)
    u = np.random.default_rng(0).standard_normal((5, 4))
    a, (plus, minus) = bench.network.activity(u), pairs["W2"]
    there = a[:, :2] ** 2 @ (plus.sum(axis=1) + minus[:, 0])
    back = a[:, 2:] ** 2 @ plus.sum(axis=0) + a[:, 2:].sum(axis=1) ** 2 * minus.sum()
    np.testing.assert_allclose(power.dissipated(0.0, u)["array/W2"], there + back, rtol=1e-13)


def test_kernels_count_every_position():
    """Against the dense array that the kernel stands for, one device per weight and position."""
    bench = conv_bench("none", tied=True, padding=1, stride=1)
    power, pairs = rate_power(bench)
    u = np.random.default_rng(0).standard_normal((3, bench.network.topology.nodes))
    a, top = bench.network.activity(u), bench.network.topology
    synapse = next(s for s in top.synapses if s.name == "W2")
    path = bench.network.path(synapse, bench.weights(0))
    total, pre, post = sum(pairs["W2"]), a[:, top.slices[synapse.pre]], a[:, top.slices[synapse.post]]
    ahead = path.map(pre**2, total).sum(axis=(0, 1, 2))
    back = np.einsum("ohwb,o->b", path.maps(post) ** 2, total.sum(axis=0))
    np.testing.assert_allclose(power.dissipated(0.0, u)["array/W2"], ahead + back, rtol=1e-12)
