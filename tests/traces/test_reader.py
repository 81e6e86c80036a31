import h5py
import numpy as np
import pytest

from neurosim.errors import TraceError
from neurosim.traces import TraceWriter, read_trace

G = np.random.default_rng(0).random((40, 30))


@pytest.fixture
def path(tmp_path):
    with TraceWriter.create(tmp_path / "a.h5", config_text="title = 'x'", seed=0) as writer:
        for step in range(3):
            writer.weights("W1", step, G, G + step)
            writer.metrics(step, {"epoch": step, "test_loss": 0.5})
    return tmp_path / "a.h5"


def change(path, edit):
    with h5py.File(path, "r+") as file:
        edit(file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "no such file; check the path"),
        (lambda p: p.rename(p.with_name("a.h5.part")), r"no such file; an unfinished run is at .*a\.h5\.part"),
        (lambda p: (p.unlink(), p.mkdir()), "is a folder, not a trace"),
        (lambda p: p.write_bytes(b""), "not an HDF5 file; expected a trace written by neurosim"),
        (lambda p: p.write_text("step,loss\n"), "not an HDF5 file"),
        (lambda p: p.write_bytes(p.read_bytes()[:3000]), "truncated or damaged: truncated file: eof = 3000"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "truncated or damaged: truncated file"),
        (lambda p: change(p, lambda f: f.attrs.update({"schema": "other"})), "schema 'other' version 1; expected"),
        (lambda p: change(p, lambda f: f.attrs.pop("schema")), "schema None version 1; expected 'neurosim-trace'"),
        (lambda p: change(p, lambda f: f.attrs.update({"schema_version": "1"})), "version '1'; expected"),
        (lambda p: change(p, lambda f: f.attrs.update({"schema_version": 2})), "version 2 is newer than this neurosim"),
        (lambda p: change(p, lambda f: f.pop("metrics")), "/metrics is missing: the file is damaged"),
        (lambda p: change(p, lambda f: f.pop("config")), "/config is missing"),
        (lambda p: change(p, lambda f: f.attrs.update({"complete": 0})), "the run is unfinished; a finished one"),
    ],
)  # fmt: skip
def test_what_is_not_a_finished_trace_is_refused(path, damage, message):
    damage(path)
    with pytest.raises(TraceError, match=message) as caught:
        read_trace(path, finished=True)
    assert str(caught.value).startswith(str(path))


def test_a_file_of_another_hdf5_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(TraceError, match="schema None version None; expected 'neurosim-trace' version 1"):
        read_trace(tmp_path / "b.h5")


def test_flipped_bytes_in_a_record_are_found_by_its_checksum(path):
    with h5py.File(path) as file:
        dataset = file["weights/W1/g_minus"].id
        info = dataset.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    for place in range(info.byte_offset + 20, info.byte_offset + 24):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with read_trace(path, finished=True) as trace:
        with pytest.raises(TraceError, match=r"a\.h5: /weights/W1/g_minus cannot be read: .*damaged: copy it again"):
            trace.weights("W1")
        np.testing.assert_array_equal(trace.weights("W1", slice(0, 1)).g_minus, [G])  # the others are whole
        np.testing.assert_array_equal(trace.weights("W1", slice(-1, None)).g_minus, [G + 2])
        assert trace.metrics()["epoch"].tolist() == [0, 1, 2]


def test_flipped_bytes_in_scalars_are_found_too(path):
    with h5py.File(path) as file:
        place = file["metrics/test_loss"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with (
        read_trace(path) as trace,
        pytest.raises(TraceError, match="/metrics/test_loss cannot be read: filter returned failure during read"),
    ):
        trace.metrics()


def test_records_behind_the_counter_are_not_read(path):
    change(path, lambda f: f["weights/W1"].attrs.modify("n_valid", np.int64(2)))
    with read_trace(path) as trace:
        assert trace.weights("W1").step.tolist() == [0, 1]
        assert trace.weights("W1", slice(-1, None)).step.tolist() == [1]
    change(path, lambda f: f["weights/W1"].attrs.modify("n_valid", np.int64(4)))
    with read_trace(path) as trace, pytest.raises(TraceError, match="3 records where 4 are counted"):
        trace.weights("W1")


def test_missing_parts_are_named(path):
    change(path, lambda f: f["weights/W1"].pop("g_plus"))
    with read_trace(path) as trace:
        with pytest.raises(TraceError, match="/weights/W1/g_plus cannot be read"):
            trace.weights("W1")
        with pytest.raises(TraceError, match=r"/weights has no 'W11' \(did you mean 'W1'\?\); recorded: W1"):
            trace.weights("W11")
        with pytest.raises(TraceError, match="/pulses has no 'W1'; none was recorded in this run"):
            trace.pulses("W1")
        with pytest.raises(TraceError, match="/states has no 'h1'"):
            trace.states("h1")
        with pytest.raises(TraceError, match="no settling was recorded"):
            trace.teaching()
        with pytest.raises(TraceError, match="with a step of at least 1"):
            trace.weights("W1", slice(None, None, -1))
    with pytest.raises(TraceError, match="the trace is closed; open it again"):
        trace.metrics()


def test_reading_changes_nothing(path):
    before = path.read_bytes()
    with read_trace(path) as trace:
        trace.weights("W1")
        trace.metrics()
        with pytest.raises(ValueError, match="no write intent"):
            trace._file.create_group("x")
    assert path.read_bytes() == before
