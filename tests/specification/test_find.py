"""Searches over stand-in runs: known tolerances, paired seeds, what is written, resumed and refused."""

import csv
from concurrent.futures import Executor, Future
from contextlib import contextmanager

import numpy as np
import pytest
from command import neurosim
from sweeps import fake_runs

from neurosim.config import parse_experiment
from neurosim.errors import ConfigError, ConvergenceError
from neurosim.specification import figures, find, tables
from neurosim.specification.plan import Plan

AXES = {"device.asymmetry": {"from": 0.0, "to": 0.3}}
SPEC = {"loss": 0.05, "seeds": 4, "resolution": 0.02, "axes": AXES}


class Here(Executor):
    """Does everything at once, in this process."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    @contextmanager
    def local(workers):
        yield Here()

    monkeypatch.setattr("neurosim.sweeps.sweep.local", local)
    monkeypatch.setattr("neurosim.sweeps.point.limit_threads", lambda: None)


def experiment(sweep=None, device=None, **spec):
    document = {
        "device": {"model": "soft_bounds", **(device or {})},
        "spec": {**SPEC, **spec},
        "sweep": {"axes": sweep or {}},
    }
    return parse_experiment(document, "test.toml")


def test_a_known_tolerance_lies_in_its_interval_at_every_point_of_the_sweep(tmp_path):
    """The stand-ins lose 0.2 or 2.5 of accuracy per asymmetry, with 0.01 of noise."""
    found = find(experiment({"learning.update": ["differenced", "in_situ"]}), tmp_path, task=fake_runs.quick)
    for one, truth in zip(found.tolerances, (0.05 / 0.2, 0.05 / 2.5), strict=True):
        low, high = (one.value(place) for place in (one.tolerance.lower, one.tolerance.upper))
        assert low <= truth
        assert high is None or truth <= high
        assert one.value(one.tolerance.estimate) == pytest.approx(truth, abs=0.35 * truth)
    assert found.tolerances[1].ideal == pytest.approx(0.96, abs=0.02)
    assert found.shares == ()


def test_losses_are_paired_by_seed_against_the_ideal_run(tmp_path):
    found = find(experiment(), tmp_path, task=fake_runs.quick)
    accuracy = {(row.spec.seed, row.spec.axes["device.asymmetry"]): row.accuracy for row in found.rows}
    one = found.tolerances[0]
    for place, losses in one.places.items():
        expected = [accuracy[seed, 0.0] - accuracy[seed, one.axis.value(place)] for seed in range(4)]
        np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-15)
    assert not one.places[0.0].any()


def test_attribution_compares_what_the_file_has_with_ideal(tmp_path):
    axes = {**AXES, "device.c2c": {"from": 0.0, "to": 1.0}}
    here = experiment(device={"asymmetry": 0.2, "c2c": 0.0})
    plan = Plan(parse_experiment({**here.document(), "spec": {**SPEC, "axes": axes}}, "test.toml"))
    assert list(plan.attributed({})) == ["all", "alone device.asymmetry", "without device.asymmetry"]
    found = find(experiment({"learning.update": ["in_situ"]}, {"asymmetry": 0.2}), tmp_path, task=fake_runs.quick)
    (share,) = found.shares
    np.testing.assert_array_equal(share.alone, share.everything)
    np.testing.assert_array_equal(share.recovered, share.everything)
    assert share.alone.mean() == pytest.approx(2.5 * 0.2, abs=0.03)


def test_resumed_it_runs_nothing_again_and_finds_the_same(tmp_path):
    first = find(experiment(), tmp_path, task=fake_runs.quick)
    again = find(experiment(), tmp_path, task=fake_runs.nothing, resume=True)
    assert [one.tolerance for one in again.tolerances] == [one.tolerance for one in first.tolerances]
    assert [row.spec.id for row in again.rows] == [row.spec.id for row in first.rows]


def test_runs_that_fail_bound_the_tolerance_and_are_not_tried_again(tmp_path):
    tried = []
    search = experiment(loss=0.2)

    def task(spec, path):
        tried.append(spec.id)
        if spec.axes["device.asymmetry"] > 0.1:
            raise ConvergenceError("did not settle")
        fake_runs.quick(spec, path)

    found = find(search, tmp_path, task=task)
    one = found.tolerances[0]
    assert one.value(one.tolerance.lower) <= 0.1 <= one.value(one.tolerance.upper)
    assert len(tried) == len(set(tried))


def test_an_ideal_run_that_fails_ends_the_search(tmp_path):
    def task(spec, path):
        raise ConvergenceError("did not settle")

    with pytest.raises(ConvergenceError, match=r"without imperfections failed at .*: did not settle"):
        find(experiment(), tmp_path, task=task)


def test_tables_and_figures(tmp_path):
    found = find(
        experiment({"learning.update": ["differenced", "in_situ"]}, {"asymmetry": 0.2}), tmp_path, task=fake_runs.quick
    )
    tables.write_tables(found, tmp_path)
    rows = list(csv.DictReader((tmp_path / "tolerances.csv").read_text().splitlines()))
    assert [row["learning.update"] for row in rows] == ["differenced", "in_situ"]
    assert float(rows[1]["lower"]) < float(rows[1]["tolerable"]) < float(rows[1]["upper"])
    assert [line[1] for line in tables.tolerance_rows(found)] == ["up/down asymmetry of the device"] * 2
    assert {path.name for path in figures.write_figures(found, 0.05, tmp_path)} == {
        "tolerances.png",
        "attribution.png",
    }


TINY = """
[data]
train_limit = 64
test_limit = 32
[network]
layers = [64, 8, 10]
[settle]
on_unsettled = "accept"
[train]
epochs = 1
probe_batch = 8
"""


def test_the_command_prints_tolerances_and_ends_with_1_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.toml").write_text(
        TINY + "[spec]\nseeds = 3\nresolution = 0.9\nloss = 0.9\n"
        '[spec.axes]\n"settle.state_noise" = { from = 0.0, to = 0.01 }\n'
    )
    done = neurosim("spec", "noise.toml")
    assert (done.code, "all up to 0.01" in done.out) == (0, True)
    assert (tmp_path / "out/noise/tolerances.csv").exists()
    again = neurosim("spec", "noise.toml")
    assert (again.code, "is not empty; go on with --resume" in again.err) == (2, True)
    (tmp_path / "none.toml").write_text(TINY)
    without = neurosim("spec", "none.toml")
    assert (without.code, "none.toml: no table [spec.axes]" in without.err) == (2, True)
    assert not (tmp_path / "out/none").exists()


def test_the_value_of_a_place_and_back():
    quantity = {"device.g_max": {"from": "50 uS", "to": "5 uS", "scale": "log"}}
    whole = {"settle.free_steps": {"from": 40, "to": 2}}
    (log,) = Plan(_over(quantity)).imperfections
    assert log.value(0.0) == pytest.approx(50e-6)
    assert log.value(0.5) == pytest.approx((50e-6 * 5e-6) ** 0.5, rel=1e-5)
    assert log.place(log.value(0.3)) == pytest.approx(0.3, abs=1e-5)
    (steps,) = Plan(_over(whole)).imperfections
    assert steps.value(0.5) == 21
    assert isinstance(steps.value(0.3), int)
    assert steps.value(steps.snap(0.301)) == steps.value(0.301)


def _over(axes):
    return parse_experiment({"device": {"model": "soft_bounds"}, "spec": {**SPEC, "axes": axes}}, "test.toml")


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ({"device.asymetry": {"from": 0, "to": 1}}, "[spec] axis device.asymetry: unknown key"),
        ({"device.asymmetry": [0, 1]}, "expected the range that is searched"),
        ({"device.asymmetry": {"from": 0}}, "no 'to'; expected from (the good end) and to (the bad end)"),
        ({"device.asymmetry": {"from": 0.2, "to": 0.2}}, "from and to are equal"),
        ({"device.asymmetry": {"from": 0.0, "to": 0.5, "scale": "log"}}, "scale 'log' needs ends > 0"),
        ({"device.asymmetry": {"from": 0.0, "to": 0.5, "scal": "log"}}, "unknown key 'scal' (did you mean 'scale'?)"),
        ({"device.asymmetry": {"from": 0.0, "to": 5.0}}, "[spec] axis device.asymmetry, to = 5.0"),
    ],
)
def test_a_wrong_axis_is_refused_by_name(axes, text):
    with pytest.raises(ConfigError) as refused:
        _over(axes)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "no table [spec.axes]"),
        ({"spec": {"axes": AXES}, "sweep": {"axes": {"device.asymmetry": [0.0]}}}, "is an axis of [sweep] too"),
    ],
)
def test_what_cannot_be_searched_is_refused(document, text):
    with pytest.raises(ConfigError) as refused:
        Plan(parse_experiment({"device": {"model": "soft_bounds"}, **document}, "test.toml"))
    assert text in str(refused.value)
