"""Whole sweeps of stand-in runs: equal results whatever happens, failures recorded, wrong use refused."""

from __future__ import annotations

import csv
import os
import signal
import time

import pytest
from sweeps import fake_runs
from sweeps.experiments import experiment as experiment_over
from sweeps.started import RUNS, starter, wait_for_runs

from neurosim.errors import ConfigError
from neurosim.sweeps import run_sweep
from neurosim.sweeps.ledger import label
from neurosim.sweeps.plan import plan
from neurosim.traces import read_trace

AXES = {"device.asymmetry": [0.0, 0.1, 0.2], "learning.update": ["differenced", "in_situ"]}


@pytest.fixture(autouse=True)
def _without_report(monkeypatch):
    """Leave out the report, which has its own tests and takes longer than all stand-in runs."""
    monkeypatch.setattr("neurosim.sweeps.report.write", lambda *_: None)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the summary of an undisturbed sweep on one worker."""
    out = tmp_path_factory.mktemp("reference")
    run_sweep(experiment_over(AXES, seeds=2), out, workers=1, task=fake_runs.quick)
    return (out / "summary.csv").read_text()


@pytest.mark.parametrize(("workers", "task"), [(2, fake_runs.quick), (3, fake_runs.shuffled)])
def test_results_are_bit_identical_for_any_number_of_workers_and_order(tmp_path, reference, workers, task):
    ended = []
    experiment = experiment_over(AXES, seeds=2)
    run_sweep(experiment, tmp_path, workers=workers, task=task, notify=lambda p: ended.append(p.label))
    assert (tmp_path / "summary.csv").read_text() == reference
    in_order = [label(spec) for spec in plan(experiment)]
    assert sorted(ended[1:]) == sorted(in_order)
    if task is fake_runs.shuffled:
        assert ended[1:] != in_order


def test_summary_has_a_row_per_run_in_plan_order_with_exact_results(tmp_path, reference):
    specs = plan(experiment_over(AXES, seeds=2))
    rows = list(csv.DictReader(reference.splitlines()))
    assert [row["id"] for row in rows] == [spec.id for spec in specs]
    assert list(rows[0])[:6] == ["device.asymmetry", "learning.update", "seed", "id", "status", "reason"]
    assert list(rows[0])[6:] == sorted(list(rows[0])[6:])
    fake_runs.quick(specs[3], tmp_path / "one.h5")
    with read_trace(tmp_path / "one.h5") as trace:
        assert {name: float(rows[3][name]) for name in trace.run()} == trace.run()


def test_real_runs_are_bit_identical_for_any_number_of_workers(tmp_path):
    """Train two tiny networks on the bundled digits, through the task that every user's sweep has."""
    experiment = experiment_over(
        {"device.asymmetry": [0.0, 0.3]},
        data={"train_limit": 64, "test_limit": 32},
        network={"layers": [64, 8, 10]},
        settle={"free_steps": 10, "nudged_steps": 5, "on_unsettled": "accept"},
        learning={"programmer": "rounded", "update": "in_situ"},
        train={"epochs": 1, "probe_batch": 8},
    )
    results = [run_sweep(experiment, tmp_path / str(workers), workers=workers) for workers in (1, 2)]
    summaries = [(tmp_path / str(workers) / "summary.csv").read_bytes() for workers in (1, 2)]
    assert [row.reason for result in results for row in result.rows] == [""] * 4
    assert summaries[0] == summaries[1]
    assert {"test_accuracy", "alignment_W1", "pulses", "settled_fraction"} <= set(results[0].rows[0].scalars)


def test_runs_are_held_to_one_thread(tmp_path):
    result = run_sweep(experiment_over({}), tmp_path, workers=1, task=fake_runs.threads)
    assert result.rows[0].scalars["test_loss"] == 1


def test_failed_runs_are_recorded_with_their_reason_and_the_sweep_goes_on(tmp_path):
    result = run_sweep(experiment_over(AXES), tmp_path, workers=2, task=fake_runs.unsettled)
    by_asymmetry = {row.spec.axes["device.asymmetry"]: row for row in result.rows}
    assert result.failed == 4
    assert by_asymmetry[0.0].status == "done"
    unsettled = by_asymmetry[0.1]
    assert unsettled.reason == f"{unsettled.spec.id}.h5: residual 0.3 V after 50 steps, more than 0.01 V"
    assert by_asymmetry[0.2].reason == "ZeroDivisionError: float division by zero"
    assert "ZeroDivisionError" in by_asymmetry[0.2].traceback
    assert "fake_runs.py" in by_asymmetry[0.2].traceback
    with read_trace(tmp_path / "runs" / f"{unsettled.spec.id}.h5") as trace:
        assert (trace.status, trace.complete) == ("failed", False)


def test_resume_runs_failed_ones_again_and_finished_ones_never(tmp_path, reference):
    experiment = experiment_over(AXES, seeds=2)
    first = run_sweep(experiment, tmp_path, workers=2, task=fake_runs.unsettled)
    finished = [tmp_path / "runs" / f"{row.spec.id}.h5" for row in first.rows if row.status == "done"]
    before = [path.stat().st_mtime_ns for path in finished]
    reports = []
    result = run_sweep(experiment, tmp_path, workers=2, resume=True, task=fake_runs.quick, notify=reports.append)
    assert (first.failed, result.failed, reports[0].kept) == (8, 0, 4)
    assert [path.stat().st_mtime_ns for path in finished] == before
    assert (tmp_path / "summary.csv").read_text() == reference


