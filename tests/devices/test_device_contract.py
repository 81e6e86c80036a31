"""What every device model must do. A new model is covered by its line in the registry."""

from __future__ import annotations

import numpy as np
import pytest
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.devices import DEVICES, parameters
from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.rng import Streams

SHAPE = (60, 41)
IMPERFECT = {
    "asymmetry": 0.3,
    "step_d2d": 0.4,
    "asymmetry_d2d": 0.2,
    "bounds_d2d": 0.3,
    "c2c": 2.0,
    "write_noise": 20.0,
    "stuck_fraction": 0.1,
}
COARSE = {"g_min": 2e-6, "g_max": 12e-6, "step": 0.5e-6}


def quiet(model_class):
    return model_class(**COARSE)


def rough(model_class):
    known = parameters(model_class)
    return model_class(**COARSE, **{k: v for k, v in IMPERFECT.items() if k in known})


def start(model, streams, dtype=np.float64):
    """Return cells, conductances all over the range, and pulse counts of both signs with many zeros."""
    xp = streams.backend.xp
    cells = model.sample(SHAPE, streams.generator("cells"), xp, dtype)
    host = Streams(7).host("start")
    g = model.g_min + (model.g_max - model.g_min) * host.random(SHAPE)
    counts = host.integers(-4, 5, SHAPE) * (host.random(SHAPE) < 0.5)
    return cells, model.write(streams.backend.asarray(g, dtype=dtype), cells), streams.backend.asarray(counts)


models = pytest.mark.parametrize("model_class", DEVICES.values(), ids=DEVICES.keys())
kinds = pytest.mark.parametrize("kind", [quiet, rough])


@models
@kinds
def test_devices_never_leave_their_range(model_class, kind):
    model, streams = kind(model_class), Streams(1)
    cells, g, counts = start(model, streams)
    for k in range(5):
        g = model.pulse(g, 3 * counts, cells, streams.generator("pulse", k))
        seen = model.visible(g, cells, streams.generator("write", k))
        for values in (g, seen):
            assert np.all(values >= cells.g_low)
            assert np.all(values <= cells.g_high)
    everywhere = np.linspace(-1.0, 1.0, g.size).reshape(SHAPE)
    written = model.write(everywhere, cells)
    assert np.all((written >= cells.g_low) & (written <= cells.g_high))


@models
@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(model_class, kind, dtype):
    model, streams = kind(model_class), Streams(1)
    cells, g, counts = start(model, streams, dtype)
    rng = streams.generator("pulse")
    assert {part.dtype for part in (cells.g_low, cells.g_high, cells.step_up, cells.step_down)} == {np.dtype(dtype)}
    assert model.pulse(g, counts, cells, rng).dtype == dtype
    assert model.visible(g, cells, rng).dtype == dtype
    assert model.write(g, cells).dtype == dtype
    assert model.increment(g, cells, True).dtype == dtype


@models
@kinds
def test_zero_pulses_change_nothing(model_class, kind):
    model, streams = kind(model_class), Streams(1)
    cells, g, counts = start(model, streams)
    assert np.array_equal(model.pulse(g, 0 * counts, cells, streams.generator("pulse")), g)


@models
@kinds
def test_only_addressed_devices_move_and_the_input_stays(model_class, kind):
    model, streams = kind(model_class), Streams(1)
    cells, g, counts = start(model, streams)
    before, counts_before = g.copy(), counts.copy()
    after = model.pulse(g, counts, cells, streams.generator("pulse"))
    assert np.array_equal(g, before)
    assert np.array_equal(counts, counts_before)
    assert np.array_equal(after[counts == 0], g[counts == 0])
    free = np.broadcast_to(cells.g_high > cells.g_low, SHAPE) & (counts != 0)
    assert np.mean(after[free] != g[free]) > 0.8  # the others sit at the bound they are pushed against


@models
@kinds
def test_a_named_stream_gives_the_same_result_again(model_class, kind):
    results = []
    for _ in range(2):
        model, streams = kind(model_class), Streams(11)
        cells, g, counts = start(model, streams)
        g = model.pulse(g, counts, cells, streams.generator("pulse", 3))
        results.append(model.visible(g, cells, streams.generator("write", 3)))
    assert np.array_equal(*results)
    other = model.pulse(start(model, streams)[1], counts, cells, streams.generator("pulse", 4))
    assert np.array_equal(other, g) == (model_class is DEVICES["ideal"] or kind is quiet)


@models
@kinds
def test_same_numbers_on_a_device_backend(model_class, kind):
    """The strict double refuses what cupy refuses, and draws numpy's streams: the results must agree."""
    results = []
    for backend in (NUMPY, STRICT):
        model, streams = kind(model_class), Streams(5, backend)
        cells, g, counts = start(model, streams, np.float32)
        g = model.pulse(g, counts, cells, streams.generator("pulse"))
        results.append(backend.to_host(model.visible(g, cells, streams.generator("write"))))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


