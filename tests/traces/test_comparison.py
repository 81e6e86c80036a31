"""The file of a comparison opens in xarray as it is, with units, names and axes."""

import numpy as np
import pytest

from neurosim.errors import TraceError
from neurosim.traces.comparison import ComparisonWriter, read_comparison

TIMES = np.array([0.0, 1e-7, 3e-7])
WAVE = np.arange(6.0).reshape(3, 2)
RESPONSE = np.array([1 + 2j, 3 - 4j])


def written(path):
    with ComparisonWriter.create(path, circuit="title = 'x'", seed=3, engine="ngspice 39") as file:
        file.passed(True)
        file.compare("free state", WAVE, WAVE + 1, "V", labels=("a", "b"), attributes={"tolerance": 1e-6, "passed": 1})
        file.compare("waveform", WAVE, WAVE, "V", labels=("a", "b"), times=TIMES)
        file.compare("response", RESPONSE, RESPONSE, "1")
        rows = [{"method": "RBP", "source": "ours", "beta": None}, {"method": "EP", "source": "ngspice", "beta": 0.1}]
        file.gradients(rows, [{"W1": np.ones((2, 3))}, {"W1": np.zeros((2, 3))}])
    return path


def test_what_is_written_is_read_back(tmp_path):
    found = read_comparison(written(tmp_path / "c.h5"))
    assert list(found) == ["free state", "waveform", "response"]
    np.testing.assert_array_equal(found["free state"][1], WAVE + 1)
    np.testing.assert_array_equal(found["response"][0], RESPONSE)
    assert [path.name for path in tmp_path.iterdir()] == ["c.h5"]


def test_xarray_opens_it_with_units_and_axes(tmp_path):
    xarray = pytest.importorskip("xarray")
    with xarray.open_datatree(written(tmp_path / "c.h5"), engine="h5netcdf") as tree:
        assert tree.attrs["engine"] == "ngspice 39"
        assert tree.attrs["passed"] == 1
        assert tree.attrs["config"] == "title = 'x'"
        state = tree["comparisons/00"]
        assert state.attrs["quantity"] == "free state"
        assert state["ours"].dims == ("sample", "entry")
        assert state["ours"].attrs["units"] == "V"
        assert state["label"].values.tolist() == ["a", "b"]
        wave = tree["comparisons/01"]
        assert wave["spice"].dims == ("time", "entry")
        np.testing.assert_array_equal(wave["time"], TIMES)
        assert wave["time"].attrs["units"] == "s"
        assert {"ours_re", "ours_im"} <= set(tree["comparisons/02"].data_vars)
        assert tree["gradients/W1"]["gradient"].dims == ("way", "row", "col")
        assert tree["gradients"]["method"].values.tolist() == ["RBP", "EP"]
        assert np.isnan(tree["gradients"]["beta"].values[0])


def test_an_unfinished_or_other_file_is_refused(tmp_path):
    with pytest.raises(RuntimeError), ComparisonWriter.create(tmp_path / "c.h5", circuit="", seed=0, engine=""):
        raise RuntimeError
    assert not (tmp_path / "c.h5").exists()
    (tmp_path / "x.h5").write_text("no HDF5")
    with pytest.raises(TraceError, match="cannot be read"):
        read_comparison(tmp_path / "x.h5")


def test_a_full_folder_is_an_error_that_says_so(tmp_path):
    with (
        pytest.raises(TraceError, match="cannot write the comparison"),
        ComparisonWriter.create(tmp_path / "no" / "c.h5", circuit="", seed=0, engine=""),
    ):
        pass
