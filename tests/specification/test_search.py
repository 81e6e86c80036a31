"""Bisection on noisy losses: a known threshold, ends that hold it not, and the coverage of the interval."""

import math

import numpy as np
import pytest

from neurosim.specification.search import Search

LIMIT = 0.02


def run(losses, *, resolution=0.02, **options):
    """Return the search after it has ended, `losses` giving those of all seeds at a place."""
    search = Search(LIMIT, resolution, **options)
    while wanted := search.wanted():
        for place in wanted:
            search.measured[place] = losses(place)
    return search


def curve(place, threshold, steepness=8.0):
    """Return a loss that crosses LIMIT at `threshold` and saturates at 0.8, like an accuracy that falls to chance."""
    return 0.8 / (1 + (0.8 / LIMIT - 1) * math.exp(-steepness * (place - threshold)))


def exact(threshold, seeds=4):
    return lambda place: np.full(seeds, curve(place, threshold))


@pytest.mark.parametrize("threshold", [0.11, 0.5, 0.93])
def test_without_noise_the_ends_and_the_estimate_close_in_on_the_threshold(threshold):
    search = run(exact(threshold))
    found = search.found()
    assert found.lower <= threshold <= found.upper
    assert found.upper - found.lower <= 0.02
    assert found.estimate == pytest.approx(threshold, abs=0.002)
    assert len(search.measured) <= 2 + math.ceil(math.log2(1 / 0.02))


def test_a_scale_that_does_not_hold_the_threshold_says_on_which_side_it_lies():
    good = run(exact(1.5)).found()
    assert (good.lower, good.estimate, good.upper, good.exceeded) == (1.0, None, None, False)
    bad = run(exact(-0.5)).found()
    assert (bad.lower, bad.estimate, bad.upper, bad.exceeded) == (None, None, 0.0, True)


def test_a_failed_run_makes_a_place_bad():
    def losses(place):
        values = np.zeros(4)
        values[1] = math.inf if place > 0.6 else 0.0
        return values

    found = run(losses).found()
    assert 0.58 < found.lower <= found.estimate <= 0.6
    assert found.upper == pytest.approx(0.6, abs=0.02)


def test_integer_places_end_with_neighbours():
    search = run(exact(0.5), resolution=0.0, snap=lambda p: round(7 * p) / 7)
    found = search.found()
    assert set(search.measured) <= {k / 7 for k in range(8)}
    assert (found.lower, found.upper) == (3 / 7, 4 / 7)


def test_a_loss_that_is_not_monotone_gives_the_first_place_that_exceeds_and_a_wide_interval():
    values = {0.0: 0.0, 0.25: 0.05, 0.5: 0.0, 0.75: 0.05, 1.0: 0.05}
    search = Search(LIMIT, 0.3, measured={p: np.full(3, v) for p, v in values.items()})
    found = search.found()
    assert (found.lower, found.upper) == (0.0, 0.75)
    assert found.estimate == pytest.approx(0.25 * LIMIT / 0.05)


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_the_interval_covers_a_known_threshold(shared):
    """Noise of a seed alone at each place, or the same at all of them as paired runs have it."""
    rng, covered, widths = np.random.default_rng(7), 0, []
    for _ in range(100):
        threshold, steepness = rng.uniform(0.25, 0.75), rng.uniform(4, 20)
        common = rng.standard_normal(5)

        def losses(place, threshold=threshold, steepness=steepness, common=common):
            own = rng.standard_normal(5)
            noise = math.sqrt(shared) * common + math.sqrt(1 - shared) * own
            return curve(place, threshold, steepness) + 0.006 * noise

        found = run(losses).found()
        low, high = (-math.inf if found.lower is None else found.lower), (found.upper or math.inf)
        covered += low <= threshold <= high
        widths.append(high - low)
    assert covered >= 90
    assert np.median(widths) < 0.4
