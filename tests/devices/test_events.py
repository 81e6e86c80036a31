"""Pulses event by event: a device's later pulses start where its earlier ones ended, each with its own draw."""

from __future__ import annotations

import numpy as np
import pytest
from devices.test_kernels import COARSE, VARIANTS

from neurosim.devices import DEVICES, events, kernels, parameters
from neurosim.devices.events import Events, Series
from neurosim.rng import Streams

SHAPE, PRESENTATIONS = (11, 17), 6
CASES = [
    pytest.param(model_class, values, id=f"{name}-{variant}")
    for name, model_class in DEVICES.items()
    for variant, values in VARIANTS.items()
    if set(values) <= set(parameters(model_class))
]
cases = pytest.mark.parametrize(("model_class", "values"), CASES)


def presented():
    """Return signed counts (presentations, devices), with a presentation that does nothing, and their events."""
    host = Streams(3).host("counts")
    counts = host.integers(-3, 4, (PRESENTATIONS, *SHAPE)) * (host.random((PRESENTATIONS, *SHAPE)) < 0.4)
    counts[2] = 0
    counts = counts.reshape(PRESENTATIONS, -1)
    of, index = np.nonzero(counts)
    ends = tuple(np.searchsorted(of, np.arange(PRESENTATIONS), side="right").tolist())
    return counts, Events(slice(0, counts.shape[1]), index.astype(np.int32), counts[of, index].astype(np.int32), ends)


def devices(model, dtype=np.float64):
    cells = model.sample(SHAPE, Streams(4).generator("cells"), np, dtype)
    return cells, model.write(Streams(4).generator("g").uniform(2e-6, 12e-6, SHAPE).astype(dtype), cells)


def applied(model, g, cells, series):
    rng = Streams(4).generator("pulse")
    pulsed = Series(model, g, cells, rng)
    for part in series:
        pulsed.apply(part)
    return pulsed.g, rng.random()


@cases
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_and_numpy_agree_to_the_bit(monkeypatch, model_class, values, dtype):
    model, (_, series) = model_class(**COARSE, **values), presented()
    cells, g = devices(model, dtype)
    before = g.copy()
    monkeypatch.setattr(events, "DRAWS", 100)  # several pieces
    results = []
    for least in (np.inf, 0):
        monkeypatch.setattr(kernels, "WORTH", least)
        results.append(applied(model, g, cells, [series, series]))
    (plain, next_plain), (compiled, next_compiled) = results
    assert plain.dtype == compiled.dtype == dtype
    assert plain.tobytes() == compiled.tobytes()
    assert next_plain == next_compiled
    assert np.array_equal(g, before)


@pytest.mark.parametrize("model_class", DEVICES.values(), ids=DEVICES.keys())
@pytest.mark.parametrize("least", [0, np.inf])
def test_without_noise_presentations_are_trains_one_after_another(monkeypatch, model_class, least):
    monkeypatch.setattr(kernels, "WORTH", least)
    model, (counts, series) = model_class(**COARSE), presented()
    cells, g = devices(model)
    rng, expected = Streams(4).generator("pulse"), g
    for signed in counts:
        expected = model.pulse(expected, signed.reshape(SHAPE), cells, rng)
    assert np.array_equal(applied(model, g, cells, [series])[0], expected)


@pytest.mark.parametrize("least", [0, np.inf])
def test_every_pulse_has_its_own_draw_in_the_order_of_the_events(monkeypatch, least):
    monkeypatch.setattr(kernels, "WORTH", least)
    model, (_, series) = DEVICES["soft_bounds"](**COARSE, c2c=0.7, asymmetry=0.2), presented()
    cells, g = devices(model)
    expected, rng = g.ravel().copy(), Streams(4).generator("pulse")
    for device, pulses in zip(series.index, series.counts, strict=True):
        for _ in range(abs(pulses)):
            ahead = 12e-6 - expected[device] if pulses > 0 else expected[device] - 2e-6
            move = model.steps[int(pulses < 0)] * ahead / 5e-6 * (1 + 0.7 * rng.standard_normal())
            expected[device] = np.clip(expected[device] + np.sign(pulses) * move, 2e-6, 12e-6)
    found, following = applied(model, g, cells, [series])
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-11)
    assert following == rng.random()
