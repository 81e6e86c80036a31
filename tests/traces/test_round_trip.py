import json
from datetime import UTC, datetime
from types import SimpleNamespace

import h5py
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.traces import TraceWriter, read_trace, schema

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SIZES = st.integers(1, 9)


def datasets(path):
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        return {
            name: (
                item[()],
                dict(item.attrs),
                [[s.name.rpartition("/")[2] for s in d.values()] for d in item.dims],
            )
            for name, item in found.items()
        }


def write_all(path, seed=0, shape=(5, 3), dtype=np.float32, records=3, batch=2, kind=float):
    rng = np.random.default_rng(seed)
    written = {"weights": [], "pulses": [], "metrics": [], "states": []}
    with TraceWriter.create(path, config_text='title = "é"', seed=7, attributes={"backend": "numpy"}) as writer:
        for step in range(1, records + 1):
            g = 1e-6 * (1 + rng.random((2, *shape))).astype(dtype)
            count = rng.integers(-9, 9, shape)
            row = {"epoch": step, "test_loss": rng.random(), "alignment_W1": rng.random()}
            u, a = rng.standard_normal((2, batch, shape[1])).astype(dtype)
            if kind is complex:
                u, a = u + 1j * a, a - 1j * u
            writer.weights("W1", 10 * step, *g)
            writer.weights("readout", 10 * step, g[0], g[1][:, :1])
            writer.pulses("W1", step, count)
            writer.metrics(10 * step, row)
            writer.settling_record(step * 1e-7, {"h1": (u, a), "out": (u[:, :1], a[:, :1])}, 0.1 * step + 1j)
            for name, value in zip(written, (g, count, row, (u, a)), strict=True):
                written[name].append(value)
        writer.run("test_accuracy", 0.97)
        writer.run("pulses", 12)
        writer.run("energy", 1.5e-9, units="J", long_name="energy of all programming pulses")
    return written


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(SIZES, SIZES),
    records=st.integers(1, 5),
    batch=SIZES,
    dtype=st.sampled_from([np.float32, np.float64]),
    kind=st.sampled_from([float, complex]),
)
def test_everything_written_is_read_back_exactly(tmp_path, shape, records, batch, dtype, kind):
    path = tmp_path / "a.h5"
    written = write_all(path, shape=shape, records=records, batch=batch, dtype=dtype, kind=kind)
    with read_trace(path, finished=True) as trace:
        assert (trace.status, trace.complete, trace.reason, trace.seed) == ("done", True, "", 7)
        assert (trace.config, trace.attributes["backend"]) == ('title = "é"', "numpy")
        assert (trace.synapses, trace.pulsed, trace.layers) == (("W1", "readout"), ("W1",), ("h1", "out"))
        weights = trace.weights("W1")
        assert weights.step.tolist() == [10 * k for k in range(1, records + 1)]
        assert weights.g_plus.dtype == dtype
        np.testing.assert_array_equal(weights.g_plus, [g[0] for g in written["weights"]])
        np.testing.assert_array_equal(weights.g_minus, [g[1] for g in written["weights"]])
        np.testing.assert_array_equal(trace.weights("readout").g_minus, [g[1][:, :1] for g in written["weights"]])
        np.testing.assert_array_equal(trace.pulses("W1").count, written["pulses"])
        metrics = trace.metrics()
        assert metrics.keys() == {"step", *written["metrics"][0]}
        assert [dict(zip(metrics, row, strict=True)) for row in zip(*metrics.values(), strict=True)] == [
            {"step": 10 * (k + 1), **row} for k, row in enumerate(written["metrics"])
        ]
        states = trace.states("h1")
        assert states.u.dtype == (dtype if kind is float else np.result_type(dtype, np.complex64))
        np.testing.assert_array_equal(states.u, [u for u, _ in written["states"]])
        np.testing.assert_array_equal(states.a, [a for _, a in written["states"]])
        np.testing.assert_array_equal(trace.teaching().beta, [0.1 * k + 1j for k in range(1, records + 1)])
        np.testing.assert_array_equal(trace.teaching().time, [k * 1e-7 for k in range(1, records + 1)])
        assert trace.run() == {"test_accuracy": 0.97, "pulses": 12, "energy": 1.5e-9}
        assert (trace.units("weights/W1/g_plus"), trace.units("run/energy")) == ("S", "J")


