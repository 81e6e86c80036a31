"""Pairs that are only potentiated, their refresh, and the writing back of conductances that have aged."""

import numpy as np
import pytest
from standard_errors import check_mean, check_variance

from neurosim.crossbar import Crossbar
from neurosim.crossbar.refresh import Refresh, staleness
from neurosim.devices import Ageing, ConstantStep, Ideal, Wear, preset
from neurosim.rng import Streams

SHAPE, STEP = (30, 20), 0.1e-6
RANGE = {"g_min": 1e-6, "g_max": 41e-6, "step": STEP}
G_REF = 10e-6
POLICY = Refresh()


def build(device=None, mapping="one_sided", scheme="potentiate", ageing=None, wear=None, shape=SHAPE):
    return Crossbar.build(
        "W1", shape, device=device or Ideal(**RANGE), mapping=mapping, scheme=scheme, g_ref=G_REF, read_noise=0.0,
        streams=Streams(1), dtype="float64", ageing=ageing, wear=wear,
    )  # fmt: skip


def rng(name="rng", step=0):
    return Streams(2).generator(name, step)


def filled(crossbar, seed=0):
    """Return a state whose pairs lie all over the range, programmed by up pulses, and the pulses of each device."""
    host = np.random.default_rng(seed)
    plus, minus = host.integers(0, 400, (2, *crossbar.shape))
    state = crossbar.encode(np.zeros(crossbar.shape), rng())
    return crossbar.pulse(crossbar.pulse(state, plus, rng()), -minus, rng("other")), plus, minus


def test_only_up_pulses_are_given_and_a_full_pair_stops():
    crossbar = build()
    state = crossbar.encode(np.zeros(SHAPE), rng())
    for k in range(12):
        before, sign = state, 1 if k % 2 else -1
        state = crossbar.pulse(state, np.full(SHAPE, 100 * sign), rng(step=k))
        assert np.all(state.g_plus >= before.g_plus)
        assert np.all(state.g_minus >= before.g_minus)
    assert np.all(state.g_plus == 41e-6)
    np.testing.assert_array_equal(crossbar.weights(state), 0.0)
    stuck = crossbar.pulse(state, np.full(SHAPE, 100), rng())
    np.testing.assert_array_equal(crossbar.weights(stuck), 0.0)


def test_a_refresh_keeps_the_weights_and_empties_just_the_full_pairs():
    crossbar = build()
    state, plus, minus = filled(crossbar)
    done = POLICY.after_update(crossbar, state, 1, rng("refresh"))
    full = (np.maximum(plus, minus) > 300) & (np.minimum(plus, minus) > 100)
    assert 0.2 < full.mean() < 0.5
    assert done.refreshes == full.sum()
    np.testing.assert_allclose(crossbar.weights(done.state), crossbar.weights(state), atol=1e-12)
    assert np.all(np.minimum(done.state.g_plus, done.state.g_minus)[full] == 1e-6)
    assert np.array_equal(done.state.g_plus[~full], state.g_plus[~full])
    resets, written = 2 * full.sum(), np.abs(plus - minus)[full].sum()
    assert done.pulses == resets + written
    given, difference = np.abs(plus - minus)[full], np.abs(state.g_plus - state.g_minus)[full]
    heat = 0.5 * ((state.g_plus + state.g_minus)[full] + 2e-6).sum() + (given * (1e-6 + 0.5 * difference)).sum()
    assert done.pulsed == pytest.approx(heat, rel=1e-9)
    again = POLICY.after_update(crossbar, done.state, 2, rng("refresh"))
    assert (again.refreshes, again.pulses) == (0, 0.0)
    assert Refresh(larger=1.0).after_update(crossbar, state, 1, rng("refresh")).state is state


