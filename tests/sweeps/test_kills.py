"""A sweep killed at random moments: every finished file opens, and resuming ends where no kill would have."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import suppress

import h5py
import pytest
from sweeps.started import RUNS, starter, wait_for_runs

from neurosim.traces import read_trace

KILLS = 20


@pytest.mark.slow
def test_sweep_killed_at_twenty_random_moments_ends_as_if_undisturbed(tmp_path):
    draw, out, stages = random.Random(20261122), tmp_path / "killed", set()
    with starter() as sweeps:
        sweeps.start(tmp_path / "undisturbed", "slow")
        assert sweeps.wait() == 0
        expected = (tmp_path / "undisturbed" / "summary.csv").read_bytes()

        kills = 0
        while kills < KILLS:
            done, more = len(list(out.glob("runs/*.h5"))), draw.randint(0, 4)
            sweep = sweeps.start(out, "slow")
            wait_for_runs(out, min(done + more, RUNS))
            time.sleep(draw.uniform(0, 0.05 if more else 0.8))  # in the midst of runs, or of starting up
            with suppress(ProcessLookupError):  # it may have ended
                os.kill(sweep, signal.SIGKILL)
            kills += sweeps.wait() == -signal.SIGKILL
            stages.add(_check_all_files(out))
            if (out / "summary.csv").exists():  # nothing was left to kill: compare, and begin another sweep
                assert (out / "summary.csv").read_bytes() == expected
                shutil.rmtree(out)

        sweeps.start(out, "slow")
        assert sweeps.wait() == 0
    assert len(stages) > 3, "the kills did not come at different stages"
    assert (out / "summary.csv").read_bytes() == expected
    assert len(list((out / "runs").iterdir())) == RUNS
    assert not (out / "unfinished").exists()


def _check_all_files(out):
    """Open everything that has taken its final name; return how many runs are finished."""
    for path in out.glob("runs/*.h5"):
        with read_trace(path, finished=True) as trace:
            assert "test_accuracy" in trace.run()
    if (out / "index.h5").exists():
        with h5py.File(out / "index.h5") as file:
            assert len(file["status"]) == RUNS
    if (out / "summary.csv").exists():
        assert len((out / "summary.csv").read_text().splitlines()) == 1 + RUNS
    return len(list(out.glob("runs/*.h5")))
