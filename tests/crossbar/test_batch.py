"""All pulses of a batch on one array: the end of a device's life among them, and devices that are only potentiated."""

from dataclasses import replace

import numpy as np
import pytest

from neurosim.crossbar import Crossbar
from neurosim.crossbar.batch import aggregated, in_order
from neurosim.devices import ConstantStep, Ideal, Wear
from neurosim.devices.events import Events
from neurosim.errors import ConfigError
from neurosim.rng import Streams

SHAPE, STEP, MIDDLE = (5, 7), 0.1e-6, 26e-6
RANGE = {"g_min": 1e-6, "g_max": 51e-6, "step": STEP}


def build(device=None, scheme="push_pull", wear=None):
    crossbar = Crossbar.build(
        "W1", SHAPE, device=device or Ideal(**RANGE), scheme=scheme, g_ref=25e-6, read_noise=0.0, streams=Streams(1),
        mapping="one_sided" if scheme == "potentiate" else "balanced", dtype="float64", wear=wear,
    )  # fmt: skip
    return crossbar, crossbar.encode(np.zeros(SHAPE), rng())


def rng(step=0):
    return Streams(2).generator("rng", step)


def counts_of(seed):
    return np.random.default_rng(seed).integers(0, 30, (2, *SHAPE)).astype(float)


def test_a_life_ends_within_the_batch_after_the_raising_pulses():
    """A device of L pulses takes min(u, L) up and min(d, L - u) down; of a pair each device gets them the other way."""
    lives = 25
    crossbar, state = build(wear=Wear(pulses=lives))
    ups, downs = counts_of(0)
    batch = aggregated(crossbar, state, ups, downs, rng())
    first, second = np.minimum(ups, lives), np.minimum(downs, np.maximum(lives - ups, 0))
    assert np.any(first + second < ups + downs)
    assert np.any(second > 0)
    np.testing.assert_allclose(batch.state.g_plus, MIDDLE + STEP * (first - second), rtol=1e-12)
    np.testing.assert_allclose(batch.state.g_minus, MIDDLE - STEP * (first - second), rtol=1e-12)
    for past in (batch.state.past_plus, batch.state.past_minus):
        np.testing.assert_array_equal(past.writes, first + second)
    assert batch.pulses == 2 * (first + second).sum()
    stopped = crossbar.plus.stopped(batch.state.plus)
    np.testing.assert_array_equal(stopped, ups + downs >= lives)
    again = aggregated(crossbar, batch.state, ups, downs, rng(1)).state
    np.testing.assert_array_equal(again.g_plus[stopped], batch.state.g_plus[stopped])
    assert np.all(again.past_plus.writes <= lives)


def test_devices_that_live_on_move_as_without_wear():
    device = ConstantStep(**RANGE, c2c=0.3, asymmetry=0.2)
    ups, downs = counts_of(1)
    found = []
    for wear in (None, Wear(pulses=1e6)):
        crossbar, state = build(device, wear=wear)
        found.append(aggregated(crossbar, state, ups, downs, rng()))
    assert np.array_equal(found[0].state.g_plus, found[1].state.g_plus)
    assert np.array_equal(found[0].state.g_minus, found[1].state.g_minus)
    assert (found[0].pulses, found[0].pulsed) == (found[1].pulses, found[1].pulsed)


def test_the_order_of_samples_refuses_devices_that_stop():
    crossbar, state = build(wear=Wear(pulses=5))
    with pytest.raises(ConfigError, match=r"pulse_order = 'samples'.*'aggregated'"):
        in_order(crossbar, state, [], *counts_of(0), rng())


def presentations(ups, downs):
    """Yield two presentations: one that raises all weights by `ups` pulses, one that lowers them by `downs`."""
    index = np.arange(ups.size, dtype=np.int32)
    counts = np.concatenate([ups.ravel(), -downs.ravel()]).astype(np.int32)
    yield Events(slice(0, ups.size), np.tile(index, 2), counts, (ups.size, 2 * ups.size))


@pytest.mark.parametrize("order", ["aggregated", "samples"])
def test_both_devices_of_a_pair_are_potentiated_by_the_pulses_of_their_sign(order):
    crossbar, state = build(scheme="potentiate")
    ups, downs = counts_of(2)
    if order == "aggregated":
        batch = aggregated(crossbar, state, ups, downs, rng())
    else:
        batch = in_order(crossbar, state, presentations(ups, downs), ups, downs, rng())
    np.testing.assert_allclose(batch.state.g_plus - state.g_plus, STEP * ups, rtol=0, atol=1e-15)
    np.testing.assert_allclose(batch.state.g_minus - state.g_minus, STEP * downs, rtol=0, atol=1e-15)
    assert batch.pulses == (ups + downs).sum()
    heat = sum((n * 0.5 * (a + b)).sum() for n, a, b in (
        (ups, state.g_plus, batch.state.g_plus), (downs, state.g_minus, batch.state.g_minus)
    ))  # fmt: skip
    assert batch.pulsed == pytest.approx(heat, rel=1e-12)
    net = crossbar.pulse(state, ups - downs, rng())
    np.testing.assert_allclose(crossbar.weights(net), crossbar.weights(batch.state), rtol=0, atol=1e-12)
    assert np.all(net.g_plus <= batch.state.g_plus)


def test_a_batch_of_nothing_is_the_same_state():
    crossbar, state = build(replace(ConstantStep(**RANGE), c2c=0.3))
    nothing = np.zeros(SHAPE)
    batch = aggregated(crossbar, state, nothing, nothing, rng())
    assert np.array_equal(batch.state.g_plus, state.g_plus)
    assert (batch.pulses, batch.pulsed) == (0.0, 0.0)
