"""Linear networks of adjoint and response: by sweeps, or directly where sweeps diverge."""

import numpy as np
import pytest

from neurosim.errors import ConvergenceError
from neurosim.learning import linear_network
from neurosim.learning.linear_network import linear_activity
from neurosim.networks.terms import Term
from neurosim.networks.topology import Layer, Topology
from neurosim.settle import SettleOptions

TOP = Topology((Layer("h1", 3), Layer("h2", 4)), (), "h2")
FIRST, SECOND = TOP.slices["h1"], TOP.slices["h2"]


def problem(gain, dtype=np.float64):
    """Return terms of an untied coupling, slopes and a source; the norm of the coupling grows with `gain`."""
    rng = np.random.default_rng(4)
    there, back = gain * rng.standard_normal((3, 4)), gain * rng.standard_normal((4, 3))
    terms = [Term(FIRST, SECOND, there.astype(dtype)), Term(SECOND, FIRST, back.astype(dtype))]
    return terms, rng.uniform(0.5, 1.5, (5, 7)).astype(dtype), rng.standard_normal((5, 7)).astype(dtype)


def exact(terms, slope, source):
    m = np.zeros((7, 7))
    m[FIRST, SECOND], m[SECOND, FIRST] = terms[0].weights, terms[1].weights
    return np.array(
        [np.linalg.solve((np.eye(7) - s[:, None] * m).T, b) * s for s, b in zip(slope, source, strict=True)]
    )


@pytest.mark.parametrize("gain", [0.2, 3.0])
def test_the_solution_is_that_of_the_matrix_whether_sweeps_converge_or_not(gain):
    terms, slope, source = problem(gain)
    options = SettleOptions(tolerance=1e-12, max_sweeps=200)
    found = linear_activity(TOP, terms, slope, source, options, "test:")
    np.testing.assert_allclose(found, exact(terms, slope, source), rtol=0, atol=1e-11)


def test_single_precision_is_solved_in_double(monkeypatch):
    terms, slope, source = problem(3.0, np.float32)
    found = linear_activity(TOP, terms, slope, source, SettleOptions(tolerance=1e-6, max_sweeps=50), "test:")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact(terms, slope, source), rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(linear_network, "LARGEST", 3)
    with pytest.raises(ConvergenceError, match=r"test: did not settle \(residual"):
        linear_activity(TOP, terms, slope, source, SettleOptions(tolerance=1e-6, max_sweeps=50), "test:")


def test_only_samples_that_sweeps_miss_are_solved_directly(monkeypatch):
    terms, slope, source = problem(3.0)
    slope[1:4] *= 0.05
    direct, sizes = linear_network._direct, []
    monkeypatch.setattr(linear_network, "_direct", lambda t, s, b: (sizes.append(len(s)), direct(t, s, b))[1])
    options = SettleOptions(tolerance=1e-12, max_sweeps=200)
    found = linear_activity(TOP, terms, slope, source, options, "test:")
    assert sizes == [2]
    np.testing.assert_allclose(found, exact(terms, slope, source), rtol=0, atol=1e-11)


def test_the_solver_of_the_free_state_is_used(monkeypatch):
    terms, slope, source = problem(3.0)
    monkeypatch.setattr(linear_network, "_direct", lambda *_: pytest.fail("not by sweeps"))
    options = SettleOptions(tolerance=1e-9, max_sweeps=500, solver="anderson")
    found = linear_activity(TOP, terms, slope, source, options, "test:")
    np.testing.assert_allclose(found, exact(terms, slope, source), rtol=0, atol=1e-7)


def test_a_fold_has_no_answer():
    one = np.zeros((3, 4))
    one[0, 0] = 1.0
    terms = [Term(FIRST, SECOND, one), Term(SECOND, FIRST, one.T.copy())]
    with pytest.raises(ConvergenceError, match="close to a fold"):
        linear_activity(TOP, terms, np.ones((1, 7)), np.ones((1, 7)), SettleOptions(max_sweeps=50), "test:")
