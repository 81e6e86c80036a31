"""Fits to simulated laboratories, in which the truth is known, and to files that are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from command import neurosim

from neurosim.config import device_model, parse_experiment
from neurosim.devices import ConstantStep, ExpStep, LinearStep, PowerStep, SoftBounds, parameters, preset
from neurosim.devices.fit import SHAPES, Transitions, compare, fit, read_pulses
from neurosim.errors import ConfigError

RANGE = {"g_min": 10e-6, "g_max": 50e-6}
KNOWN, UNKNOWN = (10e-6, 50e-6), (None, None)
TRUTHS = {
    "constant_step": (ConstantStep(**RANGE, step=0.15e-6, asymmetry=0.1, c2c=0.5), KNOWN),
    "linear_step": (LinearStep(**RANGE, step=0.2e-6, asymmetry=0.1, c2c=0.5, gamma_up=0.6, gamma_down=0.4), KNOWN),
    "soft_bounds": (SoftBounds(**RANGE, step=0.3e-6, asymmetry=0.15, c2c=0.5), UNKNOWN),
    "power_step": (PowerStep(**RANGE, step=0.3e-6, asymmetry=0.1, c2c=0.5, gamma_up=1.6, gamma_down=0.8), KNOWN),
    "exp_step": (ExpStep(**RANGE, step=0.25e-6, asymmetry=-0.147, c2c=0.5), KNOWN),
}
models = pytest.mark.parametrize("name", TRUTHS)


def readings(model, seed, devices=1, pulses=150, cycles=3):
    """Return conductances after each pulse, (1 + pulses, devices), and the sign of each pulse."""
    rng = np.random.default_rng(seed)
    cells = model.sample((devices,), rng, np, np.float64)
    signs = np.tile(np.repeat([1, -1], pulses), cycles)
    g = [model.write(np.full(devices, model.g_min + 0.15 * (model.g_max - model.g_min)), cells)]
    for sign in signs:
        g.append(model.pulse(g[-1], np.full(devices, sign), cells, rng))
    return np.array(g), signs


def lab(model, seed, devices=1, **protocol):
    g, signs = readings(model, seed, devices, **protocol)
    up, who = (np.broadcast_to(a, g[1:].shape) for a in ((signs > 0)[:, None], np.arange(devices)))
    names = tuple(f"d{k}" for k in range(devices))
    return Transitions(g[:-1].ravel(), g[1:].ravel(), up.ravel(), who.ravel(), names, "lab.csv")


def write_csv(path, model, seed=0, devices=1, **protocol):
    g, signs = readings(model, seed, devices, **protocol)
    lines = ["# a simulated laboratory", "device,pulse,direction,conductance", ""]
    for n in range(len(g)):
        direction = "" if n == 0 else "up" if signs[n - 1] > 0 else "down"
        lines += [f"d{k},{n},{direction},{g[n, k]:.9e}" for k in range(devices)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_model_that_can_be_fitted_has_a_laboratory():
    assert set(TRUTHS) == set(SHAPES)


@models
def test_one_laboratory_finds_its_parameters(name):
    """Every parameter within four standard errors, and the residuals as expected: mean 0, std 1."""
    truth, bounds = TRUTHS[name]
    found = fit(lab(truth, 1), name, bounds)
    assert set(found.intervals) >= {"step", "asymmetry", "c2c"}
    for key, interval in found.intervals.items():
        half = max(interval.high - interval.value, interval.value - interval.low)
        assert abs(getattr(truth, key) - interval.value) < 2.05 * half, key
        assert interval.low < interval.value < interval.high
    n = len(found.residuals)
    assert abs(found.residuals.mean()) < 4 / np.sqrt(n)
    assert found.residuals.std() == pytest.approx(1, abs=4 / np.sqrt(2 * n))
    assert found.build() == replace(found.build(), **found.parameters)


@pytest.mark.slow
@models
def test_intervals_hold_the_truth_in_90_of_100_laboratories(name):
    """Their nominal level is 95 %; each parameter counts by itself."""
    truth, bounds = TRUTHS[name]
    hits = {}
    for seed in range(100):
        for key, interval in fit(lab(truth, seed, cycles=2), name, bounds).intervals.items():
            hits[key] = hits.get(key, 0) + (interval.low <= getattr(truth, key) <= interval.high)
    assert len(hits) >= 3
    assert {key: count for key, count in hits.items() if count < 90} == {}
    assert sum(hits.values()) / (100 * len(hits)) < 0.99  # intervals that always hold would be too wide


@pytest.mark.parametrize("name", ["soft_bounds", "exp_step", "constant_step"])
def test_comparison_prefers_the_model_the_data_are_from(name):
    truth, bounds = TRUTHS[name]
    found = compare(lab(truth, 3, devices=2), KNOWN if bounds == KNOWN else UNKNOWN)
    assert [one.aic for one in found] == sorted(one.aic for one in found)
    best = {one.model: one.aic for one in found}
    assert best[name] < found[0].aic + 6  # a model that contains this one may follow chance a little further
    others = {"soft_bounds": "constant_step", "exp_step": "soft_bounds", "constant_step": "soft_bounds"}
    assert best[others[name]] > best[name] + 10


def test_kind_of_noise_is_told_by_the_data():
    for noise in ("additive", "multiplicative"):
        truth = SoftBounds(**RANGE, step=0.3e-6, c2c=0.8, noise=noise)
        assert fit(lab(truth, 0, devices=2), "soft_bounds").parameters["noise"] == noise


def test_devices_that_differ_have_gains_and_the_step_of_the_mean_device():
    """40 devices: their spread within its interval, c2c that of one device, the step's interval wide enough."""
    truth = LinearStep(**RANGE, step=0.15e-6, c2c=0.4, step_d2d=0.3)
    found = fit(lab(truth, 0, devices=40, pulses=100, cycles=1), "linear_step", KNOWN)
    for key in ("step", "step_d2d", "c2c"):
        interval = found.intervals[key]
        half = max(interval.high - interval.value, interval.value - interval.low)
        assert abs(getattr(truth, key) - interval.value) < 2.05 * half, key
    assert found.intervals["step"].high / found.intervals["step"].low > 1 + 2 * 1.9 * 0.3 / np.sqrt(40)
    alike = fit(lab(replace(truth, step_d2d=0.0), 0, devices=40, pulses=100, cycles=1), "linear_step", KNOWN)
    assert "step_d2d" not in alike.parameters


