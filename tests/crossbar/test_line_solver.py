"""Reads of wired arrays: the iterative way equals the direct one, says how good it is, and is never wrong."""

import numpy as np
import pytest

from neurosim.crossbar.line_solver import LineSolver
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.errors import ConfigError, RangeError, ShapeError

WIRES = Wires(r_row=2.0, r_col=3.0, r_source=50.0, r_sense=20.0)


def array(rows, cols, low=1e4, high=1e5, seed=0):
    return 1 / np.exp(np.random.default_rng(seed).uniform(np.log(low), np.log(high), (rows, cols)))


def volts(reads, n, seed=1):
    return np.random.default_rng(seed).uniform(-0.2, 0.2, (reads, n))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (12, 9), (9, 30), (128, 128)], ids=str)
@pytest.mark.parametrize("wires", [WIRES, Wires(1.0, 1.0)], ids=str)
def test_iterative_equals_direct(shape, wires):
    wired = WiredArray(array(*shape), wires)
    v_rows, v_cols = volts(3, shape[0]), volts(3, shape[1], 2)
    v_cols[0] = 0
    fast, direct = (wired.read(v_rows, v_cols, method=method) for method in ("iterative", "direct"))
    assert (fast.method, direct.method) == ("iterative", "direct")
    for found, expected in ((fast.columns, direct.columns), (fast.rows, direct.rows)):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * abs(expected).max())
    assert max(fast.residual.max(), direct.residual.max()) <= 1e-12
    assert fast.figure_of_merit == wires.figure_of_merit(wired.g)


def test_a_read_is_a_product_with_the_effective_conductance():
    wired = WiredArray(array(12, 9), WIRES)
    v = volts(4, 12)
    np.testing.assert_allclose(wired.read(v).columns, v @ wired.effective(), rtol=1e-10)


def test_reads_from_both_sides_are_reciprocal():
    wired = WiredArray(array(12, 9), WIRES)
    v, u = volts(1, 12), volts(1, 9, 3)
    forward = wired.read(v).columns[0] @ u[0]
    backward = -wired.read(np.zeros((1, 12)), u).rows[0] @ v[0]
    assert forward == pytest.approx(backward, rel=1e-10)


@pytest.mark.parametrize(("low", "high", "r"), [(1e3, 1e4, 1.0), (1e2, 1e3, 10.0), (1.0, 10.0, 10.0)])
def test_stiff_arrays_converge_or_fall_back_and_are_right(low, high, r):
    wired = WiredArray(array(48, 40, low, high), Wires(r, r))
    v = volts(2, 48)
    found = wired.read(v)
    expected = wired.read(v, method="direct")
    np.testing.assert_allclose(found.columns, expected.columns, rtol=0, atol=1e-9 * abs(expected.columns).max())
    assert found.residual.max() <= 1e-11


def test_what_does_not_converge_is_solved_directly_and_says_so():
    wired = WiredArray(array(20, 20), WIRES)
    v = volts(1, 20)
    found = wired.read(v, tolerance=1e-30)
    assert (found.method, found.iterations) == ("direct", 0)
    np.testing.assert_allclose(found.columns, wired.read(v).columns, rtol=1e-9)


def test_the_reported_residual_is_that_of_the_voltages():
    wired = WiredArray(array(10, 8), WIRES)
    lines = wired._lines
    v_rows, v_cols = volts(1, 10), np.zeros((1, 8))
    rough = lines.solve(v_rows, v_cols, tolerance=1e-3, max_iterations=0)
    r, c = rough.row_nodes[0], rough.col_nodes[0]
    left = lines.g_in * (v_rows[0] - r[:, 0]) - (wired.g * (r - c)).sum(axis=1)  # what a whole row does not carry off
    assert 0 < abs(left).max() / (lines.g_in * abs(v_rows).max()) <= 10 * rough.residual[0]
    assert rough.residual[0] > 1e-12


def test_zero_reads_cost_nothing():
    found = WiredArray(array(6, 5), WIRES).read(np.zeros((2, 6)))
    assert not found.columns.any()
    assert found.residual.max() == 0


def test_open_devices_and_open_rows():
    g = array(8, 6)
    g[3] = 0.0
    g[:, 2] = 0.0
    found = WiredArray(g, WIRES).read(volts(1, 8))
    assert abs(found.columns[0, 2]) <= 1e-15
    assert abs(found.rows[0, 3]) <= 1e-15
    assert found.method == "iterative"


def test_wrong_use_is_refused():
    wired = WiredArray(array(4, 3), Wires(r_row=1.0))
    with pytest.raises(ConfigError, match="needs r_row > 0 and r_col > 0"):
        wired.read(volts(1, 4), method="iterative")
    assert wired.read(volts(1, 4)).method == "direct"
    with pytest.raises(ConfigError, match="method: unknown 'fast'"):
        wired.read(volts(1, 4), method="fast")
    with pytest.raises(ShapeError, match=r"read of 4 x 3: v_rows \(1, 5\)"):
        wired.read(volts(1, 5))
    with pytest.raises(ShapeError, match="expected one row a read"):
        wired.read(volts(2, 4), volts(1, 3))
    with pytest.raises(RangeError, match="every segment needs a resistance"):
        LineSolver(array(2, 2), 1.0, np.inf, 1.0, 1.0)