def test_resume_does_not_trust_a_file_of_other_content_or_a_damaged_one(tmp_path, reference):
    experiment = experiment_over(AXES, seeds=2)
    run_sweep(experiment, tmp_path, workers=2, task=fake_runs.quick)
    other, damaged, target, *_ = sorted((tmp_path / "runs").iterdir())
    target.write_bytes(other.read_bytes())
    damaged.write_bytes(damaged.read_bytes()[:5000])
    reports = []
    run_sweep(experiment, tmp_path, workers=2, resume=True, task=fake_runs.quick, notify=reports.append)
    assert reports[0].kept == 10
    assert (tmp_path / "summary.csv").read_text() == reference


def test_resume_of_a_finished_sweep_starts_no_run_and_keeps_timings(tmp_path):
    experiment = experiment_over({"device.asymmetry": [0.0, 0.1]})
    first = run_sweep(experiment, tmp_path, workers=1, task=fake_runs.quick)
    again = run_sweep(experiment, tmp_path, workers=1, resume=True, task=fake_runs.deadly)
    assert again.rows == first.rows
    assert [row.timing for row in again.rows] == [row.timing for row in first.rows]


def test_run_that_kills_its_worker_twice_fails_and_the_others_finish(tmp_path):
    result = run_sweep(experiment_over(AXES), tmp_path, workers=2, task=fake_runs.deadly)
    assert result.failed == 2
    for row in result.rows:
        deadly = row.spec.axes["device.asymmetry"] == 0.1
        assert (row.status, "died 2 times" in row.reason) == (("failed", True) if deadly else ("done", False))


def test_run_whose_worker_is_killed_once_is_tried_again(tmp_path, reference):
    axes = {**AXES, "device.asymmetry": [0.1]}
    result = run_sweep(experiment_over(axes, seeds=2), tmp_path, workers=2, task=fake_runs.dies_once)
    assert [row.status for row in result.rows] == ["done"] * 4
    assert len(list(tmp_path.glob("tried-*"))) == 2
    mine = (tmp_path / "summary.csv").read_text().splitlines()
    assert set(mine) < set(reference.splitlines())


def test_run_that_leaves_no_file_is_a_failed_one(tmp_path):
    result = run_sweep(experiment_over({}), tmp_path, workers=1, task=fake_runs.nothing)
    assert (result.failed, result.rows[0].reason) == (1, "the run ended without leaving a file")


def test_progress_counts_runs_and_tells_time_and_accuracy(tmp_path):
    reports = []
    run_sweep(experiment_over(AXES), tmp_path, workers=2, task=fake_runs.unsettled, notify=reports.append)
    assert [report.done for report in reports] == list(range(7))
    assert {report.total for report in reports} == {6}
    assert (reports[0].eta, reports[0].label, reports[-1].eta, reports[-1].failed) == (None, "", 0.0, 4)
    middle = reports[3]
    assert middle.eta == pytest.approx((6 - 3) * middle.seconds / 3)
    done = next(report for report in reports if report.status == "done")
    assert done.label.startswith("asymmetry=0 update=")
    assert done.label.endswith(" seed=0")
    assert 0.9 < done.accuracy < 1


@pytest.mark.parametrize("starting", [True, False])
def test_ctrl_c_stops_the_workers_keeps_finished_runs_and_says_so(tmp_path, starting):
    out = tmp_path / "out"
    with starter() as sweeps:
        sweep = sweeps.start(out, "slow")
        while not (out / ".lock").exists():
            time.sleep(0.01)
        if starting:
            time.sleep(0.15)  # the workers are importing what they need
        else:
            wait_for_runs(out, 2)
        os.killpg(sweep, signal.SIGINT)  # as a terminal does: to the sweep and all its workers
        assert sweeps.wait() == -signal.SIGINT
    kept = list((out / "runs").glob("*.h5"))
    said = (tmp_path / "out.stderr").read_text()
    last = said.strip().splitlines()[-1]
    assert last.startswith(f"KeyboardInterrupt: stopped; {len(kept)} of {RUNS} runs have ended and are kept in")
    own = said.count("Traceback") - said.count("Exception ignored in")  # lost in a callback, and raised again
    assert own == 1, "a worker printed a traceback of its own"
    assert not (out / "unfinished").exists()
    for path in kept:
        read_trace(path, finished=True).close()


def test_two_sweeps_cannot_use_one_directory_at_once(tmp_path):
    with starter() as sweeps:
        sweep = sweeps.start(tmp_path, "slow")
        wait_for_runs(tmp_path, 1)
        with pytest.raises(ConfigError, match=rf"another sweep is using it \(process {sweep} on "):
            run_sweep(experiment_over(AXES), tmp_path, resume=True, task=fake_runs.quick)
        os.kill(sweep, signal.SIGKILL)
        assert sweeps.wait() == -signal.SIGKILL


def test_directory_with_runs_is_refused_without_resume(tmp_path):
    run_sweep(experiment_over({}), tmp_path, workers=1, task=fake_runs.quick)
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="holds the runs of an earlier sweep; add --resume"):
        run_sweep(experiment_over({}), tmp_path, workers=1, task=fake_runs.quick)
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*")) == before


def test_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"file/out: cannot be written: .*; choose another --out"):
        run_sweep(experiment_over({}), tmp_path / "file" / "out", task=fake_runs.quick)


def test_wrong_number_of_workers_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match="--workers 0: expected a whole number, 1 or more"):
        run_sweep(experiment_over({}), tmp_path / "out", workers=0, task=fake_runs.quick)
    assert not (tmp_path / "out").exists()
