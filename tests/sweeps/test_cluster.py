"""Sweeps on a dask.distributed cluster: the results of a local sweep, also when a worker is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest
from sweeps import fake_runs
from sweeps.experiments import experiment as experiment_over

from neurosim.errors import ConfigError, NeurosimError
from neurosim.sweeps import run_sweep
from neurosim.sweeps.execute import DIED
from neurosim.traces import read_trace

AXES = {"device.asymmetry": [0.0, 0.1, 0.2], "learning.update": ["differenced", "in_situ"]}
pytest.importorskip("distributed", reason="needs the extra 'cluster'")


@pytest.fixture(autouse=True)
def _without_report(monkeypatch):
    monkeypatch.setattr("neurosim.sweeps.report.write", lambda *_: None)


@pytest.fixture
def scheduler(tmp_path):
    """Yield the address of a scheduler."""
    with _scheduler(tmp_path) as (_, address):
        yield address


@contextmanager
def _scheduler(folder):
    command = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with _process(command, folder, stderr=subprocess.PIPE) as process:
        found = next(found for line in process.stderr if (found := re.search(r"tcp://[\d.]+:\d+", line)))
        yield process, found[0]


@contextmanager
def _process(command, folder, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", *command]
    with subprocess.Popen(command, env=environment, cwd=folder, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def _worker(address, folder):
    command = ["distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    return _process(command, folder, stderr=subprocess.DEVNULL)


def test_sweep_on_a_cluster_whose_worker_is_killed_gives_the_local_results(scheduler, tmp_path):
    experiment = experiment_over(AXES, seeds=2)
    run_sweep(experiment, tmp_path / "local", workers=2, task=fake_runs.unsettled)
    with _worker(scheduler, tmp_path) as victim, _worker(scheduler, tmp_path):
        ended = []

        def kill_one(progress):
            ended.append(progress)
            if progress.done == 3:
                victim.kill()

        result = run_sweep(
            experiment, tmp_path / "cluster", scheduler=scheduler, notify=kill_one, task=fake_runs.slow_unsettled
        )
    assert [report.done for report in ended] == list(range(13))
    assert result.failed == 8
    assert len({row.timing.worker for row in result.rows if row.status == "done"}) > 1
    summaries = [(tmp_path / name / "summary.csv").read_bytes() for name in ("local", "cluster")]
    assert summaries[0] == summaries[1]
    for row in result.rows:
        if row.status == "done":
            read_trace(tmp_path / "cluster" / "runs" / f"{row.spec.id}.h5", finished=True).close()


def test_run_that_kills_every_worker_is_recorded_and_the_sweep_ends(scheduler, tmp_path):
    with ExitStack() as workers:
        for _ in range(5):
            workers.enter_context(_worker(scheduler, tmp_path))
        result = run_sweep(
            experiment_over({"device.asymmetry": [0.1, 0.0]}),
            tmp_path / "out",
            scheduler=scheduler,
            task=fake_runs.deadly,
        )
    assert [(row.status, row.reason) for row in result.rows] == [("failed", DIED), ("done", "")]


def test_lost_scheduler_is_an_error_that_says_how_to_go_on(tmp_path):
    with ExitStack() as stack:
        process, address = stack.enter_context(_scheduler(tmp_path))
        stack.enter_context(_worker(address, tmp_path))

        def lose(progress):
            if progress.done == 1:
                process.kill()

        with pytest.raises(NeurosimError, match=r"the connection to the scheduler is lost; .* --resume"):
            run_sweep(
                experiment_over(AXES), tmp_path / "out", scheduler=address, task=fake_runs.slow_unsettled, notify=lose
            )
    assert list((tmp_path / "out" / "runs").iterdir())


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "here", "foo://x:1"])
def test_address_without_a_scheduler_is_refused_within_ten_seconds(tmp_path, address):
    began = time.monotonic()
    with pytest.raises(ConfigError, match=f"--scheduler {address}: no dask scheduler answers there; expected"):
        run_sweep(experiment_over(AXES), tmp_path, scheduler=address, task=fake_runs.quick)
    assert time.monotonic() - began < 10


def test_missing_package_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'neurosim-analog\[cluster\]'"):
        run_sweep(experiment_over(AXES), tmp_path, scheduler="tcp://127.0.0.1:1", task=fake_runs.quick)
