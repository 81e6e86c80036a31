"""Experiment files: what is accepted, what it becomes, and how it is varied. Refusals: test_wrong_input."""

import itertools
import json
import math
import pickle
import tomllib
from dataclasses import replace

import pytest
from pydantic import ValidationError

from neurosim.config import Experiment, device_model, load_experiment, parse_experiment, scale, set_key
from neurosim.config.checks import CHECKS
from neurosim.config.keys import TABLES, known_keys, unit_of, why_unknown
from neurosim.config.load import parse_override
from neurosim.config.sizes import SIZES
from neurosim.data import load
from neurosim.data.registry import SOURCES
from neurosim.devices import DEVICES, preset, preset_names
from neurosim.errors import ConfigError
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.topology import layered
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.sweeps.plan import plan

WITH_EVERYTHING = """
title = "everything"
[data]
name = "mnist"
folder = "somewhere"
train_limit = 1000
[network]
layers = [784, 40, 20, 10]
activation = "tanh"
output = "softmax"
tied = false
[crossbar]
mapping = "reference"
scheme = "single"
read_noise = 0.01
read_noise_scope = "phase"
v_ref = "300 mV"
c_node = "0.5 pF"
[device]
model = "soft_bounds"
g_min = "2 uS"
g_max = "40 uS"
step = "50 nS"
asymmetry = 0.1
noise = "additive"
[settle]
method = "operating_point"
dtype = "float64"
[learning]
estimator = "holomorphic"
points = 6
programmer = "rounded"
[train]
lr = {W1 = 0.1, b1 = 0.0, W2 = 1, B2 = 0.2, b2 = 0.1, readout = 0.5, b_readout = 0.1}
momentum = 0.9
[sweep.axes]
device.asymmetry = [0.0, 0.3]
"learning.beta" = {from = 0.01, to = 1.0, num = 3, scale = "log"}
"""


def experiment(text=""):
    return parse_experiment(tomllib.loads(text))


def test_an_empty_file_is_the_documented_default_experiment():
    found = experiment()
    assert found.network.layers == (64, 32, 10)
    assert found.learning.estimator == "symmetric"
    assert (found.device.g_min, found.device.g_max) == (1e-6, 51e-6)
    assert found.sweep is None


def test_quantities_are_si_floats():
    found = experiment(WITH_EVERYTHING)
    assert found.crossbar.v_ref == pytest.approx(0.3, rel=1e-15)
    assert found.crossbar.c_node == pytest.approx(5e-13, rel=1e-15)
    assert found.device.step == pytest.approx(5e-8, rel=1e-15)


@pytest.mark.parametrize("text", ["", WITH_EVERYTHING])
def test_document_is_canonical_plain_data_that_parses_to_itself(text):
    document = experiment(text).document()
    again = parse_experiment(json.loads(json.dumps(document, allow_nan=False)))
    assert again.document() == document
    assert json.dumps(again.document()) == json.dumps(document)  # the order of the keys too
    assert set(document) == set(TABLES)
    assert list(document) == sorted(document)


def test_document_resolves_defaults_and_ignores_how_a_value_was_written():
    short = experiment('[device]\nmodel = "soft_bounds"')
    written = experiment(
        'title = "other words"\n[device]\nmodel = "soft_bounds"\nasymmetry = 0\ng_max = 51e-6\n'
        "[train]\nlr = 0.1\n[sweep]\nseeds = 5"
    )
    assert short.document() == written.document()
    assert short.document()["device"]["asymmetry"] == 0.0
    assert short.document()["device"]["noise"] == "multiplicative"


def test_document_changes_with_every_key_that_fixes_the_result():
    base = experiment().document()
    changes = {"learning.beta": 0.4, "train.seed": 1, "device.model": "constant_step", "network.bias": False}
    for key, value in changes.items():
        assert parse_experiment(set_key(experiment().document(), key, value)).document() != base, key


