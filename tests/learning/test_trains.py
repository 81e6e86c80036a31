"""Trains as bits: the same coincidences by products and by counting bits, in all and one presentation after another."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.devices import kernels
from neurosim.learning import trains
from neurosim.learning.programmers import StochasticProgrammer
from neurosim.rng import Streams

lengths = pytest.mark.parametrize("length", [1, 31, 32, 70])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def factors(dtype, presentations=5, rows=9, cols=13):
    """Return signed factors with silent lines and presentations."""
    rng = Streams(2).host("factors")
    p, q = (rng.standard_normal((presentations, n)).astype(dtype) for n in (rows, cols))
    p[1] = 0
    p[:, 3] = 0
    q[:, 0] = 0
    return p, q


def drawn(length, dtype, **shape):
    return StochasticProgrammer(length).trains(*factors(dtype, **shape), 20.0, Streams(3).generator("trains"))


def listed(found):
    """Return every event as (device, pulses, presentation), block after block."""
    rows = []
    for events in found.events():
        for k, (first, last) in enumerate(zip((0, *events.ends), events.ends, strict=False)):
            rows += [
                (events.devices.start + int(i), int(n), k)
                for i, n in zip(events.index[first:last], events.counts[first:last], strict=True)
            ]
    return rows


@lengths
@dtypes
def test_compiled_counts_and_products_are_equal(monkeypatch, length, dtype):
    monkeypatch.setattr(trains, "BLOCK", 40)  # several blocks of rows
    found = drawn(length, dtype)
    results = []
    for least in (np.inf, 0):
        monkeypatch.setattr(kernels, "WORTH", least)
        results.append((found.net(), *found.directions(), listed(found)))
    for product, counted in zip(*results, strict=True):
        assert np.array_equal(product, counted)
    net, ups, downs, events = results[0]
    assert net.dtype == results[1][0].dtype == dtype
    assert {part.dtype for part in (*results[0][1:3], *results[1][1:3])} == {np.dtype(np.int32)}
    assert ups.any()
    assert downs.any()
    assert np.array_equal(ups.astype(int) - downs, net)
    total = np.zeros((2, net.size), int)
    for device, pulses, _ in events:
        total[int(pulses < 0), device] += abs(pulses)
    assert np.array_equal(total.reshape(2, *net.shape), [ups, downs])


@dtypes
def test_the_draws_are_those_of_whole_trains_drawn_at_once(dtype):
    """Slot by slot, which needs little memory, and not one number differs."""
    p, q = factors(dtype)
    length, pulses, slow = 31, 20.0, Streams(3).generator("trains")
    strength, top = (pulses / length) ** 0.5, [float(abs(part).max()) for part in (p, q)]
    lines = []
    for values, gain in ((p, (top[1] / top[0]) ** 0.5), (q, (top[0] / top[1]) ** 0.5)):
        draws = slow.random((length, *values.shape), dtype=values.dtype)
        fired = (draws < abs(values) * (strength * gain)).astype(values.dtype)
        lines.append((fired * np.sign(values)).reshape(-1, values.shape[1]))
    rng = Streams(3).generator("trains")
    counts = StochasticProgrammer(length).coincidences(p, q, pulses, rng)
    assert np.array_equal(counts, lines[0].T @ lines[1])
    assert rng.random() == slow.random()


def test_events_of_a_presentation_are_its_own_coincidences():
    """A presentation alone, with the bits that it had among the others."""
    found = drawn(31, np.float64)
    events = listed(found)
    for k in range(found.presentations):
        alone = trains.Trains(
            *(trains.Lines(line.words[:, k : k + 1], line.negative[k : k + 1]) for line in (found.rows, found.cols)),
            found.length,
            found.dtype,
        )
        net = alone.net().ravel()
        assert [(d, n) for d, n, of in events if of == k] == [(d, int(net[d])) for d in np.flatnonzero(net)]
