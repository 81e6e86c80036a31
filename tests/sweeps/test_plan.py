"""The runs of a sweep and their content ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeps.experiments import experiment

from neurosim.config import parse_experiment
from neurosim.errors import ConfigError
from neurosim.sweeps import run_sweep
from neurosim.sweeps.plan import plan

NUMBERS = st.lists(st.integers(0, 8).map(lambda k: k / 10), min_size=1, max_size=3, unique=True)


@settings(max_examples=20, deadline=None)
@given(NUMBERS, NUMBERS, st.integers(1, 3))
def test_plan_holds_every_point_with_every_seed_under_its_own_id(first, second, seeds):
    specs = plan(experiment({"device.asymmetry": first, "device.c2c": second}, seeds=seeds))
    assert [spec.index for spec in specs] == list(range(len(first) * len(second) * seeds))
    assert len({spec.id for spec in specs}) == len(specs)
    for spec in specs:
        device = spec.document["device"]
        assert (device["asymmetry"], device["c2c"]) == (spec.axes["device.asymmetry"], spec.axes["device.c2c"])
        assert spec.document["train"]["seed"] == spec.seed


def test_seeds_are_the_same_at_every_point():
    specs = plan(experiment({"device.asymmetry": [0.0, 0.2]}, seeds=3, train={"seed": 7}))
    assert [spec.seed for spec in specs] == [7, 8, 9, 7, 8, 9]


def test_id_depends_on_content_alone():
    axes = {"device.asymmetry": [0.0, 0.1], "learning.beta": [0.2, 0.5]}
    one = {spec.id for spec in plan(experiment(axes))}
    turned = {spec.id for spec in plan(experiment(dict(reversed(axes.items()))))}
    renamed = {spec.id for spec in plan(experiment(axes, title="another title"))}
    subset = {spec.id for spec in plan(experiment({"learning.beta": [0.2]}))}
    assert one == turned == renamed
    assert subset < one


@pytest.mark.parametrize(
    "change",
    [{"train": {"seed": 1}}, {"train": {"epochs": 3}}, {"settle": {"dtype": "float64"}}, {"trace": {"samples": 2}}],
)
def test_id_changes_with_whatever_changes_the_file(change):
    assert plan(experiment({}))[0].id != plan(experiment({}, **change))[0].id


def test_equal_content_stands_in_the_plan_once():
    specs = plan(experiment({"device.g_max": ["51 uS", 5.1e-5, "60 uS"], "device.c2c": [0, 0.0]}))
    assert [(spec.index, spec.axes["device.g_max"]) for spec in specs] == [(0, "51 uS"), (1, "60 uS")]


def test_document_of_a_run_is_that_run():
    spec = plan(experiment({"device.g_max": ["60 uS"], "network.layers": [[64, 16, 10]]}))[0]
    again = parse_experiment(spec.document)
    assert again.document() == spec.document
    assert plan(again)[0].id == spec.id


def test_without_sweep_there_is_one_run():
    specs = plan(parse_experiment({"train": {"seed": 3}}))
    assert [(spec.axes, spec.seed) for spec in specs] == [({}, 3)]


def test_a_wrong_combination_of_good_values_is_refused_with_its_point():
    wrong = experiment({"device.g_min": ["1 uS", "40 uS"], "device.g_max": ["51 uS", "30 uS"]})
    with pytest.raises(ConfigError, match=r"(?s)device.g_min = '40 uS', device.g_max = '30 uS'.*must be below"):
        plan(wrong)


@pytest.mark.parametrize(("table", "key"), [("crossbar", "maps"), ("data", "folder")])
def test_a_missing_file_stops_a_sweep_before_its_first_run(table, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = {"data": {"name": "mnist"}, "network": {"layers": [784, 16, 10]}}
    swept = experiment({f"{table}.{key}": ["here", "chip"]}, **images)
    (tmp_path / "here").mkdir()
    with pytest.raises(ConfigError, match=rf"\[{table}\] {key} = 'chip': no such file or folder; .*{tmp_path.name}"):
        run_sweep(swept, tmp_path / "out")
    assert not (tmp_path / "out").exists()
