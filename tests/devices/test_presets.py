"""Every preset against the closed forms of its published parameters: curve, spread, asymmetry, noise."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from published_fits import PUBLISHED
from standard_errors import check_mean, check_variance

from neurosim.cli.device_figures import draw_sheet
from neurosim.devices import DEVICES, preset, preset_names
from neurosim.devices.preset import read_preset
from neurosim.devices.response import pulse_response, step_profile, symmetry_point
from neurosim.errors import ConfigError
from neurosim.rng import Streams

N = 40_000
COARSE = {"pcm", "reram_om", "reram_hfo2"}
STATE_MODELS = {"vteam_technion", "yakopcic_jo", "yakopcic_oblea"}
EXACT = {"step_d2d": 0.0, "asymmetry_d2d": 0.0, "bounds_d2d": 0.0, "c2c": 0.0, "write_noise": 0.0}
presets = pytest.mark.parametrize("name", PUBLISHED)
both_ways = pytest.mark.parametrize("up", [True, False])


def build(name, **changes):
    """Return the published fit, the model, and siemens per unit of weight."""
    fit, model = PUBLISHED[name], replace(preset(name).build(), **changes)
    return fit, model, (model.g_max - model.g_min) / (fit.w_max - fit.w_min)


def slowed(fit, model, by=20):
    """Return the fit and the model with smaller steps, so that no pulse of a coarse device reaches a bound."""
    noise = {"std_add": fit.std_add / by, "std_slope": fit.std_slope / by}
    return replace(fit, dw_min=fit.dw_min / by, **noise), replace(model, step=model.step / by)


def draw(model, seed=0):
    streams = Streams(seed)
    return model.sample((N,), streams.generator("cells"), np, np.float64), streams


def test_every_preset_is_compared_with_its_source():
    assert set(PUBLISHED) | STATE_MODELS == set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_is_and_where_it_is_from(name):
    found = preset(name)
    assert re.fullmatch(r"10\.\d{4,5}/\S+", found.doi)
    assert all((found.title, found.source, found.fitted, found.valid, found.assumed))
    assert type(found.build()) is DEVICES[found.model]


@presets
@both_ways
def test_mean_curve_of_the_nominal_device_is_that_of_the_fit(name, up):
    """500 pulses from the bound behind: the recurrence of the source, in weights."""
    fit, model, scale = build(name, **EXACT)
    sign = 1 if up else -1
    w = fit.w_min if up else fit.w_max
    g = model.write(np.full(1, model.g_min if up else model.g_max), model.nominal(np, np.float64))
    cells, rng = model.nominal(np, np.float64), Streams(0).generator("unused")
    # The mean of the gain is not 1 where it is lognormal, and up/down lean as in the source.
    for _ in range(500):
        w = min(max(w + sign * fit.step(w, up), fit.w_min), fit.w_max)
        g = model.pulse(g, np.array([sign]), cells, rng)
        assert g[0] == pytest.approx(model.g_min + scale * (w - fit.w_min), rel=2e-5, abs=2e-6 * model.g_max)


@presets
def test_spread_of_the_steps_is_that_of_the_fit(name):
    """Half the sum and half the difference of both steps of single devices at mid-range."""
    fit, model, scale = build(name, bounds_d2d=0.0)
    cells, _ = draw(model)
    middle = np.full(N, model.g_mid)
    up, down = (model.increment(middle, cells, way) / scale for way in (True, False))
    for values, (mean, variance) in zip(((up + down) / 2, (up - down) / 2), fit.halves(fit.middle), strict=True):
        if variance == 0:
            assert np.all(values == mean)
            continue
        check_mean(values, mean)
        check_variance(values, variance)


def cut_lognormal(mean, spread, top):
    """Return mean and variance of ``max(top - x, 0)``, x lognormal, by quadrature."""
    z = np.linspace(-9, 9, 400_001)
    s = np.sqrt(np.log1p(spread**2))
    values = np.maximum(top - mean * np.exp(s * z - s * s / 2), 0)
    weight = np.exp(-z * z / 2)
    weight /= weight.sum()
    average = (values * weight).sum()
    return average, ((values - average) ** 2 * weight).sum()


@presets
def test_spread_of_the_bounds_is_that_of_the_fit(name):
    fit, model, scale = build(name)
    cells, _ = draw(model)
    zero = model.g_min - scale * fit.w_min
    check_mean(cells.g_high, zero + scale * fit.w_max)
    check_variance(cells.g_high, (scale * fit.w_max * fit.w_max_dtod) ** 2)
    if fit.w_min_dtod:
        # Almost all of them lie above 0 S, where the fit, which knows no siemens, has no bound.
        mean, variance = cut_lognormal(-scale * fit.w_min, fit.w_min_dtod, zero)
        assert np.mean(cells.g_low == 0) < 0.005
        check_mean(cells.g_low, mean)
        check_variance(cells.g_low, variance)
        assert mean == pytest.approx(model.g_min, rel=0.01)


def fit_step(fit, model, cells, g, up):
    """Return the mean step of single devices by the fit's shape, w taken in each device's own range."""
    w = fit.w_min + (g - cells.g_low) / (cells.g_high - cells.g_low) * (fit.w_max - fit.w_min)
    own = cells.step(up) / fit.shape(fit.middle, up)
    return own * fit.shape(w, up), own, w


@presets
@both_ways
def test_curve_and_noise_of_trains_with_everything_on(name, up):
    """Change minus the fit's mean steps: mean 0, variance that of the fit's noise; exact for trains off the bounds."""
    fit, model, scale = build(name)
    if name in COARSE:
        fit, model = slowed(fit, model)
    cells, streams = draw(model)
    r = model.g_reference
    start = np.clip(np.full(N, model.g_mid), cells.g_low, cells.g_high)
    n = 5 if name in COARSE else 25
    move, own, w = fit_step(fit, model, cells, start, up)
    noise = fit.dw_min_std * (move + own + scale * (fit.std_add + fit.std_slope * w))
    # Chosen by their frozen properties alone: those that n pulses cannot bring to a bound.
    room = np.minimum(start - cells.g_low, cells.g_high - start)
    if name.startswith("reram"):
        room = np.where((cells.g_low < r) & (cells.g_high > r), room, 0.0)
    chosen = np.flatnonzero((1.5 * n * move + 7 * np.sqrt(n) * noise < room) & (room > 0))
    assert len(chosen) >= 10_000
    cells, g = cells.take(chosen), start[chosen]
    rest, variance = np.zeros(len(g)), np.zeros(len(g))
    for k in range(n):
        move, own, w = fit_step(fit, model, cells, g, up)
        at_zero = own * fit.shape(0.0, up)
        if name in ("reram_sb", "reram_om", "reram_hfo2"):  # the step at r, by the slope of the single device
            away = cells.g_high - r if up else r - cells.g_low
            at_zero = 2 * cells.step(up) * away / (cells.g_high - cells.g_low)
        size = at_zero if fit.additive else move + scale * (fit.std_add + fit.std_slope * w)
        after = model.pulse(g, np.full(len(g), 1 if up else -1), cells, streams.generator("pulse", k))
        rest += (after - g) * (1 if up else -1) - move
        variance += (fit.dw_min_std * size) ** 2
        assert np.all((after > cells.g_low) & (after < cells.g_high))
        g = after
    unit = noise[chosen]  # known before the pulses: dividing by what they did would bias the mean
    check_mean(rest / unit, 0.0)
    check_mean((rest**2 - variance) / unit**2, 0.0)


@presets
def test_up_and_down_cancel_at_the_symmetry_point_of_the_fit(name):
    """In the mean over devices with all spreads but that of the bounds; steps of arrays in 14 nm scaled down."""
    fit, model, scale = build(name, bounds_d2d=0.0)
    if name in COARSE:
        fit, model = slowed(fit, model, 50)
    w = np.linspace(fit.w_min, fit.w_max, 2001)
    excess = fit.step(w, True) - fit.step(w, False)
    cells, streams = draw(model)
    if fit.shape(0.0, True) == fit.shape(0.5, True):  # constant steps: equal everywhere
        assert symmetry_point(model) is None
        w_star = 0.0
    else:
        k = int(np.flatnonzero(np.diff(np.sign(excess)))[0])
        w_star = w[k] - excess[k] * (w[k + 1] - w[k]) / (excess[k + 1] - excess[k]) if excess[k] else w[k]
        assert symmetry_point(model) == pytest.approx(model.g_min + scale * (w_star - fit.w_min), rel=1e-4)
    g = np.full(N, model.g_min + scale * (w_star - fit.w_min))
    ups, downs = (model.pulse(g, np.full(N, s), cells, streams.generator("pulse", s % 3)) - g for s in (1, -1))
    check_mean(ups + downs, 0.0)
    check_mean(ups / scale, fit.step(w_star, True))
    check_mean(-downs / scale, fit.step(w_star, False))


@presets
def test_write_noise_is_that_of_the_fit(name):
    fit, model, scale = build(name, bounds_d2d=0.0)
    assert model.write_noise * model.step == pytest.approx(
        fit.write_noise_std * fit.dw_min * scale, rel=1e-4, abs=1e-18
    )


def test_a_sheet_has_two_panels_for_every_device():
    """docs/presets.png is such a sheet of all of them."""
    models = [(name, preset(name).build()) for name in ("reram_om", "pcm", "reram_hfo2")]
    rng = np.random.default_rng(0)
    figure = draw_sheet([(name, pulse_response(m, rng, devices=20), step_profile(m)) for name, m in models])
    drawn = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title(loc="left") for axes in drawn[::2]] == ["reram_om", "pcm", "reram_hfo2"]
    assert len(drawn) == 6
    assert drawn[3].get_title(loc="left") == "12.7 states, 3.86 effective"


# --- files


def test_a_file_of_ones_own_is_a_preset(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "mine"\n[device]\nmodel = "soft_bounds"\ng_max = "60 uS"\nc2c = 0.5')
    model = preset(str(path)).build()
    assert (model.g_max, model.c2c) == (pytest.approx(60e-6), 0.5)


def test_a_file_is_read_again_and_from_where_one_is(tmp_path, monkeypatch):
    """Another folder, or an edit, is another preset: nothing remembers the name alone."""
    for folder, step in (("a", "1 uS"), ("b", "2 uS")):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        (tmp_path / folder / "mine.toml").write_text(f'[device]\nmodel = "ideal"\nstep = "{step}"')
        assert preset("mine.toml").build().step == pytest.approx(float(step[0]) * 1e-6)
    (tmp_path / "b" / "mine.toml").write_text('[device]\nmodel = "ideal"\nstep = "3 uS"')
    assert preset("mine.toml").build().step == pytest.approx(3e-6)


WRONG = {
    "no TOML": ("title = ", "not valid TOML"),
    "no device": ('title = "x"', "no table [device] with a model"),
    "no model": ('[device]\nc2c = 0.1', "no table [device] with a model"),
    "unknown key": ('doy = "x"\n[device]\nmodel = "ideal"', "unknown key 'doy' (did you mean 'doi'?)"),
    "unknown model": ('[device]\nmodel = "ideel"', "did you mean 'ideal'"),
    "unknown parameter": ('[device]\nmodel = "soft_bounds"\nc2d = 1.0', "did you mean 'c2c'"),
    "parameter out of range": ('[device]\nmodel = "soft_bounds"\nc2c = -1.0', "allowed [0, 100]"),
    "wrong unit": ('[device]\nmodel = "ideal"\ng_max = "1 V"', "unit 'V' is not S"),
    "number for text": ('doi = 10.1\n[device]\nmodel = "ideal"', "expected text in quotes"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_by_its_name(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_preset(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere.toml: No such file"):
        preset("nowhere.toml")
