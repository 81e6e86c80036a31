"""Faults: their frequency, their patterns both ways, and that they leave everything else as it is."""

import numpy as np
import pytest
from strict_cupy import STRICT

from neurosim.crossbar import Crossbar, Faults, Shorts
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.devices import DEVICES
from neurosim.errors import ConfigError, RangeError
from neurosim.rng import Streams

SPREAD = {"step_d2d": 0.3, "bounds_d2d": 0.2}
G = {"g_min": 1e-6, "g_max": 51e-6, "step": 2e-8}
NAMES = {"stuck_g_min": 1e-6, "stuck_g_max": 51e-6, "open_devices": 0.0}


def build(shape=(60, 50), streams=None, mapping="balanced", device=None, read_noise=0.0, **faults):
    return Crossbar.build(
        "W1",
        shape,
        device=device or DEVICES["soft_bounds"](**G),
        mapping=mapping,
        scheme="single" if mapping == "reference" else "push_pull",
        g_ref=2.5e-5,
        read_noise=read_noise,
        streams=streams or Streams(3),
        dtype="float64",
        faults=Faults(**faults),
    )


def encoded(crossbar, scale=0.5):
    w = np.random.default_rng(0).uniform(-scale, scale, crossbar.shape)
    return crossbar.encode(w, np.random.default_rng(1))


@pytest.mark.parametrize("kind", NAMES)
def test_stuck_devices_have_their_frequency_and_stay_where_they_are(kind):
    crossbar = build((200, 200), **{kind: 0.1})
    state = encoded(crossbar)
    for cells, g in ((crossbar.plus.cells, state.g_plus), (crossbar.minus.cells, state.g_minus)):
        stuck = cells.g_low == cells.g_high
        assert abs(stuck.mean() - 0.1) < 4 * np.sqrt(0.09 / stuck.size)
        assert np.all(g[stuck] == NAMES[kind])
    pulsed = crossbar.pulse(state, np.full(crossbar.shape, 40.0), np.random.default_rng(2))
    stuck = crossbar.plus.cells.g_low == crossbar.plus.cells.g_high
    assert np.array_equal(pulsed.g_plus[stuck], state.g_plus[stuck])
    assert np.all(pulsed.g_plus[~stuck] > state.g_plus[~stuck])


def test_devices_stuck_at_random_are_uniform_between_their_bounds():
    crossbar = build((200, 200), stuck_random=0.5)
    low, high = crossbar.plus.cells.g_low, crossbar.plus.cells.g_high
    place = (low[low == high] - 1e-6) / 50e-6
    assert abs(place.mean() - 0.5) < 4 * np.sqrt(1 / 12 / place.size)
    assert place.var() == pytest.approx(1 / 12, rel=0.05)


def test_kinds_exclude_each_other_and_a_larger_fraction_holds_the_smaller():
    few, many = build(open_devices=0.1), build(open_devices=0.3)
    assert np.all(many.plus.cells.g_high[few.plus.cells.g_high == 0] == 0)
    all_kinds = build((200, 200), open_devices=0.2, stuck_g_min=0.3, stuck_g_max=0.5).plus.cells
    assert np.all(all_kinds.g_low == all_kinds.g_high)
    for value, share in ((0.0, 0.2), (1e-6, 0.3), (51e-6, 0.5)):
        assert abs((all_kinds.g_low == value).mean() - share) < 4 * np.sqrt(share * (1 - share) / 40000)


def test_faults_leave_the_other_devices_as_they_are():
    device = DEVICES["soft_bounds"](**G, **SPREAD)
    good, bad = build(device=device), build(device=device, stuck_g_max=0.2, open_rows=0.1)
    fine = bad.plus.cells.g_low != bad.plus.cells.g_high
    for name in ("g_low", "g_high"):
        assert np.array_equal(getattr(good.plus.cells, name)[fine], getattr(bad.plus.cells, name)[fine])
    assert np.array_equal(good.plus.cells.step_up, bad.plus.cells.step_up)


def test_the_two_sides_have_faults_of_their_own():
    crossbar = build((200, 200), open_devices=0.1)
    plus, minus = (cells.g_high == 0 for cells in (crossbar.plus.cells, crossbar.minus.cells))
    both = (plus & minus).mean()
    assert abs(both - 0.01) < 4 * np.sqrt(0.01 / plus.size)


@pytest.mark.parametrize(("level", "value"), [("g_min", 1e-6), ("g_max", 51e-6), ("open", 0.0)])
def test_stuck_lines_are_whole_lines(level, value):
    crossbar = build(stuck_rows=0.2, stuck_cols=0.1, stuck_lines_at=level)
    stuck = crossbar.plus.cells.g_low == crossbar.plus.cells.g_high
    rows, cols = stuck.all(axis=1), stuck.all(axis=0)
    assert 0 < rows.sum() < 30
    assert 0 < cols.sum() < 20
    assert np.array_equal(stuck, rows[:, None] | cols[None, :])
    assert np.all(crossbar.plus.cells.g_low[stuck] == value)
    assert np.array_equal(rows, (crossbar.minus.cells.g_low == crossbar.minus.cells.g_high).all(axis=1))