def test_pulses_that_end_at_a_known_bound_do_not_bias_the_step():
    """Without their censoring the mean step would come out short by a third."""
    truth = ConstantStep(**RANGE, step=0.5e-6, c2c=0.8)
    data = lab(truth, 0, pulses=120, cycles=3)
    assert np.mean((data.after == 10e-6) | (data.after == 50e-6)) > 0.1
    interval = fit(data, "constant_step", KNOWN).intervals["step"]
    assert interval.low < 0.5e-6 < interval.high
    assert fit(data, "constant_step").intervals["step"].high < 0.5e-6


def test_wrong_data_and_bounds_are_refused():
    data = lab(TRUTHS["constant_step"][0], 0)
    with pytest.raises(ConfigError, match=r"--g-max 20 uS: readings are .*expected a bound around them"):
        fit(data, "constant_step", (None, 20e-6))
    with pytest.raises(ConfigError, match=r"--g-min 20 uS: readings are"):
        fit(data, "constant_step", (20e-6, None))
    with pytest.raises(ConfigError, match=r"--model: unknown 'exp_stepp'.*did you mean 'exp_step'"):
        fit(data, "exp_stepp")
    with pytest.raises(ConfigError, match="all readings are 10 uS"):
        fit(replace(data, before=np.full(5, 1e-5), after=np.full(5, 1e-5)), "constant_step")


# --- files


def test_a_file_is_read_whatever_the_order_of_its_columns_and_devices(tmp_path):
    path = tmp_path / "pulses.csv"
    rows = [f"{'up' if k < 12 else -1},{k}, {10 + min(k, 24 - k)} uS,{d}" for k in range(1, 25) for d in ("a", "b")]
    path.write_text("\ufeff# comment\n\nDirection, pulse,conductance,device\n,0,1e-5,a\n0,0,1e-5,b\n" + "\n".join(rows))
    data = read_pulses(path)
    assert data.names == ("a", "b")
    assert len(data.up) == 48
    assert data.up.sum() == 22
    np.testing.assert_allclose(data.before[:2], 10e-6)
    np.testing.assert_allclose(data.after[:4], [11e-6, 11e-6, 12e-6, 12e-6])
    assert data.device[:4].tolist() == [0, 1, 0, 1]


