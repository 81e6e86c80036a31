"""Measured conductances become the state of the arrays, and come out of a trace unchanged."""

import h5py
import numpy as np
import pytest
from experiment.tiny import tiny

from neurosim.cli.run import summary
from neurosim.errors import ConfigError, TraceError
from neurosim.experiment import run
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams
from neurosim.traces import read_trace
from neurosim.traces.conductances import read_conductances, write_conductances

SHAPES = {"W1": (64, 6), "b1": (1, 6), "W2": (6, 10), "b2": (1, 10)}


def chip(seed=0):
    """Return measured planes within the devices' range, in whole nanosiemens."""
    rng = np.random.default_rng(seed)
    return {name: tuple(rng.integers(1000, 51001, (2, *shape)) * 1e-9) for name, shape in SHAPES.items()}


def loaded(path, dtype="float64", **crossbar):
    device = {"model": "ideal"}
    _, state = build_controller(
        tiny(crossbar={"maps": str(path), "read_noise": 0.0, **crossbar}, settle={"dtype": dtype}, device=device),
        Streams(0),
    )
    return state.pairs


def write_folder(path, planes):
    path.mkdir()
    for name, (plus, minus) in planes.items():
        lines = ["row,col,g_plus [uS],g_minus [nS]"]
        lines += [
            f"{i},{j},{round(plus[i, j] * 1e9) / 1e3},{round(minus[i, j] * 1e9)}" for i, j in np.ndindex(plus.shape)
        ]
        (path / f"{name}.csv").write_text("\n".join(lines))


def write_matrices(path, planes):
    path.mkdir()
    for name, pair in planes.items():
        for kind, plane in zip(("g_plus", "g_minus"), pair, strict=True):
            rows = [",".join(str(round(g * 1e9)) for g in row) for row in plane]
            (path / f"{name}_{kind}.csv").write_text("\n".join(["# nS", *rows]))


def write_plain(path, planes, units="S", factor=1.0):
    with h5py.File(path, "w") as file:
        for name, pair in planes.items():
            for kind, plane in zip(("g_plus", "g_minus"), pair, strict=True):
                file[f"{name}/{kind}"] = plane * factor
                file[f"{name}/{kind}"].attrs["units"] = units


FORMS = {
    "chip.csv": write_conductances,
    "tables": write_folder,
    "matrices": write_matrices,
    "chip.h5": write_plain,
    "micro.h5": lambda path, planes: write_plain(path, planes, "uS", 1e6),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_measured_conductances(form, tmp_path):
    planes = chip()
    FORMS[form](tmp_path / form, planes)
    for name, pair in loaded(tmp_path / form).items():
        exact = form in ("chip.csv", "chip.h5")
        for part, plane in zip((pair.g_plus, pair.g_minus), planes[name], strict=True):
            np.testing.assert_allclose(part, plane, rtol=0 if exact else 4e-16)
        assert pair.read_plus is pair.g_plus


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("mapping", "scheme"), [("balanced", "push_pull"), ("reference", "single")])
def test_a_run_goes_on_from_the_conductances_of_another_bit_by_bit(mapping, scheme, dtype, tmp_path):
    layout, settle = {"mapping": mapping, "scheme": scheme}, {"dtype": dtype}
    run(tiny(crossbar=layout, settle=settle), tmp_path / "first.h5")
    again = tiny(crossbar={**layout, "maps": str(tmp_path / "first.h5")}, settle=settle)
    run(again, tmp_path / "second.h5")
    with read_trace(tmp_path / "first.h5") as first, read_trace(tmp_path / "second.h5") as second:
        for name in first.synapses:
            for kind in ("g_plus", "g_minus"):
                last, begin = getattr(first.weights(name), kind)[-1], getattr(second.weights(name), kind)[0]
                assert begin.dtype == dtype
                assert begin.tobytes() == last.tobytes()
                assert np.any(getattr(second.weights(name), kind)[-1] != begin) or kind == "g_minus"


def test_no_epochs_measure_the_arrays_as_they_are(tmp_path):
    quiet = {"read_noise": 0.0}
    trained = run(tiny(crossbar=quiet), tmp_path / "trained.h5")
    maps = {**quiet, "maps": str(tmp_path / "trained.h5")}
    read = run(tiny(crossbar=maps, train={"epochs": 0, "schedule": "cosine"}), tmp_path / "read.h5")
    for name in ("test_accuracy", "test_loss", "alignment_total"):
        assert read[name] == trained[name]
    assert (read["steps"], read["pulses"], read["energy_training"]) == (0, 0, 0)
    assert np.isnan(read["train_loss"])
    assert f"settled {100 * read['test_settled_fraction']:.1f} %" in summary(read)
    with read_trace(tmp_path / "read.h5") as trace, read_trace(tmp_path / "trained.h5") as source:
        assert trace.metrics()["epoch"].tolist() == [0]
        assert trace.weights("W1").step.tolist() == [0]
        assert trace.weights("W1").g_plus[0].tobytes() == source.weights("W1").g_plus[-1].tobytes()


