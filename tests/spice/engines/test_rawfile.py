"""The reader of ngspice's binary rawfiles, on files made here byte by byte."""

import numpy as np
import pytest

from neurosim.errors import SpiceError
from neurosim.spice.rawfile import Plot, read_rawfile

TRAN = np.array([[0.0, 1.5], [1e-9, -2.25], [2e-9, 1 / 3]])
AC = np.array([[1.0 + 7j, 0.5 - 0.5j], [10.0 + 7j, 0.1 - 0.3j]])


def plot(name, names, table, points=None, binary="Binary:\n"):
    flags = "complex" if np.iscomplexobj(table) else "real"
    points = len(table) if points is None else points
    lines = [f"\t{i}\t{each}\tvoltage\tdims=1" for i, each in enumerate(names)]
    header = [
        "Title: Plotname: a title that reads like a field",
        "Date: today",
        f"Plotname: {name}",
        f"Flags: {flags}",
        f"No. Variables: {len(names)}",
        f"No. Points: {points}       ",
        "Variables:",
        *lines,
    ]
    return "\n".join(header).encode() + b"\n" + binary.encode() + table.tobytes()


GOOD = plot("Transient Analysis", ["time", "V(Out)"], TRAN)


def test_plots_follow_each_other_real_and_complex(tmp_path):
    path = tmp_path / "out.raw"
    path.write_bytes(GOOD + plot("AC Analysis", ["frequency", "i(v1)"], AC) + GOOD)
    first, second, third = read_rawfile(path)
    assert [first.name, second.name, third.name] == ["Transient Analysis", "AC Analysis", "Transient Analysis"]
    assert first.time.tobytes() == TRAN[:, 0].tobytes()
    assert third.voltage("Out").tobytes() == TRAN[:, 1].tobytes()
    assert second.current("V1").tobytes() == AC[:, 1].tobytes()


def test_the_scale_of_a_complex_plot_is_real():
    (found,) = read_rawfile(plot("AC Analysis", ["frequency", "v(x)"], AC))
    assert found.frequency.dtype == np.float64
    assert found.frequency.tolist() == [1.0, 10.0]


def test_arrays_are_contiguous_copies():
    (found,) = read_rawfile(GOOD)
    found.voltage("out")[0] = 9.0
    assert found.voltage("out").flags.c_contiguous
    assert read_rawfile(GOOD)[0].voltage("out")[0] == 1.5


def test_an_absent_vector_is_named_with_the_nearest_and_what_is_there():
    found = Plot("Operating Point", {"v(row_1)": np.ones(1), "i(vx)": np.ones(1)})
    with pytest.raises(SpiceError, match=r"'Operating Point': no vector 'v\(row_2\)' \(did you mean 'v\(row_1\)'\?\)"):
        found.voltage("row_2")
    with pytest.raises(SpiceError, match=r"no vector 'time'; it holds v\(row_1\), i\(vx\)"):
        _ = found.time


def test_a_file_cut_off_anywhere_is_refused():
    for cut in range(1, len(GOOD)):
        with pytest.raises(SpiceError, match=r"cut off|begins with|damaged"):
            read_rawfile(GOOD[:cut])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"Circuit: something else\n", "begins with b'Circuit: something e', allowed is 'Title:'"),
        (GOOD + b"\0" * 8, "plot 2: begins with"),
        (plot("Transient Analysis", ["time", "v(x)"], TRAN, points=0), "'Transient Analysis': 0 points"),
        (plot("Operating Point", ["v(a)", "v(b)"], TRAN, points=-1), "-1 points"),
        (plot("Operating Point", ["v(a)", "v(b)"], TRAN, points=4), "cut off: 48 of 64 bytes of 2 vectors x 4 points"),
        (plot("Operating Point", ["v(a)", "V(A)"], TRAN), "2 named vectors where 'No. Variables' says 2; damaged"),
        (plot("Operating Point", ["v(a)"], TRAN, binary="Values:\n"), "holds text values, allowed is binary"),
        (GOOD.replace(b"No. Points: 3", b"No. Points: x"), "header without 'No. Variables' and 'No. Points'"),
        (GOOD.replace(b"No. Variables: 2", b"No. Variables: 3"), "2 named vectors where 'No. Variables' says 3"),
    ],
)
def test_a_damaged_file_is_refused_and_the_error_says_how(content, says):
    with pytest.raises(SpiceError) as caught:
        read_rawfile(content)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_header_of_a_failed_analysis_without_data_is_no_points():
    header = GOOD.partition(b"Variables:\n\t")[0].replace(b"No. Points: 3", b"No. Points: 0") + b"Variables:\n"
    with pytest.raises(SpiceError, match="0 points, allowed is 1 or more"):
        read_rawfile(header)


def test_a_missing_file_is_a_spice_error(tmp_path):
    with pytest.raises(SpiceError, match="cannot be read: No such file"):
        read_rawfile(tmp_path / "absent.raw")
