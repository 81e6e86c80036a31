"""The circuits that come with the project: all hold in ngspice, and say what they show."""

import csv

import numpy as np
import pytest
from crosscheck.circuits import ROOT
from spice.engine_required import engine

from neurosim.config.circuit import load_circuit
from neurosim.crosscheck import check_circuit
from neurosim.traces.conductances import read_conductances

FILES = sorted((ROOT / "circuits").glob("*.toml"))
TOLERANCES = {"V": 1e-6, "A": 1e-9, "S": 1e-5, "1": 0.15, "J": 1e-4}
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_there_are_circuits():
    assert len(FILES) == 11


@by_name
def test_a_circuit_says_what_it_shows_and_has_a_picture_and_checked_answers(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 40
    assert load_circuit(path).title
    readme = (path.parent / "README.md").read_text()
    assert f"`{path.name}`" in readme
    assert f"({path.stem}.png)" in readme
    assert path.with_suffix(".png").stat().st_size > 10_000
    with path.with_suffix(".csv").open() as file:
        assert len(list(csv.DictReader(file))) >= 4


@by_name
def test_a_circuit_holds_in_ngspice(path):
    report = check_circuit(path, engine("ngspice"))
    assert [c.quantity for c in report.comparisons if not c.passed] == []
    waves = [c.quantity for c in report.comparisons if c.quantity.startswith("waveform")]
    ends = [c.quantity for c in report.comparisons if c.quantity.startswith("end of the waveform")]
    assert ends == [f"end of the {wave}: settled state" for wave in waves]  # long enough to have settled
    stored = [c for c in report.comparisons if c.quantity.startswith("stored answer")]
    assert len(stored) == len(report.settled)
    for c in report.comparisons:
        assert c.tolerance <= TOLERANCES[c.unit] or c in stored, c.quantity


def test_the_trained_network_solves_xor_and_is_what_was_exported():
    report = check_circuit(ROOT / "circuits" / "xor.toml", engine("ngspice"))
    shapes = {name: plus.shape for name, (plus, _) in report.conductances.items()}
    exported = read_conductances(ROOT / "circuits" / "xor_conductances.csv", shapes, pairs=True)
    for name, planes in report.conductances.items():
        np.testing.assert_allclose(exported[name], planes, rtol=1e-6)
    out = report.settled[0].spice[:, -1]
    assert (out > 0).tolist() == [False, True, True, False]
    assert min(abs(out)) > 0.1  # volts; the targets are 0.17 V of membrane
