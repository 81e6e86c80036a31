"""Means with their intervals, and which key plays which part in the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sweeps.experiments import experiment

from neurosim.sweeps.groups import best_and_worst, group, interval, roles
from neurosim.sweeps.plan import plan
from neurosim.sweeps.rows import Row


def rows_over(axes, accuracy=lambda spec: 0.9, **options):
    """Return finished rows of a sweep over `axes`."""
    return [Row(s, "done", scalars={"test_accuracy": accuracy(s)}) for s in plan(experiment(axes, **options))]


def test_interval_is_students_t():
    values = [0.91, 0.95, 0.90, 0.93]
    found = interval(values)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high), rel=1e-12)


def test_interval_covers_the_mean_of_normal_draws_in_95_of_100_sweeps():
    draws = np.random.default_rng(1).normal(0.9, 0.02, (4000, 3))
    inside = sum(abs((found := interval(row)).mean - 0.9) <= found.half for row in draws)
    assert inside / 4000 == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))


def test_interval_of_one_seed_has_no_width_and_of_none_no_mean():
    assert (interval([0.5]).mean, interval([0.5]).n) == (0.5, 1)
    assert math.isnan(interval([0.5]).half)
    assert math.isnan(interval([math.nan]).mean)


def test_groups_gather_the_seeds_and_leave_failed_runs_out_of_the_mean():
    rows = rows_over({"device.asymmetry": [0.0, 0.1]}, accuracy=lambda s: 0.8 + 0.1 * s.seed, seeds=3)
    rows[2] = Row(rows[2].spec, "failed", "did not settle")
    first, second = group(rows)
    assert (first.accuracy.n, second.accuracy.n) == (2, 3)
    assert (first.accuracy.mean, second.accuracy.mean) == pytest.approx((0.85, 0.9))


@pytest.mark.parametrize(
    ("axes", "mode", "expected"),
    [
        (
            {"learning.update": ["differenced", "in_situ"], "device.asymmetry": [0.0, 0.1, 0.2],
             "learning.estimator": ["one_sided", "symmetric"]},
            "product",
            ("device.asymmetry", "learning.estimator", "learning.update", ()),
        ),
        ({"learning.beta": [0.1, 0.2], "device.c2c": [0.0, 0.1]}, "product", ("device.c2c", "learning.beta", None, ())),
        ({"device.c2c": [0.0, 0.1], "train.epochs": [1, 2, 3]}, "product", ("train.epochs", "device.c2c", None, ())),
        ({"network.layers": [[64, 10], [64, 32, 10]]}, "product", (None, "network.layers", None, ())),
        ({"device.c2c": [0.1]}, "product", (None, None, None, ())),
        ({}, "product", (None, None, None, ())),
        (
            {"device.asymmetry": [0.0, 0.1, 0.2], "learning.estimator": ["one_sided", "symmetric", "holomorphic"]},
            "zip",
            ("device.asymmetry", None, None, ()),
        ),
        (
            {"device.c2c": [0.0, 0.1], "learning.estimator": ["one_sided", "symmetric"], "network.bias": [True, False],
             "crossbar.mapping": ["balanced", "one_sided"], "network.activation": ["tanh", "unit_clip"]},
            "product",
            ("device.c2c", "learning.estimator", "network.bias", ("crossbar.mapping", "network.activation")),
        ),
    ],
)  # fmt: skip
def test_roles(axes, mode, expected):
    found = roles(group(rows_over(axes, mode=mode)))
    assert (found.x, found.colour, found.style, found.panels) == expected


def test_best_point_is_looked_for_at_the_least_imperfection():
    accuracy = {("0", 0.0): 0.90, ("1", 0.0): 0.80, ("0", 0.2): 0.95, ("1", 0.2): 0.10}
    axes = {"device.asymmetry": [0.0, 0.2], "learning.points": [2, 3]}
    rows = rows_over(axes, lambda s: accuracy[str(s.axes["learning.points"] - 2), s.axes["device.asymmetry"]])
    best, worst = best_and_worst(group(rows), "device.asymmetry")
    assert (best.accuracy.mean, worst.accuracy.mean) == (0.90, 0.10)
    best, _ = best_and_worst(group(rows), "learning.points")
    assert best.accuracy.mean == 0.95
    assert best_and_worst(group(rows[:1]), None)[0].accuracy.mean == 0.90
    assert best_and_worst(group([Row(rows[0].spec, "failed")]), None) == ()
