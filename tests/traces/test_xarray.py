import numpy as np
import pytest
import xarray

from neurosim.traces import TraceWriter


@pytest.fixture
def path(tmp_path):
    g = np.full((4, 3), 2e-6, np.float32)
    with TraceWriter.create(tmp_path / "a.h5", config_text="title = 'x'", seed=1) as writer:
        for step in (0, 5):
            writer.weights("W1", step, g * (step + 1), g)
            writer.weights("b1", step, g, g[:, :1])
            writer.metrics(step, {"epoch": step // 5, "test_accuracy": 0.5})
        writer.pulses("W1", 1, np.ones((4, 3), np.int8))
        for k in range(6):
            writer.settling_record(k * 1e-7, {"h1": (g[:2] + 1j, g[:2]), "out": (g[:2], g[:2])}, 0.1j)
        writer.run("test_accuracy", 0.5)
    return tmp_path / "a.h5"


def test_xarray_opens_the_tree_with_coordinates_units_and_no_warning(path):
    # The test run turns every warning into an error, those about unnamed dimensions included.
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        weights = tree["weights/W1"]
        assert weights["g_plus"].dims == ("step", "row", "col")
        assert weights["step"].values.tolist() == [0, 5]
        assert weights["g_plus"].attrs["units"] == "S"
        assert float(weights["g_plus"].sel(step=5, row=3, col=2)) == pytest.approx(1.2e-5)
        assert tree["weights/b1"]["g_minus"].dims == ("step", "row", "col_g_minus")
        assert tree["pulses/W1/count"].dtype == np.int32
        assert tree["states/h1"]["u_im"].sel(time=2e-7, method="nearest").values.tolist() == [[1.0] * 3] * 2
        assert tree["states/h1/time"].attrs["units"] == "s"
        assert tree["states/h1/time"].dtype == np.float64  # not decoded as a date
        assert tree["teaching"]["beta_im"].values.tolist() == [0.1] * 6
        assert tree["metrics"].to_dataset().to_dataframe().loc[5, "epoch"] == 1
        assert float(tree["run/test_accuracy"]) == 0.5
        assert tree.attrs["complete"] == 1
        assert not any("phony" in str(dim) for node in tree.subtree for dim in node.dims)


def test_xarray_opens_a_group_on_its_own(path):
    with xarray.open_dataset(path, engine="h5netcdf", group="states/out") as states:
        assert states["u"].dims == ("time", "batch", "neuron")
        assert states.sizes == {"time": 6, "batch": 2, "neuron": 3}
