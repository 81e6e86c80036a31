import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurosim.errors import TraceError
from neurosim.traces import TraceWriter, journal, read_trace

G = np.full((3, 2), 1e-6, np.float32)


@pytest.fixture
def writer(tmp_path):
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        yield writer


def test_the_final_name_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "folders" / "a.h5"
    with TraceWriter.create(path, config_text="", seed=0) as writer:
        writer.weights("W1", 0, G, G)
        assert [p.name for p in path.parent.iterdir()] == ["a.h5.part"]
    assert [p.name for p in path.parent.iterdir()] == ["a.h5"]
    with pytest.raises(TraceError, match="the trace is closed"):
        writer.weights("W1", 1, G, G)
    writer.close()
    writer.fail("too late")
    assert read_trace(path).complete


def test_a_failed_run_keeps_its_records_and_says_why(tmp_path):
    path = tmp_path / "a.h5"

    def train():
        with TraceWriter.create(path, config_text="", seed=0) as writer:
            writer.weights("W1", 0, G, G)
            writer.settling_record(0.0, {"h1": (G, G)}, 0.5)
            raise ValueError("sample 3 did not settle\0\udc80")

    with pytest.raises(ValueError, match="did not settle"):
        train()
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    with read_trace(path) as trace:
        assert (trace.status, trace.complete) == ("failed", False)
        assert trace.reason == "ValueError: sample 3 did not settle??"
        assert trace.records("weights/W1") == trace.records("states/h1") == trace.records("teaching") == 1
    with pytest.raises(TraceError, match=r"a\.h5: the run failed: ValueError: sample 3"):
        read_trace(path, finished=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_inside_an_append_waits_for_its_end(tmp_path, monkeypatch, number):
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    def train():
        with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
            writer.weights("W1", 0, G, G)
            monkeypatch.setattr(journal, "os", SignalInWrite(number))
            writer.weights("W1", 1, G, G)
            pytest.fail("the signal was lost")

    before = signal.signal(number, handler)
    try:
        with pytest.raises(Stop):
            train()
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    with read_trace(tmp_path / "a.h5") as trace:
        assert (trace.status, trace.reason) == ("failed", "Stop")
        assert trace.weights("W1").step.tolist() == [0, 1]


class SignalInWrite:
    """Stands in for the module os: the process gets a signal while it writes."""

    def __init__(self, number):
        self.number = number

    def __getattr__(self, name):
        return getattr(os, name)

    def pwrite(self, *arguments):
        if self.number:
            signal.raise_signal(self.number)
            self.number = 0
        return os.pwrite(*arguments)


def test_finishing_replaces_an_older_trace_and_a_killed_ones_part(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"old")
    path.with_name("a.h5.part").write_bytes(b"killed")
    with TraceWriter.create(path, config_text="", seed=5):
        assert path.read_bytes() == b"old"
    assert read_trace(path).seed == 5


def test_two_writers_of_one_trace_are_refused(writer):
    with pytest.raises(TraceError, match=r"another process is writing this trace; wait"):
        TraceWriter.create(writer.path, config_text="", seed=0)
    with pytest.raises(TraceError, match="is being written by another process; wait"):
        read_trace(writer.part)
    writer.weights("W1", 0, G, G)  # and the first goes on


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (lambda w: w.weights("W1", 0, G[0], G[0]), r"/W1/g_plus: shape \(1, 2\); expected \(step, row, col\)"),
        (lambda w: w.weights("W 1", 0, G, G), "synapse name 'W 1': only letters"),
        (lambda w: w.weights("../x", 0, G, G), "synapse name '../x'"),
        (lambda w: w.weights("W1", 0, G.astype(np.float16), G), "float16 values; allowed: float32 or float64"),
        (lambda w: w.weights("W1", 0, G + 1j, G), "complex64 values"),
        (lambda w: w.weights("W1", 0, G[:0], G[:0]), r"shape \(1, 0, 2\)"),
        (lambda w: w.weights("W1", 0, np.array([["a"]]), G), "<U1 values"),
        (lambda w: w.weights("W0", 3, G, G), r"weights/W0/step: 3 to 3 after 5; it must increase"),
        (lambda w: w.weights("W0", 6, G.T, G), r"float32 \(2, 3\) after records of float32 \(3, 2\)"),
        (lambda w: w.weights("W0", 6, G.astype(float), G), r"float64 \(3, 2\) after records of float32"),
        (lambda w: w.pulses("W1", 0, G), "pulses/W1/count: float32 values; allowed: int32 or int64"),
        (lambda w: w.pulses("W1", 0, G > 0), "bool values"),
        (lambda w: w.metrics(0, {"test_acuracy": 1.0}), "metrics/test_acuracy: .*did you mean 'metrics/test_accuracy'"),
        (lambda w: w.metrics(9, {"test_loss": 1.0}), "every record must hold what the first held: step, epoch"),
        (lambda w: w.metrics(9, {"epoch": float("nan")}), "metrics/epoch = nan: must be a whole number"),
        (lambda w: w.metrics(9, {"epoch": 1.5}), "metrics/epoch = 1.5"),
        (lambda w: w.settling("h1", [0.0, 2.0, 1.0], np.zeros((3, 2, 2)), np.zeros((3, 2, 2))), "0 to 2 after -inf"),
        (lambda w: w.settling("h1", [0.0], np.zeros((3, 2, 2)), np.zeros((3, 2, 2))), "1 records"),
        (lambda w: w.settling("h1", [], np.zeros((0, 2, 2)), np.zeros((0, 2, 2))), "at least one record"),
        (lambda w: w.teaching([float("nan")], [1.0]), "teaching/time: nan"),
        (lambda w: w.settling_record(0, {"h1": (G[0], G)}, 0), r"states/h1: record of float32 with shape \(2,\)"),
        (lambda w: w.settling_record(0, {"h1": (G > 0, G)}, 0), "record of bool"),
        (lambda w: w.settling_record(1, {"h2": (G, G)}, 0), "layers h2; every instant must hold h0"),
        (lambda w: w.settling_record(1, {"h0": (G, G + 1j)}, 0), "where some instants are complex give all as complex"),
        (lambda w: w.run("speed", 1.0), "run/speed: not a dataset"),
        (lambda w: w.run("steps", 2), "/run/steps is recorded already"),
        (lambda w: w.run("pulses", 0.5), "run/pulses = 0.5: must be a whole number"),
    ],
)  # fmt: skip
def test_what_the_schema_does_not_allow_is_refused_and_the_trace_goes_on(tmp_path, record, message):
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        writer.weights("W0", 5, G, G)
        writer.metrics(5, {"epoch": 1, "test_loss": 0.5})
        writer.run("steps", 1)
        if "h1" not in message:
            writer.settling_record(0.0, {"h0": (G, G)}, 0.0)
        if "bool" in message or "h1: record" in message:
            writer = TraceWriter.create(tmp_path / "b.h5", config_text="", seed=0)
        with pytest.raises(TraceError, match=message):
            record(writer)
        writer.weights("W0", 6, G, G)
        writer.close()
    with read_trace(writer.path, finished=True) as trace:
        assert trace.weights("W0").step[-1] == 6
        assert trace.synapses == ("W0",)
        assert trace.pulsed == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed -1: must be 0 to"),
        ({"seed": 2**63}, "must be 0 to"),
        ({"attributes": {"status": "fine"}}, "attribute 'status' is written by the trace itself"),
    ],
)
def test_wrong_headers_are_refused_and_nothing_is_left(tmp_path, arguments, message):
    with pytest.raises(TraceError, match=message):
        TraceWriter.create(tmp_path / "a.h5", **{"config_text": "", "seed": 0, **arguments})
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, message in [
        (tmp_path / "file" / "a.h5", r"file/a\.h5: cannot create the trace: .*choose a folder"),
        (Path("/proc/neurosim/a.h5"), r"/proc/neurosim/a\.h5: cannot create the trace: No such file"),
        (tmp_path, "is a folder; give the name of a file in it"),
    ]:
        with pytest.raises(TraceError, match=message):
            TraceWriter.create(path, config_text="", seed=0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


FULL_DISK = """
import resource, sys
import numpy as np
from neurosim.errors import TraceError
from neurosim.traces import TraceWriter
# A limit on the size of files stands in for a full disk: write() fails in the same places.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
g, done = np.random.default_rng(0).random((64, 64)), 0
try:
    with TraceWriter.create(sys.argv[1], config_text="", seed=0) as writer:
        for k in range(1000):
            writer.weights("W1", k, g, g)
            done += 1
except TraceError as error:
    print(done, error)
"""


@pytest.mark.parametrize("limit", [1_000, 20_000, 300_000, 301_111])
def test_a_full_disk_ends_the_run_with_one_clear_error_and_keeps_what_was_acknowledged(tmp_path, limit):
    path = tmp_path / "a.h5"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(limit)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (child.returncode, child.stderr) == (0, "")
    done, message = child.stdout.split(maxsplit=1)
    assert message.startswith(f"{path}: cannot ")
    assert "File too large. Free space there" in message
    left = [p.name for p in tmp_path.iterdir()]
    if limit == 1_000:
        assert left == []
    else:
        assert left == ["a.h5.part"]
        with read_trace(tmp_path / "a.h5.part") as trace:
            assert (trace.status, trace.complete) == ("running", False)
            expected = np.broadcast_to(np.random.default_rng(0).random((64, 64)), (int(done), 64, 64))
            assert int(done) == (trace.records("weights/W1") if trace.synapses else 0)
            if trace.synapses:
                np.testing.assert_array_equal(trace.weights("W1").g_plus, expected)
        assert (int(done) > 0) == (limit > 100_000)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_does_not_grow_with_the_records(tmp_path):
    g = np.tile(np.float32(1e-6), (64, 64))
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:

        def stream(first, last):
            for k in range(first, last):
                writer.weights("W1", k, g, g)
                for n in range(2):
                    writer.settling_record((2 * k + n) * 1e-7, {"h1": (g[:8], g[:8])}, 0.5)

        stream(0, 300)
        before = resident_bytes()
        stream(300, 2300)
        grown = resident_bytes() - before
    # 82 MB went by; what grows is the index cache of the HDF5 library, which is bounded.
    assert grown < 12e6
