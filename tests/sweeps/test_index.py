"""The tables of a sweep."""

from __future__ import annotations

import csv
import math

import h5py
import pytest
from sweeps.experiments import experiment

from neurosim.errors import TraceError
from neurosim.sweeps.directory import replacing
from neurosim.sweeps.index import read_timings, summary, write_index
from neurosim.sweeps.plan import plan
from neurosim.sweeps.rows import Row, Timing


@pytest.fixture
def rows():
    """Return a finished, a failed and a missing run."""
    one, two, three = plan(experiment({"device.g_max": ["20 uS", "50 uS", "60 uS"]}))
    return [
        Row(one, "done", scalars={"test_accuracy": 1 / 3, "steps": 7}, timing=Timing(1.5, 1e9, "host:1")),
        Row(two, "failed", 'say "no", twice\n', traceback="Traceback\n  line"),
        Row(three, "missing"),
    ]


def test_summary_reads_back_exactly(rows):
    first, second, third = csv.DictReader(summary(rows).splitlines(keepends=True))
    assert float(first["test_accuracy"]) == 1 / 3
    assert (first["steps"], first["device.g_max"], first["status"]) == ("7", "20 uS", "done")
    assert (second["reason"], second["test_accuracy"], third["status"]) == ('say "no", twice\n', "", "missing")


def test_summary_tells_nothing_of_when_and_where(rows):
    assert "host" not in summary(rows)
    assert "1.5" not in summary(rows)


def test_index_is_tidy(tmp_path, rows):
    write_index(tmp_path / "index.h5", rows, "a title")
    with h5py.File(tmp_path / "index.h5") as file:
        assert dict(file.attrs) == {"schema": "neurosim-sweep", "schema_version": 1, "title": "a title"}
        assert list(file["run"].asstr()) == [row.spec.id for row in rows]
        assert list(file["axes/device.g_max/text"].asstr()) == ["20 uS", "50 uS", "60 uS"]
        assert list(file["axes/device.g_max/value"]) == pytest.approx([2e-5, 5e-5, 6e-5])
        assert file["axes/device.g_max/value"].attrs["units"] == "S"
        assert list(file["traceback"].asstr()) == ["", "Traceback\n  line", ""]
        assert file["wall"][0] == 1.5
        assert math.isnan(file["results/test_accuracy"][1])
        found = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in found:
            assert {"units", "long_name"} <= set(file[name].attrs)
            assert name == "run" or file[name].dims[0][0] == file["run"]


def test_index_opens_as_a_tree_of_xarray(tmp_path, rows):
    xarray = pytest.importorskip("xarray", reason="needs the extra 'analysis'")
    pytest.importorskip("h5netcdf", reason="needs the extra 'analysis'")
    write_index(tmp_path / "index.h5", rows)
    with xarray.open_datatree(tmp_path / "index.h5", engine="h5netcdf") as tree:
        accuracy = tree["results/test_accuracy"]
        assert accuracy.dims == ("run",)
        assert float(accuracy.sel(run=rows[0].spec.id)) == 1 / 3


def test_timings_come_back_from_the_index(tmp_path, rows):
    write_index(tmp_path / "index.h5", rows)
    assert read_timings(tmp_path / "index.h5")[rows[0].spec.id] == rows[0].timing
    assert read_timings(tmp_path / "none.h5") == {}
    (tmp_path / "index.h5").write_bytes(b"torn")
    assert read_timings(tmp_path / "index.h5") == {}


def test_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text("old")

    def torn():
        with replacing(path) as part:
            part.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(TraceError, match=r"summary.csv: cannot write it: No space left on device"):
        torn()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("summary.csv", "old")]
