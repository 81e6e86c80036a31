"""Open and short lines against a dense solution over named nodes; what floats carries nothing."""

import numpy as np
import pytest

from neurosim.crossbar.nodal import LineFaults, Place
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.errors import ConfigError, RangeError

ALL = Wires(r_row=3.0, r_col=7.0, r_source=50.0, r_sense=20.0)
FAULTS = {
    "open row": LineFaults(open_rows=((1, 2),)),
    "open at the row terminal": LineFaults(open_rows=((1, 0),)),
    "open column": LineFaults(open_cols=((2, 1),)),
    "open at the column terminal": LineFaults(open_cols=((2, 4),)),
    "short of rows": LineFaults(shorts=((Place("row", 1, 2), Place("row", 2, 2)),)),
    "short of columns": LineFaults(shorts=((Place("col", 0, 3), Place("col", 1, 3)),)),
    "short of a device": LineFaults(shorts=((Place("row", 3, 1), Place("col", 1, 3)),)),
    "short to a terminal": LineFaults(shorts=((Place("row", 1, 2), Place("row", 2)),)),
    "column to a terminal": LineFaults(shorts=((Place("col", 0, 1), Place("col", 1)),)),
    "several": LineFaults(
        ((0, 1), (0, 3), (4, 0)),
        ((1, 4), (3, 0)),
        ((Place("row", 1, 2), Place("row", 2, 2)), (Place("col", 0, 0), Place("col", 1, 0))),
    ),
}


def array(rows=5, cols=4, seed=0):
    return np.exp(np.random.default_rng(seed).uniform(np.log(1e-6), np.log(1e-3), (rows, cols)))


def by_names(g, w, faults):
    """Return G_eff by a dense conductance matrix over named nodes, shorts being merged by hand, opens left out."""
    rows, cols = g.shape
    alias = {}

    def name(place):
        kind, k, p = place.line[0], place.index, place.position
        if p is None:
            return ("t", kind, k)
        return (kind, k, p) if kind == "r" else (kind, p, k)

    for one, other in faults.shorts:
        a, b = sorted((name(one), name(other)), key=lambda n: n[0] != "t")
        alias[b] = a
    branches = []
    for i in range(rows):
        for j in range(cols):
            branches.append((("r", i, j), ("c", i, j), g[i, j]))
            if (i, j) not in faults.open_rows:
                before = ("r", i, j - 1) if j else ("t", "r", i)
                branches.append((before, ("r", i, j), 1 / (w.r_row + (0 if j else w.r_source))))
            if (j, i) not in faults.open_cols:
                below = ("c", i + 1, j) if i + 1 < rows else ("t", "c", j)
                branches.append((("c", i, j), below, 1 / (w.r_col + (w.r_sense if i + 1 == rows else 0))))
    nodes = [("t", "r", i) for i in range(rows)] + [("t", "c", j) for j in range(cols)]
    nodes += [(k, i, j) for k in "rc" for i in range(rows) for j in range(cols) if (k, i, j) not in alias]
    place = {n: k for k, n in enumerate(nodes)}
    y = np.zeros((len(nodes), len(nodes)))
    for a, b, value in branches:
        a, b = (place[alias.get(n, n)] for n in (a, b))
        if a != b:
            y[[a, b], [a, b]] += value
            y[[a, b], [b, a]] -= value
    ends = rows + cols
    schur = y[:ends, :ends] - y[:ends, ends:] @ np.linalg.pinv(y[ends:, ends:]) @ y[ends:, :ends]
    return -schur[:rows, rows:]


@pytest.mark.parametrize("name", FAULTS)
def test_faults_equal_a_dense_solution(name):
    g, faults = array(), FAULTS[name]
    wired = WiredArray(g, ALL, faults=faults)
    found = wired.solve()
    np.testing.assert_allclose(found.g, by_names(g, ALL, faults), rtol=1e-9, atol=1e-15)
    assert (found.method, found.residual <= 1e-10) == ("direct", True)
    assert abs(found.g - WiredArray(g, ALL).effective()).max() > 1e-9
    v = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 5))
    read = wired.read(v)
    np.testing.assert_allclose(read.columns, v @ found.g, rtol=1e-9, atol=1e-16)
    assert read.method == "direct"
    y = wired.admittance()
    np.testing.assert_allclose(y, y.T, atol=1e-12 * abs(y).max())


def test_beyond_an_open_segment_a_row_is_reached_only_through_other_rows():
    g = array()
    found = WiredArray(g, Wires(1e-6, 1e-6), faults=LineFaults(open_rows=((1, 2),))).effective()
    np.testing.assert_allclose(found[1, :2], g[1, :2], rtol=1e-6)
    assert abs(found[1, 2:]).max() <= 1e-9 * g.max()


def test_a_shorted_pair_of_rows_shares_its_currents():
    wires = Wires(r_row=1.0, r_col=0.0)
    g = np.array([[1e-3], [2e-3]])
    found = WiredArray(g, wires, faults=LineFaults(shorts=((Place("row", 0, 0), Place("row", 1, 0)),))).effective()
    np.testing.assert_allclose(found[:, 0], 3e-3 / (2 + 3e-3), rtol=1e-12)  # two feeds of 1 ohm into 3 mS


@pytest.mark.parametrize("wires", [ALL, Wires(), Wires(r_row=1.0), Wires(r_sense=5.0)], ids=str)
def test_what_floats_carries_nothing_and_breaks_nothing(wires):
    g = array()
    g[1] = 0.0
    cut = LineFaults(open_rows=((1, 0), (1, 2), (2, 0)), open_cols=tuple((0, p) for p in range(5)))
    found = WiredArray(g, wires, faults=cut).read(np.ones((1, 5)))
    assert found.rows[0, 1] == found.rows[0, 2] == found.columns[0, 0] == 0
    assert np.isfinite(found.columns).all()
    assert found.columns[0, 1] > 0
    assert found.residual.max() <= 1e-12


def test_what_cannot_be_is_refused():
    g = array()
    both = LineFaults(shorts=((Place("row", 0), Place("row", 1)),))
    with pytest.raises(RangeError, match="a short joins two terminals"):
        WiredArray(g, ALL, faults=both)
    with pytest.raises(RangeError, match=r"LineFaults.open_rows = \(1, 4\): allowed lines 0 to 4, segments 0 to 3"):
        WiredArray(g, ALL, faults=LineFaults(open_rows=((1, 4),)))
    with pytest.raises(RangeError, match=r"LineFaults.open_cols = \(4, 0\)"):
        WiredArray(g, ALL, faults=LineFaults(open_cols=((4, 0),)))
    with pytest.raises(RangeError, match=r"LineFaults.shorts: Place\(line='bit', index=0, position=0\)"):
        WiredArray(g, ALL, faults=LineFaults(shorts=((Place("bit", 0, 0), Place("row", 0, 0)),)))
    with pytest.raises(ConfigError, match="lines without faults"):
        WiredArray(g, ALL, faults=FAULTS["open row"]).read(np.ones((1, 5)), method="iterative")
