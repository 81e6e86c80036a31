"""Closed forms: exact to first order in the resistances, within the published errors, and labelled."""

import numpy as np
import pytest

from neurosim.crossbar.approximations import APPROXIMATIONS
from neurosim.crossbar.wires import WiredArray, Wires


def window(n, r, seed=0):
    """Return an array of which half the devices have 40 kohm, half 1 kohm, with segments of r."""
    rng = np.random.default_rng(seed)
    return WiredArray(np.where(rng.random((n, n)) < 0.5, 1 / 4e4, 1e-3), Wires(r, r))


def errors(wired):
    """Return the loss and the mean relative error of each closed form, all rows driven alike."""
    exact, ideal = wired.effective().sum(axis=0), wired.g.sum(axis=0)
    loss = 1 - exact.sum() / ideal.sum()
    return loss, {n: abs(f(wired.g, wired.wires).sum(axis=0) / exact - 1).mean() for n, f in APPROXIMATIONS.items()}


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_a_uniform_array_is_right_to_first_order_in_every_resistance(name):
    g = np.full((7, 5), 1e-4)
    deviation = []
    for scale in (1.0, 0.5, 0.25):
        wires = Wires(3.0 * scale, 7.0 * scale, 50.0 * scale, 20.0 * scale)
        exact = WiredArray(g, wires).effective()
        deviation.append(abs(APPROXIMATIONS[name](g, wires).sum(axis=0) / exact.sum(axis=0) - 1).max())
    slopes = np.diff(np.log(deviation)) / np.log(0.5)
    assert deviation[0] < 0.05
    assert (abs(slopes - 2) < 0.1).all()


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_no_resistance_no_loss(name):
    wired = window(6, 0.0)
    found = wired.solve(name)
    np.testing.assert_allclose(found.g, wired.g, rtol=1e-15)
    assert found.residual <= 1e-12


@pytest.mark.parametrize(("r", "loss", "published"), [(0.095, 0.12, (0.009, 0.002)), (0.42, 0.36, (0.022, 0.018))])
def test_errors_are_of_the_size_that_is_known(r, loss, published):
    found, error = errors(window(64, r))
    assert found == pytest.approx(loss, abs=0.01)
    for name, size in zip(("dmr", "alpha_beta"), published, strict=True):
        assert size / 1.5 <= error[name] <= 1.5 * size
    assert error["alpha_beta"] < error["dmr"]


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_a_result_says_that_it_is_approximate_and_how_far_off(name):
    wired = window(32, 1.0)
    found, exact = wired.solve(name), wired.solve()
    assert (found.method, found.approximate, exact.approximate) == (name, True, False)
    assert 1e-3 < found.residual < 0.5
    assert exact.residual <= 1e-9
    assert found.figure_of_merit == exact.figure_of_merit == pytest.approx(32**2 * 1.0 * 1e-3)
