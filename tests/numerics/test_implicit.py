"""Implicit integrators: order on stiff problems, L-stability, and failures that show in the status."""

import numpy as np
import pytest
from relaxations import Bistable, slope
from scipy.linalg import expm
from strict_cupy import STRICT

from neurosim.backend import NUMPY, namespace
from neurosim.errors import ConfigError
from neurosim.numerics.integrate import integrate
from neurosim.numerics.integrators import IMPLICIT, INTEGRATORS, SDIRK4, Workspace
from neurosim.numerics.status import Status

each = pytest.mark.parametrize("integrator", IMPLICIT.values(), ids=list(IMPLICIT))
STIFF = np.array([[-1000.0, 999.0, 0.0], [300.0, -302.0, 1.0], [0.0, 0.5, -0.8]])


class Linear:
    """``y' = rate A y``, with its Jacobian; target = y + A y."""

    def __init__(self, matrix=STIFF, rate=1.0):
        self.matrix, self.rate = matrix, rate

    def target(self, t, y, out):
        out[...] = y + y @ self.matrix.T
        return out

    def jacobian(self, t, y):
        matrix = np.broadcast_to(np.asarray(self.rate), len(self.matrix))[:, None] * self.matrix
        return np.broadcast_to(matrix, (len(y), *matrix.shape)).astype(y.dtype)

    def exact(self, t, y0):
        rate = np.broadcast_to(np.asarray(self.rate), len(self.matrix))
        return y0 @ expm(t * rate[:, None] * self.matrix).T


class Driven:
    """``y' = -stiffness (y - cos t) - sin t``, whose solution from 1 is cos t at any stiffness (Prothero, Robinson)."""

    rate = 1.0

    def __init__(self, stiffness):
        self.stiffness = stiffness

    def target(self, t, y, out):
        out[...] = y - self.stiffness * (y - np.cos(t)) - np.sin(t)
        return out

    def jacobian(self, t, y):
        return np.full((*y.shape, 1), -self.stiffness)


class Cubic:
    """``y' = rate (-k y - y^3 + drive)``, on any backend, real or complex."""

    def __init__(self, drive, k=50.0, rate=1.0):
        self.drive, self.k, self.rate = drive, k, rate

    def target(self, t, y, out):
        out[...] = y - self.k * y - y * y * y + self.drive
        return out

    def jacobian(self, t, y):
        xp = namespace(y)
        return (-self.rate * (self.k + 3 * y * y))[:, :, None] * xp.eye(y.shape[1], dtype=y.dtype)


def orders(errors):
    """Return the slope over halved steps with the part in proportion to dt extrapolated away."""
    coarse, fine = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    return 2 * fine - coarse


@each
@pytest.mark.parametrize("rate", [1.0, np.array([1.3, 0.7, 2.0])], ids=["one rate", "own rates"])
def test_order_on_a_stiff_problem_with_steps_far_above_its_fastest_time(integrator, rate):
    field, y0 = Linear(rate=rate), np.array([[1.0, 1.0, -0.5], [0.3, 0.3, 2.0]])
    y0 = field.exact(0.05, y0)  # on the slow manifold
    counts = (8, 16, 32)
    assert 2.0 / counts[-1] > 50 / 1000
    errors = [
        np.linalg.norm(integrate(field, y0, dt=2.0 / n, steps=n, integrator=integrator).y - field.exact(2.0, y0))
        for n in counts
    ]
    assert errors[-1] > 1e-10
    assert orders(errors) == pytest.approx(integrator.order, abs=0.3)


@each
def test_order_on_a_nonlinear_problem(integrator):
    field, y0 = Cubic(np.array([3.0, -8.0]), k=0.5), np.array([[2.0, 1.0]])
    fine = integrate(field, y0, dt=1e-3, steps=1000, integrator=integrator).y
    errors = [
        np.abs(integrate(field, y0, dt=1.0 / n, steps=n, integrator=integrator).y - fine).max() for n in (10, 20, 40)
    ]
    assert errors[-1] > 1e-10
    assert orders(errors) == pytest.approx(integrator.order, abs=0.25)


def test_stiff_limit_of_a_driven_node():
    """At infinite stiffness the order falls to the stage order 1 (error ~ dt): never worse, and never unstable."""
    sizes = (0.2, 0.1, 0.05)
    mild, hard = (
        [
            abs(
                integrate(Driven(s), np.ones((1, 1)), dt=dt, steps=round(2 / dt), integrator=SDIRK4).y[0, 0]
                - np.cos(2.0)
            )
            for dt in sizes
        ]
        for s in (1.0, 1e8)
    )
    assert slope(sizes, mild) == pytest.approx(4, abs=0.3)
    assert max(hard) < 1e-8


