"""Pairs on wired arrays: both layouts against arrays laid out by hand, and what is seen between two solutions."""

import numpy as np
import pytest

from neurosim.crossbar import PairLines, PairState
from neurosim.crossbar.approximations import APPROXIMATIONS
from neurosim.crossbar.pair_lines import LAYOUTS, attenuation, seen
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.errors import ConfigError, RangeError

WIRES = Wires(r_row=2.0, r_col=3.0, r_source=50.0, r_sense=20.0)


def planes(rows=24, cols=16, reference=False, seed=0):
    rng = np.random.default_rng(seed)
    minus = (rows, 1) if reference else (rows, cols)
    return rng.uniform(1e-6, 1e-4, (rows, cols)), rng.uniform(1e-6, 1e-4, minus)


def test_separate_arrays_do_not_know_of_each_other():
    plus, minus = planes()
    found = PairLines(WIRES).solve(plus, minus)
    for g, effective in ((plus, found.g_plus), (minus, found.g_minus)):
        np.testing.assert_allclose(effective, WiredArray(g, WIRES).effective(), rtol=1e-12)
    assert found.figure_of_merit == pytest.approx(24**2 * 3.0 * max(plus.max(), minus.max()))
    assert found.residual <= 1e-9


@pytest.mark.parametrize("reference", [False, True])
def test_interleaved_columns_are_one_array_with_longer_rows(reference):
    plus, minus = planes(reference=reference)
    found = PairLines(WIRES, "interleaved").solve(plus, minus)
    if reference:
        whole = np.concatenate((plus, minus), axis=1)
        places = [*range(16)], [16]
    else:
        whole = np.stack((plus, minus), axis=2).reshape(24, 32)
        places = [*range(0, 32, 2)], [*range(1, 32, 2)]
    expected = WiredArray(whole, WIRES).effective()
    np.testing.assert_allclose(found.g_plus, expected[:, places[0]], rtol=1e-12)
    np.testing.assert_allclose(found.g_minus, expected[:, places[1]], rtol=1e-12)
    assert found.figure_of_merit == WIRES.figure_of_merit(whole)
    assert found.loss == pytest.approx(1 - expected.sum() / whole.sum())


def test_layouts_differ_by_several_per_cent():
    plus, minus = planes()
    one, other = (PairLines(WIRES, layout).solve(plus, minus).g_plus for layout in LAYOUTS)
    assert 0.02 < abs(other / one - 1).max() < 0.3


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_an_approximation_by_name(name):
    plus, minus = planes()
    found = PairLines(WIRES, method=name).solve(plus, minus)
    np.testing.assert_array_equal(found.g_plus, APPROXIMATIONS[name](plus, WIRES))
    assert found.residual > 1e-4  # its error, which is reported


@pytest.mark.parametrize("lowest", [1e-6, 0.0])
def test_what_is_seen_is_exact_at_the_solution_and_better_than_a_fixed_offset_beside_it(lowest):
    rng, lines = np.random.default_rng(3), PairLines(WIRES, "interleaved")
    old = [np.where(rng.random((24, 16)) < 0.3, lowest, g) for g in planes()]
    at = lines.solve(*old)
    factors = [attenuation(g, effective) for g, effective in zip(old, (at.g_plus, at.g_minus), strict=True)]
    exact = seen(PairState(*old, *old), *factors)
    np.testing.assert_allclose(exact.read_plus, at.g_plus, rtol=1e-13)
    np.testing.assert_allclose(exact.read_minus, at.g_minus, rtol=1e-13)
    new = [np.clip(g + rng.normal(0, 5e-6, g.shape), 0, None) for g in old]
    now = lines.solve(*new)
    moved = seen(PairState(*new, *new), *factors)
    wanted = now.g_plus - now.g_minus
    stale = np.linalg.norm(moved.read_plus - moved.read_minus - wanted)
    offset = np.linalg.norm(new[0] - old[0] + at.g_plus - (new[1] - old[1] + at.g_minus) - wanted)
    unknown = np.linalg.norm(new[0] - new[1] - wanted)
    assert stale < 0.5 * offset < 0.25 * unknown
    assert moved.g_plus is new[0]


def test_staleness_falls_with_the_change():
    lines, rng = PairLines(WIRES), np.random.default_rng(4)
    old = planes()
    at = lines.solve(*old)
    factor, change, errors = attenuation(old[0], at.g_plus), 1e-6 * rng.uniform(-1, 1, (24, 16)), []
    for size in (1.0, 0.5, 0.25):
        new = old[0] + size * change
        errors.append(np.linalg.norm(new * factor[0] + factor[1] - lines.solve(new, old[1]).g_plus))
    np.testing.assert_allclose(np.diff(np.log2(errors)), -1, atol=0.1)  # the change of the drop, of first order


def test_wrong_use_is_refused():
    with pytest.raises(ConfigError, match=r"crossbar.wires.layout: unknown 'woven'"):
        PairLines(WIRES, "woven")
    with pytest.raises(ConfigError, match=r"crossbar.wires.method: unknown 'jeong'"):
        PairLines(WIRES, method="jeong")
    with pytest.raises(RangeError, match=r"crossbar.wires.refresh = 0: expected an integer >= 1"):
        PairLines(WIRES, refresh=0)
