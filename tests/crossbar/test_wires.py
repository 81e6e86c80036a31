"""Line resistance: closed forms, reciprocity, limits, and an independent dense nodal solve."""

import itertools

import numpy as np
import pytest

from neurosim.crossbar.wires import WiredArray, Wires, effective_conductance
from neurosim.errors import RangeError, ShapeError

ALL = Wires(r_row=3.0, r_col=7.0, r_source=50.0, r_sense=20.0)
CASES = [Wires(*r) for r in itertools.product((0.0, 3.0), (0.0, 7.0), (0.0, 50.0), (0.0, 20.0))]


def array(rows=5, cols=4, seed=0):
    return np.exp(np.random.default_rng(seed).uniform(np.log(1e-6), np.log(1e-3), (rows, cols)))


def by_names(g, w):
    """Return G_eff by stamping a dense conductance matrix over named nodes: wires of 0 ohm are made 1e-6 ohm."""
    rows, cols = g.shape
    nodes = [("t", "row", i) for i in range(rows)] + [("t", "col", j) for j in range(cols)]
    nodes += [(kind, i, j) for kind in "rc" for i in range(rows) for j in range(cols)]
    place = {name: k for k, name in enumerate(nodes)}
    y = np.zeros((len(nodes), len(nodes)))

    def branch(a, b, conductance):
        a, b = place[a], place[b]
        y[[a, b], [a, b]] += conductance
        y[[a, b], [b, a]] -= conductance

    def wire(a, b, r):
        branch(a, b, 1 / max(r, 1e-6))

    for i in range(rows):
        for j in range(cols):
            branch(("r", i, j), ("c", i, j), g[i, j])
            wire(("r", i, j - 1) if j else ("t", "row", i), ("r", i, j), w.r_row + (0 if j else w.r_source))
            below = ("c", i + 1, j) if i + 1 < rows else ("t", "col", j)
            wire(("c", i, j), below, w.r_col + (w.r_sense if i + 1 == rows else 0))
    ends = rows + cols
    schur = y[:ends, :ends] - y[:ends, ends:] @ np.linalg.solve(y[ends:, ends:], y[ends:, :ends])
    return -schur[:rows, rows:]


@pytest.mark.parametrize("wires", CASES, ids=str)
@pytest.mark.parametrize("shape", [(5, 4), (3, 6), (1, 4), (4, 1)], ids=str)
def test_effective_conductance_equals_a_dense_nodal_solve_over_named_nodes(wires, shape):
    g = array(*shape)
    every = wires.r_row and wires.r_col
    np.testing.assert_allclose(effective_conductance(g, wires), by_names(g, wires), rtol=1e-9 if every else 1e-7)


def test_single_device_is_in_series_with_its_lines():
    g = np.array([[1e-3]])
    assert effective_conductance(g, ALL)[0, 0] == pytest.approx(1 / (1e3 + 3 + 50 + 7 + 20), rel=1e-14)


def test_without_resistance_the_array_is_what_it_is():
    g = array()
    assert np.array_equal(effective_conductance(g, Wires()), g)
    assert np.array_equal(effective_conductance(g, None), g)
    np.testing.assert_allclose(WiredArray(g, Wires()).admittance()[:5, 5:], -g, rtol=1e-14)


@pytest.mark.parametrize("wires", CASES, ids=str)
def test_terminals_are_reciprocal_and_leak_nothing(wires):
    wired = WiredArray(array(), wires)
    y = wired.admittance()
    np.testing.assert_allclose(y, y.T, rtol=0, atol=1e-12 * abs(y).max())
    np.testing.assert_allclose(y.sum(axis=1), 0, atol=1e-12 * abs(y).max())
    np.testing.assert_allclose(-y[:5, 5:], wired.effective(), rtol=1e-9)


def test_transposed_array_with_exchanged_wires_is_the_transpose():
    g = array()
    turned = Wires(ALL.r_col, ALL.r_row, ALL.r_sense, ALL.r_source)
    # the far end of a row is the near end of a column: the order of rows and of columns turns round
    found = effective_conductance(g.T[::-1, ::-1], turned)
    np.testing.assert_allclose(found[::-1, ::-1].T, effective_conductance(g, ALL), rtol=1e-10)


def test_exchanging_row_and_column_resistance_changes_the_answer():
    g = array()
    exchanged = effective_conductance(g, Wires(ALL.r_col, ALL.r_row, ALL.r_source, ALL.r_sense))
    assert abs(exchanged / effective_conductance(g, ALL) - 1).max() > 1e-4


def test_open_device_carries_nothing():
    g = array()
    g[2, 1] = 0.0
    closed = array()
    wires = Wires(r_row=1e-9, r_col=1e-9)
    assert effective_conductance(g, wires)[2, 1] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(effective_conductance(closed, wires), closed, rtol=1e-9)


def test_figure_of_merit():
    assert Wires(r_row=2.0, r_col=1.0).figure_of_merit(np.full((4, 8), 1e-4)) == pytest.approx(64 * 2 * 1e-4)


@pytest.mark.parametrize("name", ["r_row", "r_col", "r_source", "r_sense"])
def test_negative_resistance_is_refused(name):
    with pytest.raises(RangeError, match=rf"Wires\.{name} = -1.0: allowed \[0, inf\) ohm"):
        Wires(**{name: -1.0})


@pytest.mark.parametrize("bad", [-1e-6, np.nan, np.inf])
def test_unphysical_conductance_is_refused(bad):
    with pytest.raises(RangeError, match="negative or not finite"):
        WiredArray(np.array([[1e-6, bad]]), ALL)


def test_wrong_shape_is_refused():
    with pytest.raises(ShapeError, match="expected \\(rows, cols\\)"):
        WiredArray(np.ones(3), ALL)