def test_the_difference_is_rewritten_to_half_a_step_by_noiseless_devices_of_any_step():
    device = preset("pcm").build()
    quiet = type(device)(**{**vars(device), "c2c": 0.0, "step_d2d": 0.0, "asymmetry_d2d": 0.0, "bounds_d2d": 0.0,
                            "reset_level": 0.0, "reset_d2d": 0.0})  # fmt: skip
    crossbar = build(quiet)
    state = crossbar.pulse(
        crossbar.encode(np.zeros(SHAPE), rng()), np.random.default_rng(0).integers(0, 40, SHAPE), rng()
    )
    state = crossbar.pulse(state, -np.random.default_rng(1).integers(0, 40, SHAPE), rng())
    done = POLICY.after_update(crossbar, state, 1, rng())
    assert done.refreshes > 100
    wrong = np.abs(crossbar.weights(done.state) - crossbar.weights(state)) * G_REF
    before = np.linspace(quiet.g_min, quiet.g_max, 10_000)
    step = quiet.increment(before, crossbar.plus.cells, True)
    last = np.interp(np.maximum(done.state.g_plus, done.state.g_minus), before + step, step)
    assert np.all(wrong <= 0.5 * last + 1e-12)
    assert wrong.max() > 0.3 * last.min()


def test_a_reset_leaves_what_the_preset_says():
    device = preset("pcm").build()
    span = device.g_max - device.g_min
    shape = (250, 200)
    free = type(device)(**{**vars(device), "reset_level": 0.2, "reset_d2d": 0.02, "reset_c2c": 0.01, "bounds_d2d": 0.0})
    crossbar = build(free, shape=shape)
    state = crossbar.encode(np.zeros(shape), rng())
    reset = [crossbar.reset(state, np.ones(shape, bool), rng("reset", k))[0].g_plus for k in range(2)]
    check_mean(reset[0].ravel(), 0.2 * span)
    check_variance(reset[0].ravel(), (0.02**2 + 0.01**2) * span**2)
    check_variance((reset[0] - reset[1]).ravel(), 2 * (0.01 * span) ** 2)
    assert (device.reset_level * span, device.reset_d2d * span) == pytest.approx((0.125e-6, 0.25e-6))
    low, pulses = crossbar.reset(state, np.eye(*shape, dtype=bool), rng())
    assert pulses == 400
    assert (low.g_plus != state.g_plus).sum() == 200


@pytest.mark.parametrize("exact", [True, False])
def test_devices_that_have_aged_are_written_back(exact):
    crossbar = build(mapping="balanced", scheme="push_pull", ageing=Ageing(nu=0.05))
    state = crossbar.encode(np.random.default_rng(0).uniform(-1, 1, SHAPE), rng())
    aged = crossbar.wait(state, 99.0, rng())
    policy = Refresh(every=3, exact=exact)
    assert policy.after_update(crossbar, aged, 2, rng()).state is aged
    done = policy.after_update(crossbar, aged, 3, rng())
    assert done.refreshes == 1
    for before, lost, after in ((state.g_plus, aged.g_plus, done.state.g_plus),):
        assert np.abs(lost - before).min() > 10 * STEP
        np.testing.assert_allclose(after, before, atol=1e-18 if exact else 0.5 * STEP * (1 + 1e-9))
    assert np.all(done.state.past_plus.age == 0)
    lost = [np.abs(getattr(aged, side) - getattr(state, side)) for side in ("g_plus", "g_minus")]
    assert done.pulses == (2 * lost[0].size if exact else sum(np.rint(part / STEP).sum() for part in lost))


def test_a_stale_array_is_written_back_when_it_has_moved_far_enough():
    crossbar = build(mapping="balanced", scheme="push_pull", ageing=Ageing(nu=0.05))
    state = crossbar.encode(np.zeros(SHAPE), rng())
    aged = crossbar.wait(state, 9.0, rng())
    expected = 21e-6 * (1 - 10**-0.05) / 40e-6
    assert staleness(crossbar, aged) == pytest.approx(expected, rel=1e-12)
    for part, refreshes in ((1.01, 0), (0.99, 1)):
        assert Refresh(stale=part * expected).after_update(crossbar, aged, 1, rng()).refreshes == refreshes


def test_pulses_of_a_refresh_wear_the_devices():
    crossbar = build(ConstantStep(**RANGE), wear=Wear(pulses=1e5))
    state, plus, minus = filled(crossbar)
    np.testing.assert_array_equal(state.past_plus.writes, plus)
    done = POLICY.after_update(crossbar, state, 1, rng())
    added = (done.state.past_plus.writes - plus).sum() + (done.state.past_minus.writes - minus).sum()
    assert added == done.pulses > 0
