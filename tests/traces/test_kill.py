"""What a kill leaves behind. Each test checks that acknowledged records are there, whole, and nothing is torn."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from neurosim.traces import TraceWriter, journal, read_trace

KILLS = 20


def check_killed(path, acknowledged):
    """Assert that the trace holds the records of `appender.py` that were acknowledged, intact, and at most one more."""
    with read_trace(path) as trace:
        assert (trace.status, trace.complete) == ("running", False)
        weights = trace.weights("W1")
        count = len(weights.step)
        assert acknowledged["weights"] <= count <= acknowledged["weights"] + 1
        order = np.arange(1, count + 1)
        np.testing.assert_array_equal(weights.step, order)
        np.testing.assert_array_equal(weights.g_plus[:, 0, 0], order)
        np.testing.assert_array_equal(weights.g_plus[:, 1:], np.broadcast_to(weights.g_plus[0, 1:], (count, 23, 16)))
        np.testing.assert_array_equal(weights.g_minus, weights.g_plus + 1)
        metrics = trace.metrics()
        steps = metrics.get("step", np.empty(0))
        assert acknowledged.get("metrics", 0) <= len(steps) <= acknowledged.get("metrics", 0) + 1
        if len(steps):
            np.testing.assert_array_equal(metrics["pulses"], steps**2)
            np.testing.assert_array_equal(metrics["test_loss"], steps / 7)
        for name in [key for key in acknowledged if key.startswith("W")]:
            pulses = trace.pulses(name)
            assert pulses.step[-1] >= acknowledged[name]
            np.testing.assert_array_equal(pulses.count, np.broadcast_to(pulses.step[:, None, None], pulses.count.shape))
        if "states" in acknowledged:
            states = trace.states("h1")
            assert len(states.time) >= acknowledged["states"]
            np.testing.assert_array_equal(states.u[:, 0, 0], np.arange(1, len(states.time) + 1))
            np.testing.assert_array_equal(states.a, states.u + 1)
            assert len(trace.teaching().beta) >= acknowledged["states"]


def test_sigkill_at_random_moments_loses_no_acknowledged_record(tmp_path):
    moments = random.Random(2024)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    lengths = []
    for _ in range(KILLS):
        path = tmp_path / "a.h5"  # the part file of the killed run before is there and is replaced
        command = [sys.executable, str(Path(__file__).with_name("appender.py")), str(path)]
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        lines = [child.stdout.readline() for _ in range(moments.randint(1, 250))]
        time.sleep(moments.uniform(0, 4e-3))
        child.kill()
        lines += child.stdout.readlines()
        child.stdout.close()
        assert child.wait() == -9
        assert not path.exists()
        acknowledged = {name: int(k) for name, k in (line.decode().split() for line in lines if line.endswith(b"\n"))}
        check_killed(path.with_name("a.h5.part"), acknowledged)
        lengths.append(acknowledged["weights"])
    assert len(set(lengths)) > KILLS // 2


class Recorder:
    """Stands in for the module os in neurosim.traces.journal and remembers what reaches the file."""

    def __init__(self):
        self.operations = []

    def __getattr__(self, name):
        return getattr(os, name)

    def pwrite(self, descriptor, data, offset):
        self.operations.append(("write", offset, bytes(data)))
        return os.pwrite(descriptor, data, offset)

    def ftruncate(self, descriptor, size):
        self.operations.append(("truncate", size, b""))
        os.ftruncate(descriptor, size)


def cuts(operations, torn):
    """Yield (acknowledged records, file content) after each operation, and inside of writes at multiples of `torn`."""
    image, acknowledged = bytearray(), {}
    for kind, place, data in operations:
        if kind == "acknowledge":
            acknowledged[place] = data
        elif kind == "truncate":
            image = image[:place].ljust(place, b"\0")
            yield acknowledged, image
        else:
            for low in range(0, len(data), torn):
                piece = data[low : low + torn]
                image = image.ljust(place + low, b"\0")
                image[place + low : place + low + len(piece)] = piece
                yield acknowledged, image


def test_no_cut_between_or_inside_writes_loses_a_record(tmp_path, monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(journal, "os", recorder)
    g = np.ones((2, 3), np.float32)
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        recorder.operations.append(("acknowledge", "header", 1))
        # 70 records: the index of the chunks, 64 to a node, is split on the way.
        for k in range(1, 71):
            writer.weights("W1", k, k * g, -k * g)
            recorder.operations.append(("acknowledge", "weights", k))
            if k % 23 == 0:
                writer.metrics(k, {"epoch": k, "test_loss": 0.5 * k})
                recorder.operations.append(("acknowledge", "metrics", k // 23))
    copy = tmp_path / "cut.h5"
    done = healed = 0
    for number, (acknowledged, image) in enumerate(cuts(recorder.operations, 2048)):
        splitting = 62 <= acknowledged.get("weights", 0) <= 66
        if "header" in acknowledged and (splitting or number % 8 == 0):
            copy.write_bytes(image)
            with copy.open("rb") as file:
                healed += journal.committed_pages(file.fileno()) is not None
            check_cut(copy, acknowledged, g)
            done += 1
    assert done > 150
    assert healed > 50


def check_cut(path, acknowledged, g):
    with read_trace(path) as trace:
        done = trace.complete
        count = trace.records("weights/W1") if trace.synapses else 0
        expected = acknowledged.get("weights", 0)
        assert count in (expected, expected + 1)
        assert not done or count == 70
        if count:
            order = np.arange(1, count + 1)[:, None, None]
            np.testing.assert_array_equal(trace.weights("W1").g_plus, order * g)
            np.testing.assert_array_equal(trace.weights("W1").g_minus, -order * g)
        rows = trace.metrics().get("step", np.empty(0))
        expected = acknowledged.get("metrics", 0)
        assert len(rows) in (expected, expected + 1)
        assert rows.tolist() == [23, 46, 69][: len(rows)]