def test_devices_of_a_measured_array_age_from_then_on(tmp_path):
    write_conductances(tmp_path / "chip.csv", chip())
    pair = loaded(tmp_path / "chip.csv", drift={"nu": 0.05})["W1"]
    assert pair.past_plus.g is pair.g_plus
    assert not pair.past_plus.age.any()


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda s: s.replace("array,row", "array,line"), r"line 1: expected the columns array,row,col,g_plus,g_minus"),
        (lambda s: s.replace("g_plus,", "g_plus [V],"), r"line 1: column g_plus: unit 'V'; expected siemens"),
        (lambda s: "\n".join(s.splitlines()[:-1]), r"array b2: no line for row 0, col 9"),
        (lambda s: s + "b2,0,9,2e-5,2e-5\n", r"row 0, col 9 of b2 is given a second time"),
        (lambda s: s + "b2,1,0,2e-5,2e-5\n", r"row 1, col 0: array b2 is 1 x 10"),
        (lambda s: s + "b3,0,0,2e-5,2e-5\n", r"array: unknown 'b3'"),
        (lambda s: s.replace("W1,0,0,", "W1,0,0,-"), r"line 2: g_plus = '-[\d.e-]+' S: allowed \[0, inf\) S"),
        (lambda s: s.replace("W1,0,0,", "W1,0,0,nan,"), r"line 2: g_plus = 'nan' S: allowed"),
        (lambda s: s.replace("W1,0,0,", "W1,0,0,much,"), r"line 2: g_plus = 'much': expected a conductance"),
        (
            lambda s: s.replace("W1,0,0,", "W1,0,0,1e-4,"),
            r"array W1: g_plus\[0, 0\] = 100 uS: its device has \[1 uS, 51 uS\]",
        ),
    ],
)
def test_wrong_tables_are_refused_with_file_and_line(edit, text, tmp_path):
    path = tmp_path / "chip.csv"
    write_conductances(path, chip())
    path.write_text(edit(path.read_text()))
    with pytest.raises(ConfigError, match=rf"chip.csv: .*{text}"):
        loaded(path)


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no.csv: no such file"):
        loaded(tmp_path / "no.csv")
    planes = chip()
    write_plain(tmp_path / "a.h5", {**planes, "W1": tuple(g.T for g in planes["W1"])})
    with pytest.raises(ConfigError, match=r"a.h5: array W1 is \(6, 64\); expected \(64, 6\)"):
        loaded(tmp_path / "a.h5")
    write_plain(tmp_path / "b.h5", {name: planes[name] for name in ("W1", "b1", "W2")})
    with pytest.raises(ConfigError, match=r"b.h5: no data set b2/g_plus"):
        loaded(tmp_path / "b.h5")
    write_plain(tmp_path / "c.h5", planes, "kg")
    with pytest.raises(ConfigError, match=r"c.h5: W1/g_plus: unit 'kg'; expected siemens"):
        loaded(tmp_path / "c.h5")
    planes["W1"][0][3, 2] = np.nan
    write_plain(tmp_path / "d.h5", planes)
    with pytest.raises(ConfigError, match=r"d.h5: array W1: g_plus\[3, 2\] = nan S: allowed"):
        loaded(tmp_path / "d.h5")
    (tmp_path / "e.h5").write_text("no")
    with pytest.raises(TraceError, match=r"e.h5: not an HDF5 file"):
        loaded(tmp_path / "e.h5")
    write_matrices(tmp_path / "m", chip())
    (tmp_path / "m" / "b1_g_plus.csv").write_text("1,2,3")
    with pytest.raises(ConfigError, match=r"b1_g_plus.csv: 1 rows of \[3\] numbers; array b1 is 1 x 6"):
        loaded(tmp_path / "m")
    write_conductances(tmp_path / "chip.csv", chip())
    with pytest.raises(ConfigError, match=r"array W1: g_minus is one reference column; its columns must be equal"):
        loaded(tmp_path / "chip.csv", mapping="reference", scheme="single")


def test_numbers_survive_the_table_bit_by_bit(tmp_path):
    planes = {"W1": tuple(np.random.default_rng(1).random((2, 3, 4)) * 1e-4)}
    write_conductances(tmp_path / "t.csv", planes)
    back = read_conductances(tmp_path / "t.csv", {"W1": (3, 4)}, pairs=True)
    assert all(map(np.array_equal, back["W1"], planes["W1"]))
