"""Damped Newton iteration: convergence, damping, and what happens where there is no root."""

import itertools

import numpy as np
import pytest
from strict_cupy import STRICT

from neurosim.backend import NUMPY, namespace
from neurosim.numerics.newton import newton
from neurosim.numerics.status import Status


def arctangent(y):
    return namespace(y).arctan(y)


def arctangent_slope(y):
    return (1 / (1 + y * y))[:, :, None]


def coupled(y):
    """Return residuals of a pair of equations with the root (1, 2)."""
    xp = namespace(y)
    a, b = y[:, 0], y[:, 1]
    return xp.stack((a * a + b * b - 5, xp.exp(a - 1) * b - 2), axis=1)


def coupled_slope(y):
    xp = namespace(y)
    a, b = y[:, 0], y[:, 1]
    e = xp.exp(a - 1)
    return xp.stack((xp.stack((2 * a, 2 * b), axis=1), xp.stack((e * b, e), axis=1)), axis=1)


def test_root_to_the_tolerance_in_few_steps():
    y0 = np.array([[0.8, 1.7], [1.4, 2.2]])
    before = y0.copy()
    found = newton(coupled, coupled_slope, y0, tolerance=1e-14)
    np.testing.assert_allclose(found.y, [[1.0, 2.0]] * 2, rtol=1e-14)
    assert found.status is Status.SETTLED
    assert found.residual.shape == (2,)
    assert found.steps <= 7
    np.testing.assert_array_equal(y0, before)


def test_the_number_of_right_digits_doubles():
    errors = []
    for steps in (3, 4, 5):
        found = newton(coupled, coupled_slope, np.array([[0.5, 1.0]]), tolerance=0.0, max_steps=steps)
        assert found.steps == steps
        assert found.status is Status.UNSETTLED
        errors.append(np.abs(found.y - [1.0, 2.0]).max())
    ratios = [later / earlier**2 for earlier, later in itertools.pairwise(errors)]
    assert errors[-1] < 1e-7
    assert ratios[1] == pytest.approx(ratios[0], rel=0.5)


@pytest.mark.parametrize("start", [2.0, 30.0, -1e3])
def test_damping_reaches_a_root_that_full_steps_overshoot(start):
    """Full Newton steps on the arctangent diverge from 1.392 on."""
    y = np.array([[start]])
    for _ in range(6):
        y = y - arctangent(y) / arctangent_slope(y)[:, :, 0]
    assert np.abs(y) > 1e3
    found = newton(arctangent, arctangent_slope, np.array([[start]]), tolerance=1e-13)
    assert found.status is Status.SETTLED
    assert np.abs(found.y) <= 1e-13


def test_an_exponential_wall_is_approached_without_overflow():
    """A step of 1000 into e^y is halved until it is finite; the root is at 40."""
    top = np.exp(40.0)
    found = newton(
        lambda y: np.exp(y) - top, lambda y: np.exp(y)[:, :, None], np.array([[30.0]]), tolerance=top * 1e-13
    )
    assert found.status is Status.SETTLED
    assert found.y[0, 0] == pytest.approx(40.0, rel=1e-13)


def test_every_sample_is_damped_on_its_own():
    together = newton(arctangent, arctangent_slope, np.array([[0.3], [30.0], [0.0]]), tolerance=1e-13)
    alone = newton(arctangent, arctangent_slope, np.array([[0.3]]), tolerance=1e-13)
    assert together.status is Status.SETTLED
    assert together.y[0] == alone.y[0]
    assert together.y[2] == 0.0


def test_complex_roots():
    def square(y):
        return y * y + 1

    found = newton(square, lambda y: (2 * y)[:, :, None], np.array([[0.4 + 0.9j], [0.3 - 2.0j]]), tolerance=1e-14)
    np.testing.assert_allclose(found.y[:, 0], [1j, -1j], rtol=0, atol=1e-14)


def test_no_root_ends_unsettled_at_the_least_residual():
    found = newton(lambda y: y * y + 1, lambda y: (2 * y)[:, :, None], np.array([[0.7]]), tolerance=1e-10)
    assert found.status is Status.UNSETTLED
    assert found.residual[0] == pytest.approx(1.0, rel=0.3)


def test_a_singular_matrix_ends_unsettled():
    found = newton(lambda y: y * 0 + 1, lambda y: np.zeros((1, 1, 1)), np.zeros((1, 1)), tolerance=1e-10)
    assert found.status is Status.UNSETTLED
    assert np.isfinite(found.y).all()


def test_a_singular_sample_does_not_keep_the_others_from_settling():
    found = newton(lambda y: y * y - 4, lambda y: (2 * y)[:, :, None], np.array([[0.0], [3.0]]), tolerance=1e-13)
    np.testing.assert_array_equal(found.y, [[0.0], [2.0]])
    np.testing.assert_array_equal(found.solved, [False, True])
    assert found.status is Status.UNSETTLED


def test_a_small_step_counts_as_the_last_where_the_residual_cannot_be_small():
    """Residuals of 1e9 times the state round above the tolerance; the step tells that the state is right."""

    def steep(y):
        return 1e9 * (y - 0.1) * (1 + y * y)

    def slope(y):
        return (1e9 * (1 + y * y + 2 * y * (y - 0.1)))[:, :, None]

    strict = newton(steep, slope, np.array([[3.0]]), tolerance=1e-300)
    loose = newton(steep, slope, np.array([[3.0]]), tolerance=1e-300, step=1e-8)
    assert loose.solved.all()
    assert loose.status is Status.SETTLED
    assert loose.y[0, 0] == pytest.approx(0.1, rel=1e-15)
    assert loose.steps <= strict.steps
    far = newton(steep, slope, np.array([[3.0]]), tolerance=1e-300, step=1e-8, max_steps=3)
    assert not far.solved.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_that_is_no_number_does_not_keep_the_others_from_settling(bad):
    found = newton(arctangent, arctangent_slope, np.array([[bad], [3.0]]),
                   tolerance=1e-13, max_steps=50)  # fmt: skip
    assert found.residual[1] <= 1e-13
    assert not found.residual[0] <= 1e-13
    assert found.status is not Status.SETTLED


def test_same_numbers_on_the_strict_backend():
    y0 = np.array([[0.8, 1.7], [3.0, 0.2]])
    ours, strict = (newton(coupled, coupled_slope, b.asarray(y0), tolerance=1e-13) for b in (NUMPY, STRICT))
    np.testing.assert_array_equal(STRICT.to_host(strict.y), ours.y)
    assert strict.steps == ours.steps
