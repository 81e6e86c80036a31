"""Local workers: single-threaded, independent of each other, gone when the sweep is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from neurosim.sweeps.processes import LocalProcesses, available_cores, local


def test_death_of_a_worker_fails_its_own_future_and_no_other():
    with local(2) as executor:
        slow = executor.submit(time.sleep, 0.5)
        killed = executor.submit(os.kill, executor.submit(os.getpid).result(), signal.SIGKILL)
        assert isinstance(killed.exception(), BrokenProcessPool)
        assert executor.submit(abs, -3).result() == 3
        assert slow.exception() is None


def test_worker_killed_while_idle_costs_one_future_at_most():
    with local(1) as executor:
        first = executor.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)
        _wait_until_gone(first)
        tries = [executor.submit(os.getpid) for _ in range(2)]  # the pool may learn of it from the first of them
        assert tries[0].exception() is None or isinstance(tries[0].exception(), BrokenProcessPool)
        assert tries[1].result() != first


def test_submit_waits_while_all_workers_are_busy():
    with local(1) as executor:
        executor.submit(time.sleep, 0.01)
        assert executor.submit(abs, -1).result() == 1


def test_error_in_the_block_stops_workers_in_the_middle_of_their_work():
    started = time.monotonic()
    pids = []

    def interrupted():
        with local(1) as executor:
            pids.append(executor.submit(os.getpid).result())
            executor.submit(time.sleep, 60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 30
    assert not _runs(pids[0])


def test_workers_die_with_a_killed_sweep():
    script = (
        "import os, time\n"
        "from neurosim.sweeps.processes import LocalProcesses\n"
        "if __name__ == '__main__':\n"
        "    executor = LocalProcesses(1)\n"
        "    print(executor.submit(os.getpid).result(), flush=True)\n"
        "    executor.submit(time.sleep, 60)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as sweep:
        worker = int(sweep.stdout.readline())
        sweep.kill()
    _wait_until_gone(worker)


def test_script_without_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from neurosim.config import parse_experiment\n"
        "from neurosim.sweeps import run_sweep\n"
        "from sweeps import fake_runs\n"
        "run_sweep(parse_experiment({}), 'out', workers=1, task=fake_runs.quick)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, check=False
    )
    assert ended.returncode == 1
    assert 'below `if __name__ == "__main__":`' in ended.stderr.splitlines()[-1]


def test_default_is_the_cores_that_this_process_may_use():
    assert available_cores() == len(os.sched_getaffinity(0))


def test_workers_do_not_hear_ctrl_c_and_the_sweep_does():
    with local(1) as executor:
        blocked = executor.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
    assert signal.SIGINT in blocked
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_environment_of_the_sweep_is_left_as_it_was(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    executor = LocalProcesses(1)
    inner = executor.submit(os.getenv, "OPENBLAS_NUM_THREADS").result()
    executor.shutdown()
    assert inner == "1"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
