"""Experiments with [crossbar.wires]: metrics, resumption, and that no resistance changes nothing."""

import numpy as np
import pytest
from experiment.test_interrupt import Interrupter, interrupted
from experiment.tiny import assert_same, contents, tiny

from neurosim.config import load_experiment
from neurosim.config.circuit import load_circuit
from neurosim.errors import ConfigError
from neurosim.experiment import run
from neurosim.traces import read_trace

WIRES = {"r_row": "20 ohm", "r_col": "30 ohm", "layout": "interleaved"}
METRICS = ("line_staleness", "line_residual", "line_figure_of_merit", "line_loss")


def wired(**keys):
    return tiny(crossbar={"wires": {**WIRES, **keys}})


def test_metrics_tell_of_the_lines(tmp_path):
    final = run(wired(refresh=2), tmp_path / "run.h5")
    with read_trace(tmp_path / "run.h5", finished=True) as trace:
        metrics = trace.metrics()
    assert set(METRICS) <= set(final)
    assert metrics["line_staleness"][0] == 0
    assert (metrics["line_staleness"][1:] > 0).all()
    assert (metrics["line_staleness"] < 0.1).all()
    assert (metrics["line_residual"] <= 1e-9).all()
    assert 64**2 * 30 * 26e-6 < metrics["line_figure_of_merit"][0] < 64**2 * 30 * 60e-6
    assert (metrics["line_loss"] > 0.1).all()
    assert np.isfinite(metrics["test_loss"]).all()


def test_lines_change_the_run_and_the_layout_does(tmp_path):
    losses = [
        run(experiment, tmp_path / f"{k}.h5")["test_loss"]
        for k, experiment in enumerate((tiny(), wired(), wired(layout="separate"), wired(method="dmr")))
    ]
    assert len(set(losses)) == 4


def test_without_resistance_other_keys_change_nothing(tmp_path):
    plain = run(tiny(), tmp_path / "plain.h5")
    assert run(wired(r_row=0.0, r_col=0.0, refresh=7), tmp_path / "off.h5") == plain
    assert_same(contents(tmp_path / "plain.h5"), contents(tmp_path / "off.h5"))
    assert not set(METRICS) & set(plain)


def test_an_interrupted_run_with_stale_lines_is_resumed_bit_by_bit(tmp_path, monkeypatch):
    experiment = wired(refresh=4)
    final = run(experiment, tmp_path / "whole.h5")
    interrupter = Interrupter(monkeypatch)
    for call in (5, 9, 17):
        path = tmp_path / f"{call}.h5"
        assert interrupted(path, interrupter, call, after=True, experiment=experiment)
        assert run(experiment, path, resume=True) == final
        assert_same(contents(path), contents(tmp_path / "whole.h5"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('r_row = "1 uS"', r"\[crossbar.wires\] r_row = '1 uS'"),
        ("r_row = -1.0", r"\[crossbar.wires\] r_row = -1.0: expected a quantity >= 0 with the unit ohm"),
        ("refresh = 0", r"\[crossbar.wires\] refresh = 0: expected an integer >= 1"),
        ('layout = "woven"', r"\[crossbar.wires\] layout = 'woven'"),
        ('method = "jeong"', r"\[crossbar.wires\] method = 'jeong'"),
        ("r_rows = 1.0", r"unknown key 'r_rows' in \[crossbar.wires\] \(did you mean 'r_row'"),
    ],
)
def test_wrong_keys_are_explained(text, message, tmp_path):
    path = tmp_path / "e.toml"
    path.write_text(f"[crossbar.wires]\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        load_experiment(path)


def test_a_circuit_has_its_wires_in_their_own_table(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[array]\nrows = 2\ncols = 2\n[wires]\nr_row = 1.0\n[crossbar.wires]\nr_row = "1 ohm"\n')
    with pytest.raises(ConfigError, match=r"a circuit has its line resistances in the table \[wires\]"):
        load_circuit(path)