def test_an_open_row_reads_zero_both_ways():
    crossbar = build(open_rows=0.2)
    w = crossbar.weights(encoded(crossbar))
    cut = (crossbar.plus.cells.g_high == 0).all(axis=1)
    assert 0 < cut.sum() < 30
    x = np.zeros((1, 60))
    x[0, cut] = 1.0
    assert np.all(x @ w == 0)  # what it is driven with does not arrive
    assert np.all((np.ones((1, 50)) @ w.T)[0, cut] == 0)  # and nothing is sensed


def two_ways(g, source):
    """Return what columns and rows read where sources of 1/`source` S drive two joined rows: exact nodal analysis."""
    v = np.array([0.7, -0.2])
    total = g.sum()
    node = source * v.sum() / (2 * source + total)  # joined rows are one node
    forward = node * g.sum(axis=0)
    a = np.linspace(-1, 1, g.shape[1])
    sensed = (g.sum(axis=0) @ a) / 2  # ideal sense amplifiers at 0 V share the current of the joint node
    return v, forward, a, sensed


def test_shorted_rows_read_as_their_mean_which_circuit_theory_gives():
    g = np.random.default_rng(4).uniform(1e-6, 51e-6, (2, 5))
    seen = Shorts((slice(0, 2),)).seen(g)
    v, forward, a, sensed = two_ways(g, source=1e3)
    np.testing.assert_allclose(v @ seen, forward, rtol=1e-5)
    np.testing.assert_allclose(seen @ a, np.full(2, sensed), rtol=1e-12)


def test_shorted_columns_read_as_an_array_whose_columns_are_wired_together():
    """The mean of two columns is what each of two equal sense resistors gets from a joint node."""
    g = np.random.default_rng(5).uniform(1e-6, 51e-6, (6, 2))
    seen = Shorts(cols=(slice(0, 2),)).seen(g)
    x = np.linspace(0.1, 0.2, 6)
    joint = WiredArray(g.sum(axis=1, keepdims=True), Wires(r_sense=1e-3)).read(x[None]).columns[0, 0]
    np.testing.assert_allclose(x @ seen, np.full(2, joint / 2), rtol=1e-6)


def test_shorts_join_runs_of_neighbours_and_show_in_every_read():
    crossbar = build((40, 30), shorted_rows=0.3, shorted_cols=0.2, read_noise=0.1)
    shorts = crossbar.plus.shorts
    assert shorts.rows == crossbar.minus.shorts.rows
    assert shorts.cols != crossbar.minus.shorts.cols
    assert any(group.stop - group.start > 2 for group in shorts.rows)
    state = encoded(crossbar)
    w = crossbar.weights(state)
    plus, minus = crossbar.conductances(state)
    np.testing.assert_allclose(w, plus - minus, atol=1e-14)
    noisy = crossbar.noisy_weights(state, np.random.default_rng(6))
    for group in shorts.rows:
        for found in (w, noisy):
            np.testing.assert_allclose(found[group], np.broadcast_to(found[group][:1], found[group].shape), atol=1e-14)
    assert abs(noisy - w).max() > 0
    with pytest.raises(ConfigError, match="shorted lines"):
        crossbar.weight_noise(state)


def test_no_faults_change_nothing():
    assert not build().plus.shorts
    faultless, plain = encoded(build()), encoded(build(stuck_lines_at="g_max"))
    assert np.array_equal(faultless.g_plus, plain.g_plus)


def test_a_reference_column_has_faults_too():
    crossbar = build((50, 4), mapping="reference", open_rows=0.2, stuck_g_max=0.1)
    assert crossbar.minus.cells.g_low.shape == (50, 1)
    cut = (crossbar.plus.cells.g_high == 0).all(axis=1)
    assert np.all(crossbar.weights(encoded(crossbar))[cut] == 0)


def test_strict_backend_draws_the_same_faults():
    faults = {"stuck_g_min": 0.1, "stuck_random": 0.1, "open_cols": 0.1, "shorted_rows": 0.2}
    ours, theirs = build((12, 10), **faults), build((12, 10), streams=Streams(3, STRICT), **faults)
    w = np.random.default_rng(0).uniform(-0.5, 0.5, (12, 10))
    state = theirs.encode(STRICT.asarray(w), theirs)
    np.testing.assert_array_equal(STRICT.to_host(theirs.weights(state)), ours.weights(ours.encode(w, None)))


@pytest.mark.parametrize(
    ("faults", "error", "text"),
    [
        ({"open_rows": 1.5}, RangeError, r"Faults.open_rows = 1.5: allowed \[0, 1\]"),
        ({"open_devices": 0.6, "stuck_g_min": 0.6}, RangeError, "make 1.2 of all"),
        ({"stuck_lines_at": "middle"}, ConfigError, "stuck_lines_at"),
    ],
)
def test_refuses(faults, error, text):
    with pytest.raises(error, match=text):
        Faults(**faults)