def test_every_dataset_has_unit_long_name_named_axes_and_a_portable_type(tmp_path):
    write_all(tmp_path / "a.h5", kind=complex)
    write_all(tmp_path / "b.h5", kind=float)
    everything = {**datasets(tmp_path / "a.h5"), **datasets(tmp_path / "b.h5")}
    assert len(everything) > 30
    for name, (values, attributes, dims) in everything.items():
        assert attributes["units"] in ("1", "S", "V", "s", "J"), name
        assert len(attributes["long_name"]) > 3, name
        if name != "config":
            assert np.asarray(values).dtype.name in ("float32", "float64", "int32", "int64"), name
        if name not in ("config", "run/energy"):
            row = schema.field(name)
            assert (attributes["units"], attributes["long_name"]) == (row.units, row.long_name)
            # An axis is its own scale; every other dataset hangs on one scale per axis.
            own_axis = row.dims == (name.rpartition("/")[2],)
            expected = [[]] if own_axis else [[dim] for dim in row.dims]
            if name == "weights/readout/g_minus":
                expected[2] = ["col_g_minus"]
            assert dims == expected, name


def test_large_arrays_are_tiled_and_compressed(tmp_path):
    g = np.zeros((300, 20), np.float32)
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        writer.weights("W1", 0, g, g)
    with h5py.File(tmp_path / "a.h5") as file:
        dataset = file["weights/W1/g_plus"]
        assert dataset.chunks == (1, 256, 20)
        assert (dataset.compression, dataset.compression_opts, dataset.shuffle) == ("gzip", 4, True)
        assert dataset.fletcher32
        assert file["weights/W1/step"].fletcher32
        assert dataset.id.get_storage_size() < g.nbytes / 10


def test_bulk_settling_may_be_appended_and_picked_from(tmp_path):
    u = np.arange(2 * 50 * 3 * 4, dtype=np.float64).reshape(2, 50, 3, 4)
    time = np.arange(51) * 1e-7
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        writer.settling("h1", time[:50], u[0], -u[0])
        writer.settling("h1", time[49] + time[:50], u[1], -u[1])  # a nudged phase starts where the free one ended
        writer.teaching(time[:2], [0.0, 0.5])
    with read_trace(tmp_path / "a.h5") as trace:
        assert trace.records("states/h1") == 100
        np.testing.assert_array_equal(trace.states("h1").u, u.reshape(100, 3, 4))
        picked = trace.states("h1", slice(-30, None, 10))
        np.testing.assert_array_equal(picked.a, -u.reshape(100, 3, 4)[[70, 80, 90]])
        assert trace.states("h1", slice(5, 2)).u.shape == (0, 3, 4)
        assert trace.teaching().beta.tolist() == [0.0, 0.5]


def test_long_settling_is_written_in_blocks_and_read_whole(tmp_path):
    with TraceWriter.create(tmp_path / "a.h5", config_text="", seed=0) as writer:
        for k in range(700):
            writer.settling_record(k * 1e-7, {"h1": (np.full((2, 3), k, np.float32),) * 2}, k)
        with h5py.File(writer.part, locking=False) as file:
            assert file["states/h1/u"].shape[0] == 512  # two blocks of 256 instants, the rest still gathered
        writer.flush()
        with h5py.File(writer.part, locking=False) as file:
            assert file["states/h1/u"].shape[0] == 700
    with read_trace(tmp_path / "a.h5") as trace:
        assert trace.states("h1").u[:, 1, 2].tolist() == list(range(700))
        assert trace.teaching().beta.tolist() == list(range(700))


def test_same_content_at_the_same_time_gives_identical_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("neurosim.traces.header.datetime", SimpleNamespace(now=lambda zone: NOON.astimezone(zone)))
    for name in ("a.h5", "b.h5", "c.h5"):
        write_all(tmp_path / name, seed=4 if name == "c.h5" else 3)
    first, second, other = ((tmp_path / name).read_bytes() for name in ("a.h5", "b.h5", "c.h5"))
    assert first == second
    assert first != other
    with read_trace(tmp_path / "a.h5") as trace:
        assert trace.attributes["created_utc"] == "2026-01-02T12:00:00+00:00"


def test_a_long_configuration_is_kept_whole(tmp_path):
    text = json.dumps(list(range(40_000)))
    assert len(text) > 200_000
    with TraceWriter.create(tmp_path / "a.h5", config_text=text, seed=0):
        pass
    with read_trace(tmp_path / "a.h5") as trace:
        assert trace.config == text
        assert trace.attributes["config"] == "see the dataset /config"
        assert trace.metrics() == trace.run() == {}
