"""The gradient check over nudge time: its verdicts, its files, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from command import neurosim

from neurosim import gradtime
from neurosim.config import load_experiment, parse_experiment
from neurosim.errors import ConfigError
from neurosim.learning.process import Agreement

GDU = Path(__file__).parents[1] / "experiments" / "papers" / "gdu.toml"
SMALL = {
    "network": {"layers": [64, 6, 10], "activation": "tanh"},
    "settle": {"dtype": "float64", "free_steps": 30, "nudged_steps": 4},
    "train": {"probe_batch": 3},
}


def small(estimators=("one_sided", "symmetric"), **settle):
    document = {**SMALL, "settle": {**SMALL["settle"], **settle}}
    axes = {"learning.beta": [0.05, 0.1], "learning.estimator": list(estimators)}
    return parse_experiment({**document, "sweep": {"axes": axes}})


def test_the_experiment_that_comes_along_passes_and_writes_its_table_and_figure(tmp_path):
    result = neurosim("gradcheck", str(GDU), "--over-time", "--out", str(tmp_path / "gdu"))
    assert result.code == 0
    lines = (tmp_path / "gdu" / "gradtime.csv").read_text().splitlines()
    assert lines[0] == "estimator,beta,array,rmse,wrong_signs"
    assert len(lines) == 1 + 2 * 2 * 4
    assert (tmp_path / "gdu" / "gradtime.png").stat().st_size > 10_000
    rmse = {row.estimator + f"{row.beta:g}": row.rmse for row in gradtime.run(load_experiment(GDU)).rows}
    assert rmse["symmetric0.01"] < 0.001
    assert rmse["one-sided0.1"] > 5 * rmse["symmetric0.1"]


def test_a_row_per_beta_and_chosen_estimator():
    table = gradtime.run(small(("holomorphic", "symmetric")))
    assert [(row.estimator, row.beta) for row in table.rows] == [
        (name, beta) for beta in (0.05, 0.1) for name in ("symmetric", "holomorphic N=4")
    ]
    assert len(table.reference) == 4
    assert all(len(row.series) == 4 for row in table.rows)
    assert table.verdicts == {}  # nothing to compare with


def test_verdict_is_on_the_mean_error_at_each_beta():
    def row(estimator, beta, *errors):
        return gradtime.Row(estimator, beta, (), {str(k): Agreement(e, 0.0) for k, e in enumerate(errors)})

    rows = (row("one-sided", 0.1, 0.2, 0.4), row("symmetric", 0.1, 0.1, 0.3))
    worse = (row("one-sided", 0.2, 0.2, 0.4), row("symmetric", 0.2, 0.1, 0.6))
    assert gradtime.TimeTable((), rows).verdicts == {0.1: True}
    table = gradtime.TimeTable((), rows + worse)
    assert table.verdicts == {0.1: True, 0.2: False}
    assert not table.passed
    assert np.isclose(worse[1].rmse, 0.35)


def test_a_closer_one_sided_estimate_ends_with_code_1(monkeypatch):
    monkeypatch.setattr(gradtime.TimeTable, "verdicts", {0.1: False})
    result = neurosim("gradcheck", str(GDU), "--over-time")
    assert result.code == 1
    assert "beta = 0.1: one-sided follows BPTT more closely" in result.err


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (small(dtype="float32"), "'float64' to resolve"),
        (small(("rbp", "oscillating")), "allowed over time: one_sided, symmetric, holomorphic"),
        (small(integrator="heun"), "bptt goes back through explicit Euler"),
    ],
)
def test_what_cannot_be_followed_is_refused(experiment, message):
    with pytest.raises(ConfigError, match=message):
        gradtime.run(experiment)
