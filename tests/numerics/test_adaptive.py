"""Step size control: tolerances are respected, steps follow the solution, every ending has its status."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from relaxations import Bistable, Coupled, Driven, Logistic, Rest, Spinning, slope
from scipy.integrate import solve_ivp
from strict_cupy import STRICT

from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.numerics.integrate import integrate, integrate_adaptive
from neurosim.numerics.integrators import EULER, TSIT5
from neurosim.numerics.status import Status
from neurosim.numerics.step_size import StepSizeControl

MIXING = 3 * np.array([[0.2, -0.7, 0.1], [0.5, 0.1, -0.4], [0.3, 0.6, -0.2]])
RATES = np.array([0.6, 1.0, 1.7])
PROBLEMS = {
    "decay": (Rest(), np.array([[1.0, -2.0, 0.5]])),
    "coupled": (Coupled(MIXING), np.array([[1.0, -0.5, 0.3], [0.2, 0.8, -1.0]])),
    "coupled, own rates": (Coupled(MIXING, RATES), np.array([[1.0, -0.5, 0.3]])),
    "nonlinear": (Logistic(3.0), np.array([[0.1, 0.3, 0.7]])),
    "driven, own rates": (Driven(RATES, omega=4.0), np.array([[0.4, -1.0, 2.0]])),
    "complex": (Spinning(), np.array([[1.0 + 0.5j, -0.3 + 0.2j]])),
}


class Kicked(Driven):
    """A target that is slow but for one jump, smooth, at t = 5."""

    def target(self, t, y, out):
        out[...] = math.sin(t) + 3.0 * math.tanh((t - 5.0) / 0.05)
        return out


@pytest.mark.parametrize("problem", PROBLEMS)
def test_error_follows_the_tolerance(problem):
    field, y0 = PROBLEMS[problem]
    tolerances, errors = (1e-4, 1e-6, 1e-8, 1e-10), []
    for tolerance in tolerances:
        run = integrate_adaptive(field, y0, t1=4.0, rtol=tolerance, atol=tolerance)
        assert run.status is Status.SETTLED
        errors.append(np.abs(run.y - field.exact(4.0, y0)).max())
        # local errors within the tolerance; over four time constants they add up to a few of it
        assert errors[-1] < 10 * tolerance
    assert slope(tolerances, errors) == pytest.approx(1.0, abs=0.2)


def test_ends_exactly_at_t1_and_steps_add_up():
    times = []
    run = integrate_adaptive(
        Driven(), np.ones((1, 2)), t0=0.3, t1=7.7, observe=lambda step, t, y: times.append((step, t))
    )
    assert run.t == 7.7
    assert [step for step, _ in times] == list(range(1, run.steps + 1))
    assert times[-1][1] == 7.7
    assert all(b > a for (_, a), (_, b) in pairwise(times))


def test_observer_gets_the_states_of_its_times():
    field, y0 = Driven(), np.array([[0.3, -1.0]])
    integrate_adaptive(
        field, y0, t1=5.0, rtol=1e-9, atol=1e-9,
        observe=lambda step, t, y: np.testing.assert_allclose(y, field.exact(t, y0), rtol=0, atol=1e-7),
    )  # fmt: skip


def test_counts_evaluations_and_rejections():
    class Counting(Kicked):
        calls = 0

        def target(self, t, y, out):
            self.calls += 1
            return super().target(t, y, out)

    field = Counting()
    run = integrate_adaptive(field, np.zeros((1, 1)), t1=8.0, dt0=0.1)
    assert field.calls == run.evaluations == 1 + 6 * (run.steps + run.rejected)
    field = Counting()
    run = integrate_adaptive(field, np.zeros((1, 1)), t1=8.0)
    assert field.calls == run.evaluations == 2 + 6 * (run.steps + run.rejected)
    assert run.rejected > 0


def test_steps_are_short_where_the_solution_moves():
    times = [0.0]
    integrate_adaptive(Kicked(), np.zeros((1, 1)), t1=10.0, observe=lambda k, t, y: times.append(t))
    steps, middle = np.diff(times), (np.array(times[1:]) + times[:-1]) / 2
    assert steps[np.abs(middle - 5.0) < 0.1].max() < 0.06
    assert steps[(middle > 1) & (middle < 4)].min() > 0.2
    assert steps[middle > 7].max() > 0.2


def test_spends_its_evaluations_better_than_fixed_steps():
    field, y0 = Kicked(), np.zeros((1, 1))
    exact = integrate_adaptive(field, y0, t1=6.0, rtol=1e-12, atol=1e-12).y
    run = integrate_adaptive(field, y0, t1=6.0)
    steps = run.evaluations // TSIT5.stages
    fixed = integrate(field, y0, dt=6.0 / steps, steps=steps, integrator=TSIT5)
    assert np.abs(run.y - exact) < np.abs(fixed.y - exact) / 10


def test_agrees_with_an_independent_solver_on_a_network():
    field, y0 = Bistable(nodes=8), np.linspace(-1.0, 1.0, 8).reshape(1, 8)
    run = integrate_adaptive(field, y0, t1=6.0, rtol=1e-10, atol=1e-12)
    slopes = lambda t, y: np.tanh(y @ field.weights) + field.drive - y  # noqa: E731
    other = solve_ivp(slopes, (0, 6), y0[0], method="DOP853", rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(run.y[0], other.y[:, -1], rtol=0, atol=1e-9)


def test_residual_is_that_of_the_final_state():
    field, y0 = Bistable(), np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    run = integrate_adaptive(field, y0, t1=3.0)
    want = np.abs(field.target(run.t, run.y, np.empty_like(run.y)) - run.y).max(axis=1)
    np.testing.assert_allclose(run.residual, want, rtol=0, atol=1e-15)
    assert integrate_adaptive(field, y0, t1=3.0, tolerance=1e-6).status is Status.UNSETTLED
    assert integrate_adaptive(field, y0, t1=60.0, tolerance=1e-4).status is Status.SETTLED


def test_start_is_kept_and_runs_are_identical():
    y0 = np.linspace(-1.0, 1.0, 12).reshape(2, 6)
    before = y0.copy()
    runs = [integrate_adaptive(Bistable(), y0, t1=3.0) for _ in range(2)]
    np.testing.assert_array_equal(y0, before)
    np.testing.assert_array_equal(runs[0].y, runs[1].y)
    assert runs[0].steps == runs[1].steps


def test_no_time_returns_the_start():
    y0 = np.ones((1, 2))
    run = integrate_adaptive(Rest(), y0, t0=2.0, t1=2.0)
    np.testing.assert_array_equal(run.y, y0)
    assert not np.shares_memory(run.y, y0)
    assert (run.t, run.steps, run.evaluations) == (2.0, 0, 1)
    np.testing.assert_array_equal(run.residual, [1.0])


def test_first_step_may_be_given_and_a_far_too_long_one_is_cut():
    field, y0 = PROBLEMS["driven, own rates"]
    for dt0 in (1e-6, 0.1, 1e6):
        run = integrate_adaptive(field, y0, t1=4.0, rtol=1e-8, atol=1e-8, dt0=dt0)
        np.testing.assert_allclose(run.y, field.exact(4.0, y0), rtol=0, atol=1e-7)


def test_resting_state_is_crossed_in_a_few_steps():
    run = integrate_adaptive(Rest(), np.zeros((1, 3)), t1=1000.0)
    assert run.steps < 20
    assert not run.y.any()


def test_step_limit_is_a_status():
    run = integrate_adaptive(Driven(), np.ones((1, 2)), t1=100.0, max_steps=10)
    assert run.status is Status.STEP_LIMIT
    assert run.steps + run.rejected == 10
    assert 0 < run.t < 100.0


def test_reaching_the_end_with_the_last_allowed_step_is_not_a_step_limit():
    used = integrate_adaptive(Driven(), np.ones((1, 2)), t1=3.0)
    again = integrate_adaptive(Driven(), np.ones((1, 2)), t1=3.0, max_steps=used.steps + used.rejected)
    assert again.status is Status.SETTLED


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_start_that_is_not_finite_is_diverged_at_once(bad):
    run = integrate_adaptive(Rest(), np.array([[1.0, bad]]), t1=3.0)
    assert run.status is Status.DIVERGED
    assert run.evaluations < 400


def test_a_solution_that_blows_up_is_diverged_or_limited_before_its_pole():
    run = integrate_adaptive(Logistic(-1.0), np.array([[1.5]]), t1=5.0)  # pole at t = ln 3
    assert run.status in (Status.DIVERGED, Status.STEP_LIMIT)
    assert run.t == pytest.approx(math.log(3), abs=1e-4)


def test_a_target_that_turns_nan_is_diverged_where_it_happens():
    class Broken(Rest):
        def target(self, t, y, out):
            out[...] = 0.0 if t <= 1.0 else np.nan
            return out

    run = integrate_adaptive(Broken(), np.ones((1, 2)), t1=3.0)
    assert run.status is Status.DIVERGED
    assert run.t <= 1.0
    np.testing.assert_allclose(run.y, math.exp(-run.t), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_dtype_is_kept_and_strict_backend_gives_the_same(dtype):
    y0 = np.linspace(-1.0, 1.0, 12).reshape(2, 6).astype(dtype)
    weights, drive = np.eye(6, dtype=dtype) * np.asarray(0.5, dtype), np.linspace(0, 1, 6).astype(dtype)
    host = integrate_adaptive(Bistable(weights=weights, drive=drive), y0, t1=3.0, rtol=1e-5, atol=1e-6)
    field = Bistable(weights=STRICT.asarray(weights), drive=STRICT.asarray(drive))
    strict = integrate_adaptive(field, STRICT.asarray(y0), t1=3.0, rtol=1e-5, atol=1e-6)
    assert host.y.dtype == np.dtype(dtype)
    assert host.status is Status.SETTLED
    np.testing.assert_array_equal(STRICT.to_host(strict.y), host.y)
    assert strict.steps == host.steps


def test_every_sample_meets_the_tolerance_whatever_the_rest_of_the_batch():
    control = StepSizeControl(1e-3, 1e-3, 5)
    y = np.zeros((3, 4))
    error = np.zeros((3, 4))
    error[1] = 5e-3
    assert control.norm(error, y, y) == pytest.approx(5.0)
    assert control.norm(error[:, :2], y[:, :2] + 4.0, y[:, :2]) == pytest.approx(1.0)


def test_control_grows_shrinks_and_never_grows_after_a_rejection():
    control = StepSizeControl(1e-6, 1e-6, 5)
    assert control.factor(1e-30, 1e-4, rejected=False) == control.largest
    assert control.factor(1e-30, 1e-4, rejected=True) == 1.0
    assert control.factor(1e30, 1.0, rejected=False) == control.smallest
    assert control.factor(math.nan, 1.0, rejected=False) == control.smallest
    assert control.factor(32.0, 1.0, rejected=False) == pytest.approx(0.9 / 2)
    assert control.factor(1.0, 1.0, rejected=False) == pytest.approx(0.9)
    assert control.factor(0.5, 0.01, rejected=False) < control.factor(0.5, 0.9, rejected=False)


def test_control_remembers_the_error_of_the_last_accepted_step(monkeypatch):
    calls = []
    factor = StepSizeControl.factor

    def spy(self, error, previous, rejected):
        calls.append((error, previous, rejected))
        return factor(self, error, previous, rejected)

    monkeypatch.setattr(StepSizeControl, "factor", spy)
    run = integrate_adaptive(Kicked(), np.zeros((1, 1)), t1=8.0)
    assert run.rejected > 0
    last = 1e-4
    for k, (error, previous, rejected) in enumerate(calls):
        assert previous == last
        assert rejected == (k > 0 and calls[k - 1][0] > 1.0)
        last = error if error <= 1.0 else last


REFUSED = {
    "noise": (ConfigError, r"noise = 0.1 with step size control.*fixed-step", {"noise": 0.1}),
    "no error estimate": (ConfigError, r"'euler' has no error estimate.*'tsit5'", {"integrator": EULER}),
    "backwards": (RangeError, r"t0 = 0.0, t1 = -1.0", {"t1": -1.0}),
    "no end": (RangeError, r"t1 = inf", {"t1": math.inf}),
    "first step zero": (RangeError, r"dt0 = 0.0", {"dt0": 0.0}),
    "rtol zero": (RangeError, r"rtol = 0.0", {"rtol": 0.0}),
    "atol negative": (RangeError, r"atol = -1e-08", {"atol": -1e-8}),
    "rtol below rounding": (
        RangeError,
        r"rtol = 1e-08 is below the rounding of float32.*float64",
        {"y0": np.ones((1, 2), np.float32), "rtol": 1e-8},
    ),
    "flat start": (ShapeError, r"expected \(batch, nodes\)", {"y0": np.ones(3)}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    error, message, change = REFUSED[case]
    options = {"y0": np.ones((1, 2)), "t1": 1.0, "integrator": TSIT5} | change
    with pytest.raises(error, match=message):
        integrate_adaptive(Rest(), options.pop("y0"), **options)