HEAD = "device,pulse,direction,conductance\n"
WRONG = {
    "empty file": ("", "no line with the names of the columns"),
    "only comments": ("# nothing\n", "no line with the names of the columns"),
    "unknown column": ("device,pulse,direction,conductence\n", "line 1: unknown column 'conductence' (did you mean"),
    "missing column": ("device,pulse,conductance\n", "line 1: column 'direction' is missing"),
    "column twice": ("device,pulse,direction,conductance,pulse\n", "line 1: column 'pulse' stands there twice"),
    "too few cells": (HEAD + "a,0,,1e-5\na,1,up\n", "line 3: 3 cells; expected 4"),
    "nan": (HEAD + "a,0,,1e-5\na,1,up,nan\n", "line 3: conductance = 'nan'"),
    "empty conductance": (HEAD + "a,0,,1e-5\na,1,up,\n", "line 3: conductance = ''"),
    "negative conductance": (HEAD + "a,0,,-1e-5\n", "line 2: conductance = '-1e-5': allowed [0, 1] S"),
    "microsiemens without unit": (HEAD + "a,0,,12.5\n", "line 2: conductance = '12.5': allowed [0, 1] S"),
    "wrong unit": (HEAD + "a,0,,12 uV\n", "line 2: conductance = '12 uV': unit 'uV' is not S"),
    "no device": (HEAD + ",0,,1e-5\n", "line 2: device is empty"),
    "fraction for a pulse": (HEAD + "a,0.5,,1e-5\n", "line 2: pulse = '0.5': expected a whole number"),
    "unknown direction": (HEAD + "a,0,,1e-5\na,1,left,1e-5\n", "line 3: direction = 'left': expected up, down"),
    "no direction": (HEAD + "a,0,,1e-5\na,1,,1e-5\n", "line 3: device a: pulse 1 after 0 (line 2): its direction"),
    "gap": (HEAD + "a,0,,1e-5\n# lost\na,3,up,1e-5\n", "line 4: device a: pulse 3 after 0 (line 2): 2 missing"),
    "pulse twice": (HEAD + "a,1,,1e-5\na,1,up,1e-5\n", "line 3: device a: pulse 1 after 1 (line 2): numbers must rise"),
    "pulses backwards": (HEAD + "a,5,,1e-5\na,4,up,1e-5\n", "line 3: device a: pulse 4 after 5 (line 2): numbers must"),
    "too few pulses": (HEAD + "a,0,,1e-5\na,1,up,1.1e-5\n", "1 pulses up; a fit needs at least 10 in each direction"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_ends_with_code_2_and_its_line(tmp_path, monkeypatch, text, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pulses.csv").write_text(text)
    result = neurosim("devices", "fit", "pulses.csv", "--out", "x.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("pulses.csv: ")
    assert says in result.err
    assert len(result.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pulses.csv"]


# --- the command


def test_command_fits_compares_plots_and_writes_a_preset_for_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth, _ = TRUTHS["soft_bounds"]
    write_csv(tmp_path / "pulses.csv", truth, devices=2)
    result = neurosim("devices", "fit", "pulses.csv", "--out", "mine.toml", "--plot", "fit.png")
    assert (result.code, result.err) == (0, "")
    assert "pulses.csv: 1800 pulses, 900 up; 2 device(s)" in result.out
    assert [name for name in SHAPES if f"  {name} " not in result.out] == []
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    best = preset("mine.toml")
    experiment = parse_experiment({"device": {"preset": "mine.toml", "stuck_fraction": 0.01}})
    model = device_model(experiment)
    assert model == replace(best.build(), stuck_fraction=0.01)
    assert model.step == pytest.approx(truth.step, rel=0.1)
    shown = neurosim("devices", "mine.toml")
    assert shown.code == 0
    assert "soft_bounds" in shown.out or "exp_step" in shown.out


def test_command_with_a_model_shows_it_alone_unless_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "pulses.csv", TRUTHS["constant_step"][0])
    known = ("--g-min", "10 uS", "--g-max", "50 uS")
    alone = neurosim("devices", "fit", "pulses.csv", "--model", "constant_step", *known)
    assert alone.code == 0
    assert "AIC" not in alone.out
    assert "95 % interval" in alone.out
    assert [key for key in ("step", "asymmetry", "c2c") if parameters(ConstantStep)[key].meaning not in alone.out] == []
    both = neurosim("devices", "fit", "pulses.csv", "--model", "constant_step", "--compare", *known)
    assert "AIC" in both.out
    assert "power_step" in both.out
    assert alone.out.partition("95 % interval")[2] == both.out.partition("95 % interval")[2]
