"""Runs whose devices age, wear and are refreshed: metrics, interruption, and what the configuration refuses."""

from pathlib import Path

import numpy as np
import pytest
from experiment.test_interrupt import Interrupter, interrupted
from experiment.tiny import assert_same, contents, tiny

from neurosim.config import parse_experiment
from neurosim.errors import ConfigError
from neurosim.experiment import run

AGEING = {
    "drift": {"nu": 0.05, "nu_spread": 0.3, "nu_slope": 0.01},
    "retention": {"lifetime": "1000 s", "diffusion": "10 nS"},
    "times": {"free_phase": "10 ms", "nudged_phase": "10 ms", "update": "1 s", "epoch": "60 s"},
    "refresh": {"every": 2},
    "wear": {"pulses": 30.0, "spread": 0.5},
}


def test_an_interrupted_run_of_ageing_devices_is_resumed_bit_by_bit(tmp_path, monkeypatch):
    experiment = tiny(crossbar=AGEING, train={"epochs": 2})
    final = run(experiment, tmp_path / "whole.h5")
    whole, interrupter = contents(tmp_path / "whole.h5"), Interrupter(monkeypatch)
    for call in (3, 11, 26):
        path = tmp_path / f"{call}.h5"
        assert interrupted(path, interrupter, call, after=True, experiment=experiment)
        assert run(experiment, path, resume=True) == final
        assert_same(contents(path), whole)
    assert final["refreshes"] == 3 * 4
    assert 0.05 < final["worn_W1"] < 1
    assert final["writes_max_W1"] > final["writes_mean_W1"] > 1


def test_tables_that_change_nothing_leave_a_run_as_it_is(undisturbed, tmp_path):
    """Times without ageing, thresholds without pairs to refresh: the same bits."""
    tables = {"times": AGEING["times"], "refresh": {"larger": 0.5, "smaller": 0.1}, "drift": {"nu_spread": 0.3}}
    assert run(tiny(crossbar=tables), tmp_path / "run.h5") == undisturbed[1]
    assert_same(contents(tmp_path / "run.h5"), undisturbed[0])


def test_a_pause_between_epochs_costs_what_drift_takes_from_the_weights(tmp_path):
    """Without learning, weights of devices that drift alike shrink by the power law of all the time that has passed."""
    tables = {"drift": {"nu": 0.1, "t0": "10 s"}, "times": {"epoch": "50 s"}, "read_noise": 0.0}
    device = {"model": "ideal", "g_min": "0 S", "g_max": "50 uS", "step": "0.1 uS"}
    run(tiny(crossbar=tables, device=device, train={"lr": 1e-12}, settle={"dtype": "float64"}), tmp_path / "run.h5")
    found = contents(tmp_path / "run.h5")
    g = found["weights/W1/g_plus"]
    np.testing.assert_allclose(g[1] / g[0], 1.0, rtol=1e-12)
    np.testing.assert_allclose(g[2] / g[0], (1 + 50 / 10) ** -0.1, rtol=1e-12)
    np.testing.assert_allclose(g[3] / g[0], (1 + 100 / 10) ** -0.1, rtol=1e-12)


PCM = {
    "data": {"train_limit": 600, "test_limit": 200},
    "network": {"layers": [64, 16, 10]},
    "crossbar": {"mapping": "one_sided", "scheme": "potentiate", "w_max": 0.5},
    "device": {"preset": "pcm"},
    "settle": {"free_steps": 25, "nudged_steps": 10, "tolerance": 0.05, "on_unsettled": "mask"},
    "learning": {"beta": 0.3, "programmer": "rounded", "rounding": "stochastic"},
    "train": {"epochs": 14, "batch": 10, "lr": {"W1": 0.2, "W2": 0.06}, "schedule": "cosine", "probe_batch": 2},
    "trace": {"settling": False},
}


def test_phase_change_memory_learns_with_refreshed_pairs_and_fails_with_full_ones(tmp_path):
    accuracies = {}
    for larger in (0.75, 1.0):
        document = {**PCM, "crossbar": {**PCM["crossbar"], "refresh": {"larger": larger}}}
        final = run(parse_experiment(document, "pcm"), tmp_path / "run.h5")
        accuracies[larger] = contents(tmp_path / "run.h5")["metrics/test_accuracy"][-3:].mean()
        assert (final["refreshes"] > 1000) == (larger < 1)
    assert accuracies[0.75] > 0.6  # of this small network with 13 states per device; 0.1 is chance
    assert accuracies[1.0] < 0.35


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"crossbar": {"drift": {"nu": 1.5}}}, r"\[crossbar.drift\] nu = 1.5"),
        ({"crossbar": {"drift": {"t0": "0 s"}}}, r"\[crossbar.drift\] t0 = '0 s': expected a quantity > 0"),
        ({"crossbar": {"drift": {"nu_low": 0.2, "nu_high": 0.1}}}, r"\[crossbar.drift\] nu_low = 0.2: must not exceed"),
        ({"crossbar": {"times": {"epoch": "3 V"}}}, r"\[crossbar.times\] epoch = '3 V': .*'V' is not s"),
        ({"crossbar": {"times": {"pause": "3 s"}}}, r"unknown key 'pause' in \[crossbar.times\]"),
        ({"crossbar": {"wear": {"pulses": 0.5}}}, r"\[crossbar.wear\] pulses = 0.5: expected 0 \(endless\) or"),
        ({"crossbar": {"scheme": "potentiate"}}, r"mapping 'balanced' cannot be programmed so"),
        (
            {"crossbar": {"times": {"free_phase": "1 s"}}, "learning": {"estimator": "oscillating", "beta": 0.2}},
            r"\[crossbar.times\] free_phase = 1 s: .*'oscillating' has no phases",
        ),
        (
            {
                "crossbar": {"times": {"nudged_phase": "1 s"}, "read_noise_scope": "step"},
                "settle": {"on_unsettled": "accept"},
            },
            r"read_noise_scope = 'step': not modelled where devices age between phases",
        ),
    ],
)
def test_what_cannot_be_is_refused(tables, text):
    with pytest.raises(ConfigError, match=text):
        tiny(**tables)


def test_the_maps_of_a_missing_chip_are_missed_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match=r"no.csv: no such file"):
        run(tiny(crossbar={"maps": str(tmp_path / "no.csv")}), tmp_path / "run.h5")
    assert list(Path(tmp_path).iterdir()) == []