def test_an_experiment_is_frozen():
    found = experiment()
    with pytest.raises(ValidationError, match="frozen"):
        found.learning.beta = 0.1
    with pytest.raises(ValidationError, match="frozen"):
        found.train = None


def test_a_direct_construction_is_checked_like_a_file():
    with pytest.raises(ConfigError, match=r"\[learning\] beta = -1"):
        Experiment(learning={"beta": -1})
    with pytest.raises(ConfigError, match="unstable"):
        Experiment(settle={"dt": 3.0})


def test_all_mistakes_are_listed_one_line_each():
    with pytest.raises(ConfigError) as caught:
        parse_experiment({"learning": {"beta": 0, "pionts": 4}, "train": {"batch": 0}, "nonsense": {}}, "x.toml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith("x.toml: ") for line in lines)


def test_the_error_survives_the_way_back_from_a_worker_process():
    with pytest.raises(ConfigError) as caught:
        parse_experiment({"learning": {"beta": 0}}, "x.toml")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# --- registries


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_has_its_name_in_the_file(name):
    assert experiment(f'[network]\nactivation = "{name}"').network.activation == name


@pytest.mark.parametrize("name", [*sorted(INTEGRATORS), "tsit5_adaptive"])
def test_every_integrator_has_its_name_in_the_file(name):
    assert experiment(f'[settle]\nintegrator = "{name}"').settle.integrator == name


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_every_device_model_is_built_from_its_table(name):
    found = device_model(experiment(f'[device]\nmodel = "{name}"\ng_min = "2 uS"\ng_max = "20 uS"\nstep = "10 nS"'))
    assert type(found) is DEVICES[name]
    assert (found.g_min, found.g_max) == (pytest.approx(2e-6), pytest.approx(2e-5))


def test_a_preset_gives_model_and_keys_and_keys_beside_it_replace_its_own():
    found = experiment('[device]\npreset = "ecram"\nc2c = 1.5\ng_max = "60 uS"')
    plain = preset("ecram").build()
    assert device_model(found) == replace(plain, c2c=1.5, g_max=60e-6)
    document = found.document()
    assert "preset" not in document["device"]  # what it gave stands there itself: a later edit of it changes nothing
    assert document["device"]["model"] == "linear_step"
    assert parse_experiment(document).document() == document


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_makes_an_experiment(name):
    found = experiment(f'[device]\npreset = "{name}"')
    assert device_model(found) == preset(name).build()
    assert found.device.step == device_model(found).step
    assert parse_experiment(json.loads(json.dumps(found.document()))).document() == found.document()


def test_presets_can_be_swept_with_keys_beside_them():
    text = (
        '[device]\npreset = "ecram"\nc2c = 0.7\n[sweep.axes]\ndevice.preset = ["ecram", "reram_sb", "vteam_technion"]'
    )
    specs = plan(experiment(text + "\ndevice.step_d2d = [0.1, 0.2]"))
    devices = [spec.document["device"] for spec in specs]
    assert [d["model"] for d in devices] == [m for m in ("linear_step", "soft_bounds_reference", "vteam") for _ in "ab"]
    assert {d["c2c"] for d in devices} == {0.7}
    assert [d["step_d2d"] for d in devices] == [0.1, 0.2] * 3
    assert devices[2]["write_noise"] == preset("reram_sb").build().write_noise


def test_voltages_and_widths_are_quantities_and_set_the_step():
    found = device_model(experiment('[device]\npreset = "yakopcic_oblea"\nwidth_up = "20 us"\nvolts_down = "400 mV"'))
    assert (found.width_up, found.volts_down) == (pytest.approx(20e-6), pytest.approx(0.4))
    assert found.step > 1.5 * preset("yakopcic_oblea").build().step


def test_own_keys_of_a_device_model_reach_it():
    found = device_model(experiment('[device]\nmodel = "linear_step"\ngamma_up = 0.25\nc2c = 1'))
    assert found.gamma_up == 0.25
    assert found.c2c == 1.0


def test_scale_has_the_largest_weight_at_the_full_range():
    found = experiment('[crossbar]\nw_max = 4.0\n[device]\ng_min = "10 uS"\ng_max = "50 uS"')
    assert scale(found).g_ref == pytest.approx(1e-5)
    assert scale(found).tau == pytest.approx(1e-12 / 1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("output", ["squared_error", "softmax"])
def test_a_table_of_rates_may_name_exactly_the_arrays_of_the_network(tied, output):
    layers = [64, 30, 20, 10]
    arrays = layered(layers, tied=tied, softmax_readout=output == "softmax").arrays
    document = {"network": {"layers": layers, "tied": tied, "output": output}}
    rates = {synapse.name: 0.1 for synapse in arrays}
    parse_experiment({**document, "train": {"lr": rates}})
    with pytest.raises(ConfigError, match="unknown array 'W9'"):
        parse_experiment({**document, "train": {"lr": {**rates, "W9": 0.1}}})


# --- keys


def test_set_key_makes_tables_on_its_way_and_returns_the_document():
    document = {"learning": {"beta": 0.1}}
    assert set_key(document, "train.lr.W1", 0.3) is document
    assert set_key(document, "sweep.axes.device.asymmetry", [0.1]) == {
        "learning": {"beta": 0.1},
        "train": {"lr": {"W1": 0.3}},
        "sweep": {"axes": {"device.asymmetry": [0.1]}},
    }


@pytest.mark.parametrize("key", ["learning.beta.deep", "learning..beta", ""])
def test_set_key_refuses_a_path_through_a_value_or_an_empty_part(key):
    with pytest.raises(ConfigError, match="key"):
        set_key({"learning": {"beta": 0.1}}, key, 1)


def test_every_key_of_every_table_is_known():
    for table in TABLES:
        for key in known_keys(table):
            assert why_unknown(f"{table}.{key}") is None
    assert "did you mean 'asymmetry'" in (why_unknown("device.asymetry") or "")


def test_units_of_quantities():
    assert {key: unit_of(key) for key in ("device.g_min", "crossbar.v_ref", "crossbar.c_node", "learning.beta")} == {
        "device.g_min": "S",
        "crossbar.v_ref": "V",
        "crossbar.c_node": "F",
        "learning.beta": None,
    }


# --- sweeps


def axes(text):
    return experiment(f"[sweep.axes]\n{text}").sweep.expanded()


def test_quoted_and_bare_dotted_axes_mean_the_same():
    assert axes("learning.beta = [0.1, 0.2]") == axes('"learning.beta" = [0.1, 0.2]') == {"learning.beta": (0.1, 0.2)}


def test_axes_keep_their_order():
    assert list(axes("train.epochs = [1]\nlearning.beta = [0.1]")) == ["train.epochs", "learning.beta"]


def test_a_logarithmic_range_has_exact_ends_and_constant_ratio():
    values = axes('learning.beta = {from = 0.001, to = 1.0, num = 7, scale = "log"}')["learning.beta"]
    assert (values[0], values[-1], len(values)) == (0.001, 1.0, 7)
    assert [b / a for a, b in itertools.pairwise(values)] == pytest.approx([10**0.5] * 6, rel=1e-11)


def test_a_linear_range_of_whole_numbers_stays_whole():
    values = axes("train.epochs = {from = 1, to = 9, num = 5}")["train.epochs"]
    assert values == (1, 3, 5, 7, 9)
    assert all(isinstance(value, int) for value in values)
    assert axes("learning.beta = {from = 0.1, to = 0.3, num = 3}")["learning.beta"] == (0.1, 0.2, 0.3)


def test_the_ends_of_a_range_may_be_quantities():
    values = axes('device.g_min = {from = "1 uS", to = "3 uS", num = 3}')["device.g_min"]
    assert values == pytest.approx((1e-6, 2e-6, 3e-6))


def test_a_sweep_over_models_leaves_switched_off_keys_of_the_others_behind():
    found = experiment('[device]\nmodel = "soft_bounds"\n[sweep.axes]\ndevice.model = ["ideal", "exp_step"]')
    for model in found.sweep.axes["device.model"]:
        assert parse_experiment(set_key(found.document(), "device.model", model)).device.model == model


def test_an_axis_is_judged_by_the_models_that_the_sweep_uses():
    text = '[sweep.axes]\ndevice.model = ["soft_bounds", "exp_step"]\ndevice.asymmetry = [0.1, {}]'
    assert experiment(text.format(0.2)).sweep.axes["device.asymmetry"] == (0.1, 0.2)
    with pytest.raises(ConfigError, match=r"axis device.asymmetry, value 2\.5: allowed \(-1, 1\)"):
        experiment(text.format(2.5))


def test_axes_that_only_fit_together_are_left_to_the_plan():
    text = 'device.g_min = ["60 uS", "1 uS"]\ndevice.g_max = ["90 uS", "5 uS"]'
    assert len(experiment('[sweep]\nmode = "zip"\n[sweep.axes]\n' + text).sweep.axes) == 2


# --- files and overrides


def test_load_experiment_reads_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf[learning]\nbeta = 0.25\n")
    assert load_experiment(path).learning.beta == 0.25


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("learning.beta=0.1", "learning.beta", 0.1),
        (" learning.beta = 1e-3 ", "learning.beta", 1e-3),
        ("device.model=soft_bounds", "device.model", "soft_bounds"),
        ('device.model="soft_bounds"', "device.model", "soft_bounds"),
        ("device.g_max=25 uS", "device.g_max", "25 uS"),
        ("network.layers=[64, 10]", "network.layers", [64, 10]),
        ("network.bias=false", "network.bias", False),
        ("train.lr={W1 = 0.1}", "train.lr", {"W1": 0.1}),
        ("train.lr.W1=0.1", "train.lr.W1", 0.1),
        ("data.folder=/some/where", "data.folder", "/some/where"),
        ("title=a=b", None, None),
        ("sweep.seeds=3", "sweep.seeds", 3),
        ("sweep.axes.device.c2c=[0.1]", "sweep.axes.device.c2c", [0.1]),
        ("title=__import__('os').getcwd()", "title", "__import__('os').getcwd()"),
    ],
)
def test_an_override_is_toml_or_a_bare_word_and_never_evaluated(text, key, value):
    if key is None:
        with pytest.raises(ConfigError, match="not valid TOML"):
            parse_override(text)
    else:
        assert parse_override(text) == (key, value)


def test_overrides_replace_keys_of_the_file(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text('[learning]\nbeta = 0.25\n[sweep.axes]\n"device.c2c" = [0.1]\n[device]\nmodel = "soft_bounds"')
    found = load_experiment(path, ["learning.beta=0.75", "device.g_max=30 uS", "sweep.axes.device.c2c=[0.2, 0.3]"])
    assert found.learning.beta == 0.75
    assert found.device.g_max == pytest.approx(3e-5)
    assert found.sweep.axes == {"device.c2c": (0.2, 0.3)}


def test_every_data_set_can_be_named_and_its_default_split_is_known():
    assert set(SIZES) == set(SOURCES)
    data = load("digits")
    assert (len(data.y_train), len(data.y_test)) == SIZES["digits"].split(0.2)
    assert (data.x_train.shape[1], data.classes) == (SIZES["digits"].features, SIZES["digits"].classes)


def test_every_default_is_finite_and_every_check_passes_on_the_default():
    found = experiment()
    assert len(CHECKS) > 10
    assert [finding for check in CHECKS for finding in check(found)] == []
    for table in found.document().values():
        assert all(math.isfinite(value) for value in table.values() if isinstance(value, float))