@each
def test_order_conditions(integrator):
    table = integrator.tableau
    n = len(table.b)
    matrix = np.zeros((n, n))
    for i, row in enumerate(table.a):
        matrix[i, : len(row)] = row
    b, c = np.array(table.b), np.array(table.c)
    np.testing.assert_allclose(matrix.sum(axis=1), c, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(matrix[-1], b)  # stiffly accurate
    np.testing.assert_array_equal(np.diag(matrix), matrix[0, 0])
    ac = matrix @ c
    trees = [(np.ones(n), 1), (c, 1 / 2), (c**2, 1 / 3), (ac, 1 / 6), (c**3, 1 / 4), (c * ac, 1 / 8),
             (matrix @ c**2, 1 / 12), (matrix @ ac, 1 / 24)]  # fmt: skip
    for tree, value in trees:
        assert b @ tree == pytest.approx(value, abs=2e-14)
    assert abs(b @ c**4 - 1 / 5) > 1e-4


@each
def test_l_stability(integrator):
    """|R| <= 1 in the whole left half plane (its maximum is on the axis), and R -> 0 far out."""
    axis = 1j * np.concatenate([np.linspace(0, 20, 2001), np.logspace(1.4, 6, 200)])
    assert np.abs(integrator.amplification(axis)).max() <= 1 + 1e-12
    poles = np.linspace(0, 50, 300)  # z = -h; no pole for h > 0
    assert np.isfinite(integrator.amplification(poles)).all()
    assert abs(integrator.amplification(1e6)) < 1e-5
    assert abs(integrator.amplification(1e9)) < 1e-8


@each
def test_amplification_is_what_a_step_of_decay_does(integrator):
    rates = np.array([0.05, 0.3, 1.0, 40.0, 1e4])
    field = Linear(-np.eye(5), rates)
    y0 = np.array([[1.0, -2.0, 3.0, 0.5, 1.0]])
    out = integrator.step(field, 0.0, 1.0, y0, np.empty_like(y0), Workspace(y0, rates))
    np.testing.assert_allclose(integrator.amplification(rates), (out / y0)[0], rtol=0, atol=1e-11)
    assert integrator.amplification(0.3) == pytest.approx(float(integrator.amplification(np.array(0.3))))


@each
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_contract_of_a_step(integrator, dtype):
    y = np.linspace(-1.0, 1.0, 12).reshape(2, 6).astype(dtype)
    y = y + np.asarray(0.2j, dtype) if np.dtype(dtype).kind == "c" else y
    field = Cubic(np.linspace(0, 1, 6).astype(y.real.dtype))
    before, out, work = y.copy(), np.full_like(y, np.nan), Workspace(y, 1.0)
    assert integrator.step(field, 0.0, 0.25, y, out, work) is out
    assert out.dtype == np.dtype(dtype)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(y, before)
    again = integrator.step(field, 0.0, 0.25, y, np.full_like(y, np.nan), work)
    np.testing.assert_array_equal(again, out)


@each
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_same_numbers_on_the_strict_backend(integrator, dtype):
    y0 = np.linspace(-1.0, 1.0, 6).reshape(2, 3).astype(dtype)
    drive = np.linspace(0, 1, 3).astype(y0.real.dtype)
    got = []
    for backend in (NUMPY, STRICT):
        run = integrate(Cubic(backend.asarray(drive)), backend.asarray(y0), dt=0.3, steps=3, integrator=integrator)
        got.append(backend.to_host(run.y))
    np.testing.assert_array_equal(got[1], got[0])


@each
def test_fields_without_a_jacobian_are_refused(integrator):
    with pytest.raises(ConfigError, match=r"'sdirk4': Bistable has no Jacobian.*use an explicit integrator .euler"):
        integrate(Bistable(), np.zeros((1, 6)), dt=0.1, steps=1, integrator=integrator)


@each
def test_a_stage_that_is_not_solved_shows_in_the_status_and_only_in_its_sample(integrator):
    class Wall(Linear):
        """The motion of sample 1 jumps: no state solves its stage equations."""

        def __init__(self):
            super().__init__(-np.eye(2))

        def target(self, t, y, out):
            out[...] = 0.0
            out[1] = np.where(y[1] >= 0.5, -1e3, 1e3)
            return out

    y0 = np.array([[1.0, 0.5], [0.7, 0.2], [0.1, 0.4]])
    run = integrate(Wall(), y0, dt=0.5, steps=3, integrator=integrator)
    assert run.status is Status.DIVERGED
    assert np.isnan(run.y[1]).all()
    np.testing.assert_allclose(run.y[[0, 2]], y0[[0, 2]] * integrator.amplification(0.5) ** 3, rtol=1e-11)


def test_registries_are_keyed_by_name_and_apart():
    assert list(IMPLICIT) == ["sdirk4"]
    assert all(name == integrator.name for name, integrator in IMPLICIT.items())
    assert not set(IMPLICIT) & set(INTEGRATORS)
