"""Mapping, programming and faults of pair arrays. Shapes are never square, so that exchanged axes show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standard_errors import check_mean, check_variance
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.crossbar import MAPPINGS, SCHEMES, Crossbar
from neurosim.devices import ConstantStep, Ideal, SoftBounds
from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.rng import Streams

SHAPE = (5, 3)
G_MIN, G_MAX, STEP, G_REF = 1e-6, 41e-6, 0.05e-6, 8e-6
RANGE = {"g_min": G_MIN, "g_max": G_MAX, "step": STEP}
LAYOUTS = [(mapping, scheme) for mapping, schemes in MAPPINGS.items() for scheme in schemes]
layouts = pytest.mark.parametrize(("mapping", "scheme"), LAYOUTS)


def build(mapping="balanced", scheme="push_pull", device=None, shape=SHAPE, name="W1", **options):
    given_options = {
        "g_ref": G_REF,
        "read_noise": 0.0,
        "streams": Streams(1),
        "dtype": "float64",
        **options,
    }
    return Crossbar.build(name, shape, device=device or Ideal(**RANGE), mapping=mapping, scheme=scheme, **given_options)


def rng(name="rng", step=0):
    return Streams(2).generator(name, step)


def middle(crossbar):
    """Return the weight at the middle of the range: 0 with two devices, one conductance with one."""
    return np.full(crossbar.shape, 0.5 * (crossbar.w_min + crossbar.w_max))


def some_change(crossbar, part=0.9, seed=0):
    half = 0.5 * (crossbar.w_max - crossbar.w_min)
    return part * half * np.random.default_rng(seed).uniform(-1, 1, crossbar.shape)


def some_weights(crossbar, part=0.9, seed=0):
    return middle(crossbar) + some_change(crossbar, part, seed)


def hidden(state):
    return (state.g_plus - state.g_minus) / G_REF


def test_registry_and_schemes_agree():
    assert set(MAPPINGS) == {"one_sided", "balanced", "reference", "unsigned"}
    assert {scheme for schemes in MAPPINGS.values() for scheme in schemes} == set(SCHEMES)


@layouts
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-14)])
def test_encoded_weights_are_read_back(mapping, scheme, dtype, tolerance):
    crossbar = build(mapping, scheme, dtype=dtype)
    weights = some_weights(crossbar, 1.0).astype(dtype)
    state = crossbar.encode(weights, rng())
    read = crossbar.weights(state)
    assert read.dtype == dtype
    np.testing.assert_allclose(read, weights, atol=tolerance * crossbar.w_max)
    for g, there in ((state.g_plus, True), (state.g_minus, crossbar.layout.signed)):
        assert g.dtype == dtype
        low, high = (G_MIN, G_MAX) if there else (0.0, 0.0)
        assert np.all((g >= np.asarray(low, dtype)) & (g <= np.asarray(high, dtype)))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    g_min=st.floats(0, 1e-4),
    span=st.floats(1e-8, 1e-4),
    w_max=st.floats(1e-3, 1e3),
    parts=st.lists(st.floats(-1, 1), min_size=6, max_size=6),
)
def test_round_trip_for_any_range_and_scale(layout, g_min, span, w_max, parts):
    device = Ideal(g_min=g_min, g_max=g_min + span, step=0.01 * span)
    crossbar = build(*layout, device=device, shape=(2, 3), g_ref=span / w_max)
    weights = middle(crossbar) + 0.5 * (crossbar.w_max - crossbar.w_min) * np.reshape(parts, (2, 3))
    read = crossbar.weights(crossbar.encode(weights, rng()))
    resolution = 8 * np.finfo(float).eps * (g_min + span) / span
    np.testing.assert_allclose(read, weights, atol=resolution * w_max)


@layouts
def test_weights_beyond_the_range_are_limited_to_it(mapping, scheme):
    crossbar = build(mapping, scheme)
    full = (G_MAX - G_MIN) / G_REF
    high = full / 2 if scheme == "single" else full
    expected = (G_MIN / G_REF, G_MAX / G_REF) if mapping == "unsigned" else (-high, high)
    assert (crossbar.w_min, crossbar.w_max) == pytest.approx(expected)
    up = some_change(crossbar) > 0
    state = crossbar.encode(np.where(up, 1.5, -1.5) * crossbar.w_max, rng())
    np.testing.assert_allclose(crossbar.weights(state), np.where(up, crossbar.w_max, crossbar.w_min))


def test_where_the_conductances_lie():
    weights = np.array([[0.5, -0.25, 0.0], [1.0, -1.0, 0.125]])
    middle = 0.5 * (G_MIN + G_MAX)
    expected = {
        "unsigned": (np.maximum(weights * G_REF, G_MIN), np.zeros((2, 1))),
        "one_sided": (G_MIN + np.maximum(weights, 0) * G_REF, G_MIN + np.maximum(-weights, 0) * G_REF),
        "balanced": (middle + weights * G_REF / 2, middle - weights * G_REF / 2),
        "reference": (middle + weights * G_REF, np.full((2, 1), middle)),
    }
    for mapping, (plus, minus) in expected.items():
        scheme = next(iter(MAPPINGS[mapping]))
        state = build(mapping, scheme, shape=(2, 3)).encode(weights, rng())
        assert state.g_minus.shape == minus.shape
        np.testing.assert_allclose(state.g_plus, plus)
        np.testing.assert_allclose(state.g_minus, minus)


@layouts
def test_write_changes_the_weights_exactly_and_leaves_its_inputs_alone(mapping, scheme):
    crossbar = build(mapping, scheme)
    weights, change = some_weights(crossbar, 0.4), some_change(crossbar, 0.4, seed=1)
    state = crossbar.encode(weights, rng())
    before = [part.copy() for part in (state.g_plus, state.g_minus, weights, change)]
    np.testing.assert_allclose(crossbar.weights(crossbar.write(state, change, rng())), weights + change)
    for part, copy in zip((state.g_plus, state.g_minus, weights, change), before, strict=True):
        assert np.array_equal(part, copy)


@layouts
def test_write_is_limited_to_the_range_and_comes_back(mapping, scheme):
    crossbar = build(mapping, scheme)
    state = crossbar.write(crossbar.encode(some_weights(crossbar), rng()), np.full(SHAPE, 1e3), rng())
    np.testing.assert_allclose(crossbar.weights(state), crossbar.w_max)
    back = crossbar.write(state, middle(crossbar) - crossbar.w_max, rng())
    np.testing.assert_allclose(crossbar.weights(back), middle(crossbar), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_one_sided_write_is_exact_whatever_the_bounds_of_its_devices(seed):
    """A device is placed relative to the floor of its partner: spread of the bounds does not bias weights."""
    device = SoftBounds(**RANGE, bounds_d2d=0.15)
    crossbar = build("one_sided", device=device, shape=(20, 30), streams=Streams(seed))
    weights = some_weights(crossbar, 0.2)
    state = crossbar.encode(weights, rng())
    np.testing.assert_allclose(hidden(state), weights, atol=1e-12)
    change = some_weights(crossbar, 0.2, seed=1)
    np.testing.assert_allclose(hidden(crossbar.write(state, change, rng())), weights + change, atol=1e-12)
    idle = np.where(weights > 0, state.g_minus - crossbar.minus.cells.g_low, state.g_plus - crossbar.plus.cells.g_low)
    assert np.mean(idle == 0) > 0.9


@layouts
def test_one_pulse_moves_the_weight_by_the_weight_step(mapping, scheme):
    crossbar = build(mapping, scheme)
    devices = 2 if scheme == "push_pull" else 1
    assert crossbar.devices_per_pulse == devices
    assert crossbar.weight_step == pytest.approx(devices * STEP / G_REF)
    state = crossbar.encode(middle(crossbar), rng())
    if mapping == "one_sided":  # lift the pair off its floor first
        state = type(state)(*(part + 10e-6 for part in (state.g_plus, state.g_minus)), *([None] * 2))
    counts = np.random.default_rng(0).integers(-5, 6, SHAPE)
    after = crossbar.pulse(state, counts, rng())
    np.testing.assert_allclose(hidden(after), middle(crossbar) + counts * crossbar.weight_step, atol=1e-12)
    raised, lowered = {
        "push_pull": (counts, -counts),
        "single": (counts, 0 * counts),
        "potentiate": (np.maximum(counts, 0), np.maximum(-counts, 0)),
    }[scheme]
    np.testing.assert_allclose(after.g_plus - state.g_plus, raised * STEP, atol=1e-18)
    lowered = lowered * STEP
    np.testing.assert_allclose(np.broadcast_to(after.g_minus - state.g_minus, SHAPE), lowered, atol=1e-18)


def test_a_push_against_the_floor_of_an_idle_device_is_lost():
    crossbar = build("one_sided")
    after = crossbar.pulse(crossbar.encode(np.zeros(SHAPE), rng()), np.full(SHAPE, 3), rng())
    np.testing.assert_allclose(hidden(after), 3 * crossbar.weight_step / 2)


def test_push_pull_cancels_asymmetry_that_single_keeps():
    """n up and n down: push-pull returns exactly, a single device drifts by ``2 n alpha step``."""
    alpha, n = 0.3, 7
    device = ConstantStep(**RANGE, asymmetry=alpha)
    drift = {}
    for scheme in SCHEMES:
        crossbar = build("one_sided" if scheme == "potentiate" else "balanced", scheme, device=device)
        state = crossbar.encode(np.zeros(SHAPE), rng())
        for sign in (1, -1):
            state = crossbar.pulse(state, np.full(SHAPE, sign * n), rng())
        drift[scheme] = hidden(state)
    np.testing.assert_allclose(drift["push_pull"], 0, atol=1e-12)
    np.testing.assert_allclose(drift["potentiate"], 0, atol=1e-12)
    np.testing.assert_allclose(drift["single"], 2 * n * alpha * STEP / G_REF)


FAULTY = SoftBounds(**RANGE, c2c=1.0, step_d2d=0.3, write_noise=5.0, stuck_fraction=0.3)


@layouts
def test_stuck_devices_never_move(mapping, scheme):
    crossbar = build(mapping, scheme, device=FAULTY, shape=(30, 20))
    state = crossbar.encode(some_weights(crossbar), rng())
    counts = np.random.default_rng(0).integers(-9, 10, (30, 20))
    states = [
        state,
        crossbar.pulse(state, counts, rng()),
        crossbar.write(state, some_change(crossbar), rng()),
    ]
    for side, cells in (("plus", crossbar.plus.cells), ("minus", crossbar.minus.cells)):
        stuck = cells.g_low == cells.g_high
        if side == "minus" and mapping == "unsigned":  # there is no device
            assert all(np.all(later.g_minus == 0) and np.all(later.read_minus == 0) for later in states)
            continue
        assert 0.1 < stuck.mean() < 0.6
        for later in states:
            for kind in ("g", "read"):
                assert np.array_equal(getattr(later, f"{kind}_{side}")[stuck], cells.g_low[stuck])
    moved = states[1].g_plus != state.g_plus
    free = (counts != 0) & (crossbar.plus.cells.g_low < crossbar.plus.cells.g_high)
    assert not np.any(moved & ~free)
    assert mapping == "one_sided" or np.all(moved[free])  # idle devices stay at their floor


@layouts
def test_write_noise_is_visible_only_and_new_only_where_programmed(mapping, scheme):
    device = SoftBounds(**RANGE, write_noise=4.0)
    crossbar = build(mapping, scheme, device=device, shape=(90, 70))
    weights = some_weights(crossbar, 0.5)
    state = crossbar.encode(weights, rng())
    np.testing.assert_allclose(hidden(state), weights, atol=1e-12)
    if mapping == "balanced":
        noise = crossbar.weights(state) - weights
        variance = 2 * (4 * STEP / G_REF) ** 2
        check_mean(noise.ravel(), 0.0)
        check_variance(noise.ravel(), variance)
    counts = (np.random.default_rng(0).random((90, 70)) < 0.2).astype(int)
    after = crossbar.pulse(state, counts, rng("later"))
    off_floor = np.ones((90, 70), bool)
    for side in ("plus", "minus") if scheme == "push_pull" else ("plus",):
        if mapping == "one_sided":  # an idle device may be read at its floor before and after
            off_floor = getattr(state, f"g_{side}") > G_MIN + 1e-6
        new = getattr(after, f"read_{side}") != getattr(state, f"read_{side}")
        assert not np.any(new[counts == 0])
        assert np.all(new[(counts != 0) & off_floor])
    assert scheme != "single" or after.read_minus is state.read_minus


def test_without_write_noise_reads_are_the_hidden_conductances():
    crossbar = build()
    state = crossbar.encode(some_weights(crossbar), rng())
    for later in (
        state,
        crossbar.pulse(state, np.ones(SHAPE, int), rng()),
        crossbar.write(state, state.g_plus, rng()),
    ):
        assert later.read_plus is later.g_plus
        assert later.read_minus is later.g_minus


def test_devices_depend_on_seed_array_and_side_only():
    def cells(name="W1", seed=1, side="plus"):
        crossbar = build(name=name, device=FAULTY, streams=Streams(seed))
        return getattr(crossbar, side).cells.step_up

    assert np.array_equal(cells(), cells())
    for other in (cells(name="W2"), cells(seed=2), cells(side="minus")):
        assert not np.any(cells() == other)


@layouts
def test_same_numbers_on_a_device_backend(mapping, scheme):
    results = []
    for backend in (NUMPY, STRICT):
        crossbar = build(mapping, scheme, device=FAULTY, dtype="float32", streams=Streams(3, backend), read_noise=0.1)
        draw = Streams(4, backend).generator
        weights = backend.asarray(some_weights(crossbar, 0.5).astype(np.float32))
        counts = backend.asarray(np.random.default_rng(0).integers(-3, 4, SHAPE))
        state = crossbar.pulse(crossbar.encode(weights, draw("encode")), counts, draw("pulse"))
        state = crossbar.write(state, weights, draw("write"))
        x = backend.asarray(np.random.default_rng(1).random((4, SHAPE[0])).astype(np.complex64))
        a = backend.asarray(np.random.default_rng(1).random((4, SHAPE[1])).astype(np.float32))
        values = [
            crossbar.weights(state),
            crossbar.noisy_weights(state, draw("read")),
            crossbar.forward_noise(x, state, draw("forward")),
            crossbar.forward_noise(x.real, state, draw("forward")),
            crossbar.backward_noise(a, state, draw("backward")),
        ]
        assert [value.dtype.name for value in values] == [
            "float32",
            "float32",
            "complex64",
            "float32",
            "float32",
        ]
        results.append([backend.to_host(value) for value in values])
    for ours, strict in zip(*results, strict=True):
        np.testing.assert_allclose(strict, ours, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (
            ConfigError,
            r"crossbar W1: mapping: unknown 'balancd' \(did you mean 'balanced'\?\)",
            {"mapping": "balancd"},
        ),
        (
            ConfigError,
            r"scheme of mapping reference: unknown 'push_pull'.*allowed: single",
            {"mapping": "reference"},
        ),
        (ConfigError, r"dtype = 'float16': allowed float32 \| float64", {"dtype": "float16"}),
        (RangeError, r"g_ref = 0.0: allowed \(0, inf\) S", {"g_ref": 0.0}),
        (RangeError, r"g_ref = nan", {"g_ref": float("nan")}),
        (RangeError, r"read_noise = -0.1: allowed \[0, 1\)", {"read_noise": -0.1}),
        (RangeError, r"read_noise = nan", {"read_noise": float("nan")}),
        (ShapeError, r"shape = \(0, 3\): expected \(rows, cols\), both positive", {"shape": (0, 3)}),
        (ShapeError, r"shape = \(3,\)", {"shape": (3,)}),
    ],
)
def test_wrong_parameters_are_refused(error, text, wrong):
    with pytest.raises(error, match=text):
        build(**wrong)


def test_steps_that_the_dtype_cannot_resolve_are_refused():
    device = Ideal(g_min=1e-6, g_max=100e-6, step=1e-12)
    with pytest.raises(RangeError, match=r"device.step = 1 pS: float32 resolves steps above 47.68 pS at g_max"):
        build(device=device, dtype="float32")
    build(device=device, dtype="float64")


@pytest.mark.parametrize("operation", ["encode", "write", "pulse"])
def test_transposed_arrays_are_refused(operation):
    crossbar = build()
    state = crossbar.encode(np.zeros(SHAPE), rng())
    wrong = np.zeros(SHAPE[::-1], int)
    arguments = (wrong,) if operation == "encode" else (state, wrong)
    with pytest.raises(ShapeError, match=r"crossbar W1: \w+ \(3, 5\), expected \(5, 3\)"):
        getattr(crossbar, operation)(*arguments, rng())


@layouts
def test_conductances_are_the_visible_ones_and_noise_is_of_each_device(mapping, scheme):
    crossbar = build(mapping, scheme, shape=(90, 70), read_noise=0.05)
    state = crossbar.encode(some_weights(crossbar), rng())
    plus, minus = crossbar.conductances(state)
    np.testing.assert_allclose(plus, state.read_plus / G_REF, rtol=1e-15)
    np.testing.assert_allclose(minus, state.read_minus / G_REF, rtol=1e-15)
    np.testing.assert_allclose(plus - minus, crossbar.weights(state), atol=1e-12)
    noisy = crossbar.conductances(state, rng("read"))
    for quiet, read in zip((plus, minus), noisy, strict=True):
        if not np.any(quiet):
            assert np.array_equal(read, quiet)
            continue
        relative = (read / quiet - 1).ravel()
        check_mean(relative, 0.0)
        check_variance(relative, 0.05**2)
    assert np.array_equal(noisy[0], crossbar.conductances(state, rng("read"))[0])


def test_weights_that_are_not_finite_are_refused():
    weights = np.zeros(SHAPE)
    weights[2, 1] = np.nan
    with pytest.raises(RangeError, match="crossbar W1: weights that are not finite"):
        build().encode(weights, rng())
