"""Every computed gradient: one finished group that points down the loss, and the same numbers where they must agree."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.learning.computed import REFERENCES
from neurosim.learning.contrast import measure
from neurosim.settle import SettleOptions, operating_point

by_name = pytest.mark.parametrize("name", REFERENCES)
SETTLED = SettleOptions(free_steps=300, nudged_steps=200)


@by_name
def test_reference_is_one_finished_group_of_no_phases(name):
    bench = bench_of((6, 5, 4, 3), options=SETTLED)
    reference = REFERENCES[name]
    assert reference.name == name
    assert reference.samples(np.random.default_rng(0)) == ()
    contrast = measure(bench, reference, np.random.default_rng(0))
    assert len(contrast.groups) == 1
    assert contrast.free_activity.shape == (5, 12)
    assert set(contrast.gradient()) == set(bench.weights(0))
    assert all(g.dtype == np.float64 for g in contrast.gradient().values())


@by_name
@pytest.mark.parametrize("topology", [{}, {"softmax_readout": True}], ids=str)
def test_reference_is_the_finite_difference_of_the_loss_along_itself(name, topology):
    bench, h = bench_of((6, 5, 4, 3), options=SETTLED, **topology), 1e-4
    gradient = REFERENCES[name].contrast(bench).gradient()

    def loss(size):
        weights = {n: w + size * gradient[n] for n, w in bench.weights(0).items()}
        there = replace(bench, weights=lambda _: weights).exact(1e-13)
        free = operating_point(there.field(), there.start(), there.options)
        return float(there.cost().loss(there.output(free.a), bench.y).mean())

    squared = sum(float((g**2).sum()) for g in gradient.values())
    assert (loss(h) - loss(-h)) / (2 * h) == pytest.approx(squared, rel=1e-6)
