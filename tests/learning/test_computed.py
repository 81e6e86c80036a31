"""Every computed gradient: one finished group that points down the loss, and the same numbers where they must agree."""

from dataclasses import replace

import numpy as np
import pytest
from small_net import bench_of

from neurosim.errors import ConvergenceError
from neurosim.learning import bptt
from neurosim.learning.computed import REFERENCES
from neurosim.learning.contrast import measure
from neurosim.numerics.status import Status
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


@by_name
def test_with_a_mask_samples_without_a_steady_state_are_left_out(name, monkeypatch):
    """One sample is made to look unsettled; the gradient is then that of the others, and their mean."""
    keep = np.array([True, False, True, True])
    missing = {"settled": keep, "status": Status.UNSETTLED}
    bench, reference = bench_of((6, 5, 4, 3), batch=4, options=SETTLED), REFERENCES[name]
    expected = reference.contrast(replace(bench, x=bench.x[keep], y=bench.y[keep])).gradient()
    at_rest, integrated = type(bench).operating_point, bptt.transient
    monkeypatch.setattr(type(bench), "operating_point", lambda *a: replace(at_rest(*a), **missing))
    monkeypatch.setattr(bptt, "transient", lambda *a, **k: replace(integrated(*a, **k), **missing))
    masked = reference.contrast(bench, mask=True)
    assert (masked.batch, masked.settled.tolist(), masked.free_activity.shape[0]) == (3, keep.tolist(), 4)
    for array, gradient in masked.gradient().items():
        np.testing.assert_allclose(gradient, expected[array], rtol=0, atol=1e-14)
    if reference.steady:
        with pytest.raises(ConvergenceError, match="free state: 1 of 4 samples"):
            reference.contrast(bench)