@models
@pytest.mark.parametrize("up", [True, False])
def test_a_train_is_a_sequence_of_single_pulses(model_class, up):
    """Compaction must not mix up devices: compare with each device alone, one pulse at a time."""
    model, streams = quiet(model_class), Streams(2)
    cells, g, counts = start(model, streams)
    counts = np.abs(counts) * (1 if up else -1)
    alone = g.copy()
    for index in np.ndindex(SHAPE):
        for _ in range(abs(int(counts[index]))):
            one = alone[index].reshape(1)
            step = model.increment(one, cells, up).item()
            alone[index] = np.clip(one + (step if up else -step), model.g_min, model.g_max).item()
    together = model.pulse(g, counts, cells, streams.generator("pulse"))
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("model_class", [m for m in DEVICES.values() if "bounds_d2d" in parameters(m)])
def test_each_device_uses_its_own_cells(model_class):
    """The parameters of a device must follow it through the compaction."""
    model, streams = rough(model_class), Streams(3)
    cells, g, _ = start(model, streams)
    down = model.pulse(g, np.full(SHAPE, -400), cells, streams.generator("pulse"))
    assert np.corrcoef(down.ravel(), cells.g_low.ravel())[0, 1] > 0.9


@models
@kinds
@pytest.mark.parametrize("up", [True, False])
def test_mean_step_is_the_declared_one_at_mid_range_and_never_negative(model_class, kind, up):
    model, streams = kind(model_class), Streams(1)
    cells, _, _ = start(model, streams)
    low, high = np.broadcast_to(cells.g_low, SHAPE), np.broadcast_to(cells.g_high, SHAPE)
    step = np.broadcast_to(cells.step(up), SHAPE)
    free = high > low
    middle = np.broadcast_to(model.increment(0.5 * (low + high), cells, up), SHAPE)
    np.testing.assert_allclose(middle[free], step[free], rtol=1e-9)
    for part in np.linspace(0, 1, 9):
        g = model.write(low + part * (high - low), cells)
        assert np.all(model.increment(g, cells, up) >= 0)


@models
def test_whole_floating_counts_equal_integer_counts(model_class):
    model, streams = rough(model_class), Streams(1)
    cells, g, counts = start(model, streams, np.float32)
    pulsed = [
        model.pulse(g, counts.astype(kind), cells, streams.generator("pulse"))
        for kind in (np.int8, np.int64, np.float32)
    ]
    assert np.array_equal(pulsed[0], pulsed[1])
    assert np.array_equal(pulsed[0], pulsed[2])


@models
@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf, 2e6])
def test_counts_that_are_no_counts_are_refused(model_class, bad):
    model, streams = quiet(model_class), Streams(1)
    cells, g, counts = start(model, streams)
    wrong = counts.astype(float)
    wrong[3, 4] = bad
    with pytest.raises(RangeError, match="whole numbers up to 1000000"):
        model.pulse(g, wrong, cells, streams.generator("pulse"))


@models
def test_counts_of_the_wrong_shape_or_type_are_refused(model_class):
    model, streams = quiet(model_class), Streams(1)
    cells, g, counts = start(model, streams)
    for wrong in (counts.T, counts.astype(np.uint8), counts.astype(complex)):
        with pytest.raises(ShapeError, match="expected signed numbers of shape"):
            model.pulse(g, wrong, cells, streams.generator("pulse"))


@models
def test_every_parameter_refuses_what_lies_outside_its_range(model_class):
    declared = parameters(model_class)
    assert {"g_min", "g_max", "step"} <= set(declared)
    for name, parameter in declared.items():
        assert parameter.meaning
        if parameter.options:
            with pytest.raises(ConfigError, match=rf"{model_class.__name__}\.{name}: unknown 'wrong'.*allowed"):
                model_class(**{name: "wrong"})
            continue
        outside = [np.nan, np.inf, "1", True, None, parameter.low - 1e-3]
        outside += [parameter.low] if parameter.open in ("low", "both") else []
        outside += [parameter.high] if parameter.open in ("high", "both") else []
        outside += [parameter.high + 1e-3] if np.isfinite(parameter.high) else []
        for value in outside:
            with pytest.raises(RangeError) as caught:
                model_class(**{name: value})
            message = str(caught.value)
            allowed = f"allowed {parameter.allowed} ({parameter.meaning})"
            assert message == f"{model_class.__name__}.{name} = {value!r}: {allowed}"
        assert parameter.allowed.endswith(("]", ")") if parameter.unit == "1" else f" {parameter.unit}")


@models
def test_inconsistent_ranges_are_refused(model_class):
    with pytest.raises(RangeError, match=r"g_min = 5 uS: must be below g_max = 4 uS"):
        model_class(g_min=5e-6, g_max=4e-6)
    with pytest.raises(RangeError, match=r"step = 3 uS: must not exceed the range g_max - g_min = 2 uS"):
        model_class(g_min=1e-6, g_max=3e-6, step=3e-6)


@models
def test_numpy_scalars_become_plain_floats(model_class):
    """A float64 scalar kept in the model would turn float32 arrays into float64 ones."""
    model = model_class(step=np.float64(0.1e-6), g_max=np.float32(2e-5))
    assert type(model.step) is float
    assert type(model.g_max) is float
    cells = model.sample((3,), Streams(0).generator("c"), np, np.float32)
    pulsed = model.pulse(np.full(3, 1e-5, np.float32), np.ones(3, int), cells, Streams(0).generator("p"))
    assert pulsed.dtype == np.float32
