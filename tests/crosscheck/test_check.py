"""A comparison holds for the circuit as it is, and finds what is planted in it."""

import numpy as np
import pytest
from command import neurosim
from crosscheck.circuits import ARRAY, DIODES, HOPFIELD, Planted, exchanged, value_changed, without
from spice.engine_required import engine

import neurosim.spice.engines as engines
from neurosim.crosscheck import check_circuit, write
from neurosim.crosscheck.deviation import Comparison
from neurosim.errors import ShapeError
from neurosim.traces import read_trace
from neurosim.traces.comparison import read_comparison

TEXTS = {"network": HOPFIELD, "resistive": DIODES, "array": ARRAY}

PLANTED = {
    "a conductance of a rate network off by 1 %": ("network", value_changed("r_W2_g_plus_1_0", 1.01)),
    "one of the backward read": ("network", value_changed("r_W2_back_g_minus_0_1", 1.01)),
    "a swapped row": ("network", exchanged("input_a_0", "input_a_1")),
    "a dropped G- branch": ("network", without("r_W1_g_minus_0_2")),
    "all G- mirrors dropped": ("network", without("f_W1_g_minus")),
    "a conductance of a passive network off by 1 %": ("resistive", value_changed("r_W1_g_plus_1_0", 1.01)),
    "a diode dropped": ("resistive", without("d_h1_0_0")),
    "a passive G- branch dropped": ("resistive", without("r_W2_g_minus_1_0")),
    "a device of a wired array off by 1 %": ("array", value_changed("r_g_3_2", 1.01)),
    "a swapped row of a wired array": ("array", exchanged("row_1", "row_4")),
    "a segment of a line": ("array", value_changed("r_g_row_2_1", 1.5)),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("simulator", ["ngspice", "pyspice", "neospice"])
def test_every_kind_of_circuit_holds_in_every_engine(kind, simulator, folder):
    report = check_circuit(folder / f"{kind}.toml", engine(simulator))
    assert [c.quantity for c in report.comparisons if not c.passed] == []
    assert report.engine.startswith(simulator)
    assert max(c.deviation for c in report.comparisons) <= 1e-9


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_error_is_found_and_ends_with_code_1(what, folder, monkeypatch):
    kind, change = PLANTED[what]
    planted = Planted(engine("ngspice"), change)
    monkeypatch.setitem(engines.ENGINES, "ngspice", planted)
    run = neurosim("spice", f"{kind}.toml")
    assert run.code == 1
    assert "FAIL" in run.out
    assert "deviates by" in run.err


def test_a_wrong_time_constant_is_found_by_the_waveform_and_its_energy_alone(folder):
    (folder / "network.toml").write_text(HOPFIELD + "free_time = 5.0\n")
    planted = Planted(engine("ngspice"), value_changed("c_h1_1", 1.01))
    wrong = [c.quantity for c in check_circuit(folder / "network.toml", planted).comparisons if not c.passed]
    energy = "energy of the sources in the waveform of sample 0"
    assert wrong == ["waveform of sample 0, free", energy, "waveform of sample 1, free"]  # no end: 5 tau do not settle


def test_what_is_written(folder):
    run = neurosim("spice", "network.toml", "--out", "out")
    assert (run.code, run.err) == (0, "")
    assert "network.toml: neurosim against ngspice" in run.out
    assert run.out.count(" pass") == 3
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {
        "circuit.cir",
        "compare.h5",
        "answers.csv",
        "conductances.csv",
        "schematic.png",
        "deviations.png",
    }
    stored = read_comparison(folder / "out" / "compare.h5")
    ours, theirs = stored["free state"]
    assert ours.shape == (2, 5)
    assert 0 < abs(ours - theirs).max() < 1e-9 or np.array_equal(ours, theirs)


def test_the_written_netlist_runs_alone_and_says_the_same(folder):
    report = check_circuit(folder / "network.toml", engine("ngspice"))
    write(report, folder / "out")
    plot = engine("ngspice").run((folder / "out" / "circuit.cir").read_text())[-1]
    free = report.comparisons[0]
    found = [plot.voltage(name)[0] for name in free.labels]
    np.testing.assert_allclose(found, free.ours[0], atol=1e-12)


def test_checked_answers_are_compared_and_a_changed_one_is_found(folder):
    report = check_circuit(folder / "network.toml", engine("ngspice"))
    write(report, folder / "out")
    answers = (folder / "out" / "answers.csv").read_text()
    (folder / "network.csv").write_text(answers)
    again = check_circuit(folder / "network.toml", engine("ngspice"))
    assert again.passed
    assert len(again.comparisons) == len(report.comparisons) + 3
    lines = answers.splitlines()
    words = lines[4].split(",")
    lines[4] = ",".join([*words[:2], str(1.001 * float(words[2])), words[3]])
    (folder / "network.csv").write_text("\n".join(lines) + "\n")
    run = neurosim("spice", "network.toml")
    assert run.code == 1
    assert "stored answer" in run.err


def test_conductances_written_by_one_run_are_the_circuit_of_the_next(folder):
    first = check_circuit(folder / "network.toml", engine("ngspice"))
    write(first, folder / "out")
    (folder / "chip.toml").write_text(
        'conductances = "out/conductances.csv"\n' + HOPFIELD.replace("seed = 4", "seed = 9")
    )
    again = check_circuit(folder / "chip.toml", engine("ngspice"))
    for name, (plus, minus) in first.conductances.items():
        assert np.array_equal(again.conductances[name][0], plus)
        assert np.array_equal(again.conductances[name][1], minus)
    np.testing.assert_allclose(again.comparisons[0].ours, first.comparisons[0].ours, atol=1e-12)


def test_a_trained_run_is_taken_to_spice_from_its_trace(folder):
    experiment = """
[data]
name = "iris"
[network]
layers = [4, 3, 3]
[settle]
on_unsettled = "accept"
[train]
epochs = 1
"""
    (folder / "train.toml").write_text(experiment)
    assert neurosim("run", "train.toml", "--out", "run.h5").code == 0
    circuit = """
conductances = "run.h5"
title = "trained on iris"
[network]
layers = [4, 3, 3]
[drive]
data = "iris"
[check]
gradients = false
"""
    (folder / "trained.toml").write_text(circuit)
    report = check_circuit(folder / "trained.toml", engine("ngspice"))
    assert report.passed
    with read_trace(folder / "run.h5") as trace:
        np.testing.assert_array_equal(report.conductances["W2"][0], trace.weights("W2").g_plus[-1])
    (folder / "trained.toml").write_text(circuit.replace("[4, 3, 3]", "[4, 5, 3]"))
    run = neurosim("spice", "trained.toml")
    assert run.code == 2
    assert "run.h5: array W1 is (4, 3); expected (4, 5)" in run.err


def test_a_comparison_fails_on_nan_and_knows_its_worst_entry():
    ours, theirs = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.5], [3.0, 4.0]])
    c = Comparison("q", ours, theirs, "V", 0.4, labels=("a", "b"))
    assert (c.worst, c.where, c.deviation, c.relative_deviation, c.passed) == ((0, 1), "b", 0.5, 0.125, False)
    assert Comparison("q", ours, theirs, "V", 0.2, relative=True).passed
    theirs = theirs.copy()
    theirs[1, 0] = np.nan
    bad = Comparison("q", ours, theirs, "V", 1e9)
    assert (bad.worst, bad.passed) == ((1, 0), False)
    with pytest.raises(ShapeError):
        Comparison("q", ours, theirs[:1], "V", 1.0)
