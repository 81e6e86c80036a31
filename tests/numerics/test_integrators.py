"""Every integrator of the registry: order, order conditions, stability function, contract of a step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from relaxations import Bistable, Coupled, Driven, Logistic, Rest, Spinning, slope
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.errors import ShapeError
from neurosim.numerics.integrate import integrate
from neurosim.numerics.integrators import EULER, EXPONENTIAL_EULER, INTEGRATORS, TSIT5, Workspace
from neurosim.numerics.integrators.tsit5 import EMBEDDED, ERROR

each = pytest.mark.parametrize("integrator", INTEGRATORS.values(), ids=list(INTEGRATORS))
with_tableau = pytest.mark.parametrize(
    "integrator", [i for i in INTEGRATORS.values() if hasattr(i, "tableau")], ids=lambda i: i.name
)
STABLE_BELOW = {"euler": 2.0, "exponential_euler": math.inf, "heun": 2.0, "rk4": 2.7853, "tsit5": 3.5068}

MIXING = 3 * np.array([[0.2, -0.7, 0.1], [0.5, 0.1, -0.4], [0.3, 0.6, -0.2]])
RATES = np.array([0.6, 1.0, 1.7])
PROBLEMS = {
    "coupled": (Coupled(MIXING), np.array([[1.0, -0.5, 0.3], [0.2, 0.8, -1.0]])),
    "coupled, own rates": (Coupled(MIXING, RATES), np.array([[1.0, -0.5, 0.3]])),
    "nonlinear": (Logistic(3.0), np.array([[0.1, 0.3, 0.7]])),
    "driven": (Driven(), np.array([[0.4, -1.0, 2.0]])),
    "driven, own rates": (Driven(RATES), np.array([[0.4, -1.0, 2.0]])),
    "complex": (Spinning(), np.array([[1.0 + 0.5j, -0.3 + 0.2j]])),
}


def solution(field, y0, integrator, dt, steps):
    return integrate(field, y0, dt=dt, steps=steps, integrator=integrator).y


@each
@pytest.mark.parametrize("problem", PROBLEMS)
def test_order(integrator, problem):
    field, y0 = PROBLEMS[problem]
    end, counts = 2.0, (32, 64, 128)
    errors = [np.linalg.norm(solution(field, y0, integrator, end / n, n) - field.exact(end, y0)) for n in counts]
    assert errors[-1] > 20 * np.finfo(float).eps, "rounding hides the order"
    # the slope between two steps deviates from the order in proportion to dt; that part is extrapolated away
    coarse, fine = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    assert 2 * fine - coarse == pytest.approx(integrator.order, abs=0.15)


def order_conditions(c, a, b):
    """Return (order, left side, right side) for the 17 rooted trees of up to five nodes."""
    n = len(b)
    matrix = np.zeros((n, n))
    for i, row in enumerate(a):
        matrix[i, : len(row)] = row
    b, c = np.array(b), np.array(c)
    ac = matrix @ c
    trees = [
        (1, np.ones(n), 1), (2, c, 1 / 2),
        (3, c**2, 1 / 3), (3, ac, 1 / 6),
        (4, c**3, 1 / 4), (4, c * ac, 1 / 8), (4, matrix @ c**2, 1 / 12), (4, matrix @ ac, 1 / 24),
        (5, c**4, 1 / 5), (5, c**2 * ac, 1 / 10), (5, ac**2, 1 / 20), (5, c * (matrix @ c**2), 1 / 15),
        (5, matrix @ c**3, 1 / 20), (5, c * (matrix @ ac), 1 / 30), (5, matrix @ (c * ac), 1 / 40),
        (5, matrix @ (matrix @ c**2), 1 / 60), (5, matrix @ (matrix @ ac), 1 / 120),
    ]  # fmt: skip
    return [(order, float(b @ tree), value) for order, tree, value in trees]


@with_tableau
def test_tableau_meets_the_order_conditions_and_no_more(integrator):
    table = integrator.tableau
    np.testing.assert_allclose([sum(row) for row in table.a], table.c, rtol=0, atol=1e-14)
    conditions = order_conditions(table.c, table.a, table.b)
    for order, left, right in conditions:
        if order <= integrator.order:
            assert left == pytest.approx(right, abs=2e-14)
    above = [abs(left - right) for order, left, right in conditions if order == integrator.order + 1]
    assert not above or max(above) > 1e-4


def test_embedded_solution_of_tsit5_has_order_four():
    lower = np.array(EMBEDDED.b) - np.array(ERROR)
    conditions = order_conditions(EMBEDDED.c, EMBEDDED.a, lower)
    for order, left, right in conditions:
        if order <= TSIT5.error_order:
            assert left == pytest.approx(right, abs=2e-14)
    assert max(abs(left - right) for order, left, right in conditions if order == 5) > 1e-4
    assert EMBEDDED.a[6] == TSIT5.tableau.b  # the last stage is the step itself


def test_embedded_step_is_the_fixed_step_and_its_error_has_order_five():
    field, y0 = Bistable(), np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    sizes, errors = (0.4, 0.2, 0.1), []
    for dt in sizes:
        out, slope_out, error, fixed = (np.empty_like(y0) for _ in range(4))
        first = field.target(0.0, y0, np.empty_like(y0)) - y0
        TSIT5.step_with_error(field, 0.0, dt, y0, first, out, slope_out, error, Workspace(y0, 1.0))
        TSIT5.step(field, 0.0, dt, y0, fixed, Workspace(y0, 1.0))
        np.testing.assert_allclose(out, fixed, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(slope_out, field.target(dt, out, np.empty_like(y0)) - out)
        errors.append(np.abs(error).max())
    assert slope(sizes, errors) == pytest.approx(TSIT5.error_order + 1, abs=0.15)


@each
def test_amplification_is_what_a_step_of_decay_does(integrator):
    rates = np.array([0.05, 0.3, 1.0, 1.9, 2.6])
    y0 = np.array([[1.0, -2.0, 3.0, 0.5, 1.0]])
    out = np.empty_like(y0)
    integrator.step(Rest(rates), 0.0, 1.0, y0, out, Workspace(y0, rates))
    np.testing.assert_allclose(integrator.amplification(rates), (out / y0)[0], rtol=0, atol=1e-13)
    for h in (0.1, 1, 2.5):
        one = integrator.step(Rest(), 0.0, h, y0, out, Workspace(y0, 1.0))[0, 0]
        assert integrator.amplification(h) == pytest.approx(one, abs=1e-13)


@each
def test_amplification_approximates_the_exponential_to_its_order(integrator):
    sizes = (0.2, 0.1, 0.05)
    if integrator is EXPONENTIAL_EULER:
        assert [integrator.amplification(h) for h in sizes] == [math.exp(-h) for h in sizes]
        return
    # the whole difference is c h^(order+1) (1 + O(h)): halving h divides it by 2^(order+1), nearly
    errors = [abs(integrator.amplification(h) - math.exp(-h)) for h in sizes]
    coarse, fine = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    assert 2 * fine - coarse == pytest.approx(integrator.order + 1, abs=0.15)


@each
def test_stable_range_is_as_documented(integrator):
    limit = STABLE_BELOW[integrator.name]
    inside = np.linspace(1e-3, min(limit, 50.0) - 1e-3, 400)
    assert np.abs(integrator.amplification(inside)).max() < 1.0
    if math.isfinite(limit):
        assert abs(integrator.amplification(limit + 1e-3)) > 1.0


def test_euler_with_dt_tau_is_the_iteration_of_the_literature():
    field, y = Bistable(), np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    want = y
    for _ in range(7):
        want = field.target(0.0, want, np.empty_like(want))
    np.testing.assert_array_equal(solution(field, y, EULER, 1.0, 7), want)
    assert EULER.amplification(1.0) == 0.0


def test_exponential_euler_is_exact_for_a_constant_target_at_any_step():
    class Constant(Rest):
        def target(self, t, y, out):
            out[...] = 0.7
            return out

    y0 = np.array([[2.0, -1.0, 0.0]])
    for dt in (0.01, 1.0, 40.0):
        want = 0.7 + (y0 - 0.7) * np.exp(-dt * RATES)
        got = solution(Constant(RATES), y0, EXPONENTIAL_EULER, dt, 1)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-15)


@each
def test_own_rates_equal_to_one_change_nothing(integrator):
    y0 = np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    plain = solution(Bistable(), y0, integrator, 0.3, 5)
    own = solution(Bistable(rate=np.ones(6)), y0, integrator, 0.3, 5)
    np.testing.assert_allclose(own, plain, rtol=0, atol=1e-15)


@each
def test_a_node_with_rate_r_lives_r_times_faster(integrator):
    y0 = np.array([[1.0, 2.0, -1.0]])
    own = solution(Rest(RATES), y0, integrator, 0.2, 6)
    for node, rate in enumerate(RATES):
        alone = solution(Rest(), y0[:, node : node + 1], integrator, 0.2 * rate, 6)
        np.testing.assert_allclose(own[:, node], alone[:, 0], rtol=1e-13)


@each
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_contract_of_a_step(integrator, dtype):
    y = np.linspace(-1.0, 1.0, 12).reshape(2, 6).astype(dtype)
    y = y + np.asarray(0.2j, dtype) if np.dtype(dtype).kind == "c" else y
    kind = y.real.dtype
    field = Bistable(weights=np.eye(6, dtype=kind) * 0.5, drive=np.linspace(0, 1, 6).astype(kind))
    before, out, work = y.copy(), np.full_like(y, np.nan), Workspace(y, field.rate)
    assert integrator.step(field, 0.0, 0.25, y, out, work) is out
    assert out.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(y, before)
    again = np.full_like(y, np.nan)
    integrator.step(field, 0.0, 0.25, y, again, work)
    np.testing.assert_array_equal(again, out)  # nothing is carried over in the workspace


@each
def test_counts_its_stages(integrator):
    class Counting(Rest):
        calls = 0

        def target(self, t, y, out):
            self.calls += 1
            return super().target(t, y, out)

    field, y = Counting(), np.ones((1, 2))
    integrator.step(field, 0.0, 0.5, y, np.empty_like(y), Workspace(y, 1.0))
    assert field.calls == integrator.stages


@each
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_same_numbers_on_the_strict_backend(integrator, dtype):
    y0 = np.linspace(-1.0, 1.0, 12).reshape(2, 6).astype(dtype)
    kind = y0.real.dtype
    parts = np.eye(6, dtype=kind) * 0.5, np.linspace(0, 1, 6).astype(kind), np.linspace(0.5, 1.5, 6)
    got = []
    for backend in (NUMPY, STRICT):
        weights, drive, rate = (backend.asarray(part) for part in parts)
        field = Bistable(weights=weights.astype(dtype), drive=drive, rate=rate)
        run = integrate(field, backend.asarray(y0), dt=0.3, steps=4, integrator=integrator)
        got.append((backend.to_host(run.y), backend.to_host(run.residual)))
    np.testing.assert_array_equal(got[1][0], got[0][0])
    np.testing.assert_array_equal(got[1][1], got[0][1])


def test_workspace_refuses_a_rate_of_another_length():
    with pytest.raises(ShapeError, match=r"rate has shape \(4,\); expected a number or \(3,\)"):
        Workspace(np.zeros((2, 3)), np.ones(4))


def test_workspace_keeps_its_buffers_and_ratios():
    work = Workspace(np.zeros((2, 3), np.float32), np.array([1.0, 2.0, 4.0]))
    assert work.buffer(1) is work.buffer(1)
    assert work.buffer(0) is not work.buffer(1)
    assert work.ratio(0.5) is work.ratio(0.5)
    assert work.ratio(0.5).dtype == np.float32
    np.testing.assert_array_equal(work.ratio(0.25), [0.25, 0.5, 1.0])
    assert Workspace(np.zeros((2, 3)), np.float32(2.0)).ratio(0.5) == 1.0


def test_registry_is_keyed_by_name():
    assert list(INTEGRATORS) == ["euler", "exponential_euler", "heun", "rk4", "tsit5"]
    assert all(name == integrator.name for name, integrator in INTEGRATORS.items())
