import numpy as np

from neurosim.rng import Streams


def test_streams_do_not_depend_on_the_order_of_use():
    streams = Streams(7)
    first = streams.generator("a").random(4)
    streams.generator("b", 3).random(100)
    assert np.array_equal(Streams(7).generator("a").random(4), first)


def test_names_steps_and_seeds_give_different_draws():
    draws = {
        tuple(Streams(seed).generator(name, step).random(3))
        for seed in (0, 1)
        for name in ("a", "b")
        for step in (0, 1)
    }
    assert len(draws) == 8


def test_streams_are_uncorrelated():
    """Correlation of 10^5 draws of neighbouring streams is within 4 standard errors of zero."""
    a, b = (Streams(0).generator("noise", step).standard_normal(100_000) for step in (1, 2))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(100_000)
