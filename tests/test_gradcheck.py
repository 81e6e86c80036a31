"""The gradient check: its verdicts, and what it refuses."""

import math
from pathlib import Path

import pytest

from neurosim import gradcheck
from neurosim.config import load_experiment, parse_experiment
from neurosim.errors import ConfigError

ROOT = Path(__file__).parents[1]
SMALL = {"network": {"layers": [64, 6, 10]}, "settle": {"dtype": "float64"}, "train": {"probe_batch": 3}}


def small(**axes):
    return parse_experiment({**SMALL, "sweep": {"axes": {f"learning.{key}": values for key, values in axes.items()}}})


def test_the_experiment_that_comes_along_passes():
    table = gradcheck.run(load_experiment(ROOT / "experiments" / "gradcheck.toml"))
    assert table.passed
    assert {row.order for row in table.rows} == {1, 2, 4, 6, None}
    assert all(row.passed for row in table.rows if row.order is not None)


@pytest.mark.parametrize("name", ["gradcheck_conv", "gradcheck_loop"])
def test_those_of_kernels_and_of_a_loop_pass(name):
    table = gradcheck.run(load_experiment(ROOT / "experiments" / "papers" / f"{name}.toml"))
    judged = [row for row in table.rows if row.order is not None]
    assert {row.order for row in judged} == {1, 2, 4, 6}
    assert all(row.passed for row in judged)
    assert table.rows[0].estimator.startswith("limit") is (name == "gradcheck_loop")


def test_only_the_chosen_estimators_are_checked():
    table = gradcheck.run(small(estimator=["symmetric", "rbp"], beta=[0.02, 0.04, 0.08]))
    assert [row.estimator for row in table.rows] == ["symmetric"]


def untied(angle):
    axes = {"learning.beta": [0.02, 0.04, 0.08], "learning.estimator": ["symmetric", "holomorphic"]}
    axes["learning.points"] = [2, 4]
    network = {"layers": [64, 12, 10, 10], "output": "softmax", "tied": False, "feedback_angle": angle}
    return parse_experiment({**SMALL, "network": network, "sweep": {"axes": axes}})


@pytest.mark.parametrize("angle", [0.0, 60.0])
def test_untied_estimators_are_judged_by_their_limit_and_compared_with_the_exact_gradient(angle):
    table = gradcheck.run(untied(angle))
    limit, *rows = table.rows
    assert [row.estimator for row in rows] == ["symmetric", "holomorphic N=2", "holomorphic N=4"]
    assert table.passed
    assert [row.passed for row in rows] == [True] * 3
    assert limit.betas == (0.0,)
    assert rows[2].cosines[0]["W1"] == pytest.approx(limit.cosines[0]["W1"], abs=1e-6)
    if angle:
        assert limit.errors[0] > 0.05
        assert limit.cosines[0]["W1"] < 0.95
    else:  # symmetric where it matters; the arrays of a pair still differ in what each is told
        assert limit.cosines[0]["W1"] == pytest.approx(1, abs=1e-10)


def test_table_and_figure_of_an_untied_network_are_written(tmp_path):
    gradcheck.write(gradcheck.run(untied(60.0)), tmp_path)
    lines = (tmp_path / "gradcheck.csv").read_text().splitlines()
    assert len(lines) == 1 + 1 + 3 * 3
    assert lines[1].startswith("limit (against RBP),0.0,")
    assert (tmp_path / "gradcheck.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"estimator": ["rbp"]}, "none of them is an estimate"),
        ({"beta": [0.1, 0.2]}, "at least three values"),
    ],
)
def test_nothing_to_judge_is_refused(axes, message):
    with pytest.raises(ConfigError, match=message):
        gradcheck.run(small(**axes))


def test_float32_is_refused():
    with pytest.raises(ConfigError, match="'float64' to resolve the slopes"):
        gradcheck.run(parse_experiment({"network": {"layers": [64, 6, 10]}}))


def test_verdicts():
    assert gradcheck._verdict(2, 2.1, (1e-3, 1e-4, 1e-5)) is True
    assert gradcheck._verdict(2, 1.8, (1e-3, 1e-4, 1e-5)) is False
    assert gradcheck._verdict(None, 2.0, (1e-3, 1e-4, 1e-5)) is None
    assert gradcheck._verdict(10, math.nan, (1e-13, 1e-13, 1e-13)) is None  # exact to round-off
    assert gradcheck._verdict(2, math.nan, (math.nan,) * 3) is False  # no number is not a pass


def test_slope_is_fitted_above_round_off():
    betas = (0.01, 0.02, 0.04, 0.08)
    errors = [max(3 * b**4, 0.9 * gradcheck.FLOOR) for b in betas]
    assert gradcheck.fitted_slope(betas, errors) == pytest.approx(4)
    errors[0] = 0.5 * gradcheck.FLOOR
    assert gradcheck.fitted_slope(betas, errors) == pytest.approx(4)
    assert math.isnan(gradcheck.fitted_slope(betas[:3], errors[:3]))
