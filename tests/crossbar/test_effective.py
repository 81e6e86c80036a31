"""The effective conductance by elimination equals the direct solution, says how good it is, and is replaced if not."""

import itertools

import numpy as np
import pytest

from neurosim.crossbar import wires as wires_module
from neurosim.crossbar.elimination import eliminate
from neurosim.crossbar.nodal import LineFaults
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.errors import ConfigError

ALL = Wires(r_row=2.0, r_col=3.0, r_source=50.0, r_sense=20.0)
CASES = [Wires(*r) for r in itertools.product((0.0, 3.0), (0.0, 7.0), (0.0, 50.0), (0.0, 20.0))]


def array(rows, cols, low=1e4, high=1e5, seed=0):
    return 1 / np.exp(np.random.default_rng(seed).uniform(np.log(low), np.log(high), (rows, cols)))


@pytest.mark.parametrize("wires", CASES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (9, 7), (5, 12)], ids=str)
def test_elimination_equals_the_direct_solution(shape, wires):
    wired = WiredArray(array(*shape), wires)
    direct = wired.solve("direct")
    np.testing.assert_allclose(eliminate(wired.g, wires), direct.g, rtol=1e-10)
    assert (direct.method, direct.approximate) == ("direct", False)
    assert direct.residual <= 1e-10


def test_elimination_equals_the_direct_solution_at_128_to_1e_9():
    wired = WiredArray(array(128, 100), ALL)
    found, direct = wired.solve(), wired.solve("direct")
    assert found.method == "elimination"
    np.testing.assert_allclose(found.g, direct.g, rtol=1e-9)
    assert found.residual <= 1e-9
    assert found.figure_of_merit == ALL.figure_of_merit(wired.g)


@pytest.mark.parametrize(("low", "high", "r"), [(1e2, 1e3, 10.0), (1.0, 10.0, 10.0), (1e6, 1e7, 1e-6)])
def test_stiff_arrays(low, high, r):
    wired = WiredArray(array(48, 40, low, high), Wires(r, r))
    found = wired.solve()
    np.testing.assert_allclose(found.g, wired.solve("direct").g, rtol=1e-8)
    assert found.residual <= 1e-8


def test_an_array_of_which_one_device_conducts_is_that_device_in_series_with_its_lines():
    g = np.zeros((6, 5))
    g[2, 3] = 1e-3
    found = WiredArray(g, ALL).effective()
    expected = 1 / (1e3 + 4 * 2.0 + 50.0 + 4 * 3.0 + 20.0)
    assert found[2, 3] == pytest.approx(expected, rel=1e-12)
    assert abs(found).sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(9, 7), (7, 9)], ids=str)
def test_read_from_the_columns_the_array_is_the_transpose(shape):
    g = array(*shape)
    forward = WiredArray(g, ALL).effective()
    backward = WiredArray(g.T[::-1, ::-1], ALL.turned()).effective()
    np.testing.assert_allclose(backward[::-1, ::-1].T, forward, rtol=1e-10)
    driven = WiredArray(g, ALL).read(np.zeros((shape[1], shape[0])), np.eye(shape[1]))
    np.testing.assert_allclose(-driven.rows, forward.T, rtol=1e-9)


def test_a_wrong_elimination_is_found_and_replaced(monkeypatch):
    wired = WiredArray(array(9, 7), ALL)
    right = wired.effective()

    def wrong(g, wires):
        found = eliminate(g, wires)
        found[4, 3] *= 1 + 1e-5
        return found

    monkeypatch.setattr(wires_module, "eliminate", wrong)
    forced, found = wired.solve("elimination"), wired.solve()
    assert forced.residual > 1e-8
    assert found.method == "direct"
    assert found.residual <= 1e-10
    np.testing.assert_allclose(found.g, right, rtol=1e-10)


def test_wrong_use_is_refused():
    with pytest.raises(ConfigError, match="method: unknown 'lu'"):
        WiredArray(array(3, 3), ALL).solve("lu")
    with pytest.raises(ConfigError, match="method = 'dmr' knows no faults of lines; use 'direct'"):
        WiredArray(array(3, 3), ALL, faults=LineFaults(open_rows=((0, 1),))).solve("dmr")
