"""Netlists: exact numbers, and a refusal of everything that SPICE would silently get wrong."""

import numpy as np
import pytest
from spice.engine_required import engine

from neurosim.crossbar.wires import Wires
from neurosim.errors import RangeError, ShapeError, SpiceError
from neurosim.spice.analyses import OperatingPoint, SmallSignal, Transient
from neurosim.spice.array import Conductances, crosspoints, read
from neurosim.spice.elements import (
    behavioural_current,
    behavioural_voltage,
    capacitor,
    conductance,
    current,
    resistor,
    scaled_current,
    virtual_ground,
    voltage,
)
from neurosim.spice.netlist import Circuit, Section
from neurosim.spice.teaching import BetaSource

POINT = OperatingPoint()
SUPPLY = voltage("in", "a", "0", 1.0)


def circuit(*elements):
    return Circuit("a test", (Section("all of it", elements),))


def divider(*more):
    return circuit(SUPPLY, resistor("1", "a", "b", 3e3), resistor("2", "b", "0", 1e3), *more)


def test_text_has_a_title_comments_exact_numbers_and_ends():
    third = 1e3 / 3
    text = circuit(SUPPLY, resistor("1", "a", "0", third)).text(OperatingPoint({"a": 0.1}), ["v(a)"])
    lines = text.splitlines()
    assert lines[0] == "* a test"
    assert "* all of it" in lines
    assert float(next(line for line in lines if line.startswith("r_1")).split()[-1]) == third
    assert ".nodeset v(a)=0.10000000000000001" in lines
    assert lines[-2:] == [".op", ".end"]
    assert text.endswith("\n")


def test_the_file_runs_alone():
    plot = engine("ngspice").run(divider().text(POINT, ["v(b)"]))[-1]
    assert plot.voltage("b")[0] == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("ohms", [0.0, -1.0, float("nan"), float("inf")])
def test_resistance_outside_its_range_is_refused(ohms):
    with pytest.raises(RangeError, match=r"element r_1: .* ohm: allowed \(0, inf\) ohm"):
        resistor("1", "a", "0", ohms)


@pytest.mark.parametrize(
    "make",
    [
        lambda v: conductance("1", "a", "0", -abs(v)),
        lambda v: capacitor("1", "a", "0", -abs(v)),
        lambda v: capacitor("1", "a", "0", 1e-12, start=v),
        lambda v: voltage("1", "a", "0", v),
        lambda v: current("1", "a", "0", v),
        lambda v: scaled_current("1", "a", "0", SUPPLY, v),
    ],
)
def test_values_that_are_not_finite_are_refused(make):
    with pytest.raises(RangeError, match=r"element ._1"):
        make(float("inf"))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (divider(capacitor("1", "b", "x", 1e-9)), r"1 node\(s\) have no path to ground .*\(x\)"),
        (divider(current("1", "0", "x", 1e-6)), r"no path to ground .*\(x\).*add a leak"),
        (divider(behavioural_current("1", "x", "0", "v(a)")), r"no path to ground"),
        (divider(resistor("3", "x", "y", 1.0)), r"2 node\(s\) have no path to ground"),
        (divider(voltage("2", "a", "0", 1.0)), "element v_2: closes a loop of voltage sources between a and 0"),
        (divider(behavioural_voltage("1", "a", "0", "2*v(b)")), "element b_1: closes a loop of voltage sources"),
        (divider(voltage("2", "a", "a", 1.0)), "element v_2: closes a loop"),
        (divider(behavioural_current("1", "b", "0", "v(c)")), "element b_1: reads 'c', which is not in the circuit"),
        (divider(scaled_current("1", "0", "b", virtual_ground("x", "y"), 1.0)), "element f_1: reads 'v_x'"),
        (divider(resistor("2", "b", "0", 1.0)), "element name 'r_2': 'r_2' is there already"),
        (divider(resistor("x", "B", "0", 1.0)), r"node name 'B': 'b' is there already \(SPICE ignores case\)"),
        (divider(resistor("x y", "b", "0", 1.0)), "element name 'r_x y': only letters, digits and _"),
        (divider(resistor("x", "b=1", "0", 1.0)), "node name 'b=1': only letters, digits and _"),
    ],
)
def test_what_spice_would_get_wrong_in_silence_is_refused(broken, message):
    with pytest.raises(SpiceError, match=message):
        broken.text(POINT, ["v(a)"])


@pytest.mark.parametrize("vector", ["v(q)", "b", "i(r_1)x", "p(a)"])
def test_a_saved_vector_that_does_not_exist_is_refused(vector):
    with pytest.raises(SpiceError, match=r"saved vector .*: not in the circuit"):
        divider().text(POINT, [vector])


def test_nothing_to_save_is_refused():
    with pytest.raises(SpiceError, match="nothing to save"):
        divider().text(POINT, [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Transient(0.0, 1e-6),
        lambda: Transient(1e-3, float("nan")),
        lambda: SmallSignal(0.0),
        lambda: SmallSignal(float("inf")),
        lambda: BetaSource(float("nan")),
        lambda: BetaSource(0.1, -1.0),
    ],
)
def test_analyses_and_sources_outside_their_range_are_refused(make):
    with pytest.raises(RangeError):
        make()


def test_open_devices_have_no_line():
    g = np.array([[1e-5, 0.0], [2e-5, 3e-5]])
    names = [element.name for element in crosspoints("x", g, ["a", "b"], ["c", "d"])]
    assert names == ["r_x_0_0", "r_x_1_0", "r_x_1_1"]


def test_lines_join_their_nodes_without_resistance_and_have_one_segment_per_crosspoint_with_it():
    g = np.full((2, 3), 1e-5)
    ends = ["a", "b"], ["c", "d", "e"]
    assert len(list(crosspoints("x", g, *ends))) == 6
    assert len(list(crosspoints("x", g, *ends, Wires(r_row=1.0)))) == 6 + 6
    assert len(list(crosspoints("x", g, *ends, Wires(r_row=1.0, r_col=1.0)))) == 6 + 12
    assert len(list(crosspoints("x", g, *ends, Wires(r_source=1.0, r_sense=1.0)))) == 6 + 2 + 3


def test_wrong_shapes_are_refused():
    with pytest.raises(ShapeError, match="array x: g has shape"):
        list(crosspoints("x", np.ones((2, 3)), ["a"], ["b", "c", "d"]))
    with pytest.raises(ShapeError, match=r"g_plus \(2, 3\), g_minus \(3, 2\)"):
        Conductances(np.ones((2, 3)), np.ones((3, 2)))


def test_a_read_delivers_the_difference_of_the_planes():
    plus, minus = np.array([[3e-5], [1e-5]]), np.array([[1e-5], [4e-5]])
    rows = [voltage(f"row_{k}", f"row_{k}", "0", v) for k, v in enumerate((0.2, 0.1))]
    load = conductance("load", "out", "0", 1e-5)
    elements = (*rows, load, *read("w", Conductances(plus, minus), ["row_0", "row_1"], ["out"]))
    plot = engine("ngspice").run(circuit(*elements).text(POINT, ["v(out)"]))[-1]
    assert plot.voltage("out")[0] == pytest.approx((2e-5 * 0.2 - 3e-5 * 0.1) / 1e-5, rel=1e-12)
