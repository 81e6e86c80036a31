"""The fixed-step loop: states, residual, status, observers, its cost, and what it refuses."""

from __future__ import annotations

import math
import time
import tracemalloc

import numpy as np
import pytest
from relaxations import Bistable, Driven, Logistic, Rest, Spinning
from strict_cupy import STRICT

from neurosim.errors import BackendError, RangeError, ShapeError
from neurosim.numerics.integrate import CHECK_EVERY, integrate
from neurosim.numerics.integrators import EULER, HEUN, INTEGRATORS, RK4
from neurosim.numerics.status import Status

each = pytest.mark.parametrize("integrator", INTEGRATORS.values(), ids=list(INTEGRATORS))
START = np.linspace(-1.0, 1.0, 12).reshape(2, 6)


class Idle:
    """A field that costs nothing: what is left is the loop."""

    rate = 1.0

    def target(self, t, y, out):
        return out


@each
def test_start_is_not_changed_and_result_is_its_own(integrator):
    before = START.copy()
    run = integrate(Bistable(), START, dt=0.5, steps=3, integrator=integrator)
    np.testing.assert_array_equal(START, before)
    assert not np.shares_memory(run.y, START)


def test_no_steps_return_the_start():
    run = integrate(Bistable(), START, t0=2.0, dt=0.5, steps=0, integrator=EULER)
    np.testing.assert_array_equal(run.y, START)
    assert not np.shares_memory(run.y, START)
    assert (run.t, run.steps, run.evaluations) == (2.0, 0, 1)


@each
def test_counts_and_time(integrator):
    run = integrate(Bistable(), START, t0=1.5, dt=0.1, steps=7, integrator=integrator)
    assert run.steps == 7
    assert run.evaluations == 7 * integrator.stages + 1
    assert run.t == 1.5 + 7 * 0.1


def test_time_is_not_accumulated():
    times = []
    integrate(Rest(), START, dt=0.1, steps=1000, integrator=EULER, observe=lambda step, t, y: times.append(t))
    assert times == [(k + 1) * 0.1 for k in range(1000)]


def test_field_sees_the_time_from_t0():
    field = Driven()
    y0 = np.array([[0.3, -0.2]])
    whole = integrate(field, y0, dt=0.05, steps=40, integrator=RK4)
    half = integrate(field, y0, dt=0.05, steps=20, integrator=RK4)
    rest = integrate(field, half.y, t0=half.t, dt=0.05, steps=20, integrator=RK4)
    np.testing.assert_allclose(rest.y, whole.y, rtol=0, atol=1e-15)


def test_residual_is_the_distance_to_the_target_of_each_sample():
    field = Bistable()
    run = integrate(field, START, dt=0.3, steps=4, integrator=HEUN)
    want = np.abs(field.target(run.t, run.y, np.empty_like(run.y)) - run.y).max(axis=1)
    np.testing.assert_array_equal(run.residual, want)
    assert run.residual.shape == (2,)
    spin = integrate(Spinning(), START + 1j, dt=0.3, steps=4, integrator=HEUN)
    assert spin.residual.dtype == np.float64
    np.testing.assert_allclose(spin.residual, np.abs(Spinning().eigenvalue * spin.y).max(axis=1))


def test_status_compares_the_worst_sample_with_the_tolerance():
    y0 = np.array([[0.0, 0.0], [0.0, 1.0]])
    options = {"dt": 0.5, "steps": 3, "integrator": EULER}
    assert integrate(Rest(), y0, tolerance=0.13, **options).status is Status.SETTLED
    assert integrate(Rest(), y0, tolerance=0.12, **options).status is Status.UNSETTLED
    assert integrate(Rest(), y0, **options).status is Status.SETTLED


def test_every_status_says_what_to_do():
    for status in set(Status) - {Status.SETTLED}:
        assert ";" in status.value
        assert any(word in status.value for word in ("use", "allow"))


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_state_that_is_not_finite_is_diverged(integrator, bad):
    y0 = START.copy()
    y0[1, 3] = bad
    run = integrate(Rest(), y0, dt=0.5, steps=3, integrator=integrator)
    assert run.status is Status.DIVERGED
    assert np.isfinite(run.residual).tolist() == [True, False]


@each
def test_growth_without_bound_ends_early_and_without_warnings(integrator):
    y0 = np.full((1, 2), 1.5, np.float32)
    run = integrate(Logistic(-1.0), y0, dt=0.5, steps=10_000, integrator=integrator)
    assert run.status is Status.DIVERGED
    assert run.steps == CHECK_EVERY
    assert run.t == 0.5 * CHECK_EVERY


def test_an_unstable_step_is_diverged_however_late():
    run = integrate(Rest(), np.ones((1, 1), np.float32), dt=2.5, steps=1000, integrator=EULER)
    assert run.status is Status.DIVERGED
    assert run.steps == 4 * CHECK_EVERY  # 1.5^n leaves float32 at n = 219


def test_large_but_finite_states_are_not_diverged():
    run = integrate(Rest(), np.full((4, 600), 1e30, np.float32), dt=0.01, steps=130, integrator=EULER)
    assert run.status is Status.SETTLED


def test_observer_sees_every_kth_state():
    seen = {}
    options = {"dt": 0.25, "integrator": HEUN}
    integrate(
        Bistable(), START, t0=1.0, steps=10, observe=lambda k, t, y: seen.update({k: (t, y.copy())}),
        observe_every=3, **options,
    )  # fmt: skip
    assert list(seen) == [3, 6, 9]
    for step, (t, y) in seen.items():
        assert t == 1.0 + step * 0.25
        np.testing.assert_array_equal(y, integrate(Bistable(), START, t0=1.0, steps=step, **options).y)


@each
def test_two_runs_are_identical(integrator):
    runs = [
        integrate(
            Bistable(), START.astype(np.float32), dt=0.7, steps=30, integrator=integrator, noise=0.1,
            rng=np.random.Generator(np.random.SFC64(1)),
        )
        for _ in range(2)
    ]  # fmt: skip
    np.testing.assert_array_equal(runs[0].y, runs[1].y)
    assert not np.array_equal(
        runs[0].y, integrate(Bistable(), START.astype(np.float32), dt=0.7, steps=30, integrator=integrator).y
    )


@each
def test_samples_of_a_batch_do_not_touch_each_other(integrator):
    both = integrate(Bistable(), START, dt=0.4, steps=9, integrator=integrator).y
    for k in range(2):
        alone = integrate(Bistable(), START[k : k + 1], dt=0.4, steps=9, integrator=integrator).y
        np.testing.assert_allclose(alone, both[k : k + 1], rtol=0, atol=1e-14)


def test_non_contiguous_start():
    wide = np.linspace(-1.0, 1.0, 24).reshape(2, 12)
    run = integrate(Bistable(), wide[:, ::2], dt=0.4, steps=9, integrator=HEUN)
    want = integrate(Bistable(), wide[:, ::2].copy(), dt=0.4, steps=9, integrator=HEUN)
    np.testing.assert_array_equal(run.y, want.y)


@each
@pytest.mark.parametrize("noise", [None, 0.1])
def test_loop_allocates_nothing(integrator, noise):
    y0 = np.zeros((64, 522), np.float32)
    rng = np.random.Generator(np.random.SFC64(1))
    options = {"dt": 0.5, "integrator": integrator, "noise": noise, "rng": rng}
    integrate(Idle(), y0, steps=2, **options)
    peaks = []
    for steps in (2, 80):
        tracemalloc.start()
        integrate(Idle(), y0, steps=steps, **options)
        peaks.append(tracemalloc.get_traced_memory()[1] / y0.nbytes)
        tracemalloc.stop()
    buffers = integrator.stages + 1 if hasattr(integrator, "tableau") else 0
    assert peaks[1] < 2 + buffers + (noise is not None) + 0.2
    assert abs(peaks[1] - peaks[0]) < 0.1


def test_loop_costs_little_beyond_the_target():
    y0 = np.zeros((64, 522), np.float32)

    def seconds(steps):
        start = time.perf_counter()
        integrate(Idle(), y0, dt=1.0, steps=steps, integrator=EULER)
        return time.perf_counter() - start

    per_step = (min(seconds(3000) for _ in range(5)) - min(seconds(1000) for _ in range(5))) / 2000
    assert per_step < 20e-6  # about 0.5e-6 on an idle core; the target itself takes a hundred times that


def test_strict_backend_with_noise_and_observer():
    y0 = STRICT.asarray(START.astype(np.float32))
    rng = STRICT.generator(np.random.SeedSequence(3))
    seen = []
    run = integrate(
        Rest(STRICT.asarray(np.ones(6))), y0, dt=0.5, steps=70, integrator=HEUN, noise=0.1, rng=rng,
        observe=lambda k, t, y: seen.append(STRICT.to_host(y)), observe_every=35,
    )  # fmt: skip
    assert run.status is Status.SETTLED
    np.testing.assert_array_equal(STRICT.to_host(run.y), seen[1])
    assert STRICT.to_host(run.residual).shape == (2,)


REFUSED = {
    "dt zero": (RangeError, r"dt = 0.0: must be positive", {"dt": 0.0}),
    "dt negative": (RangeError, r"dt = -1.0", {"dt": -1.0}),
    "dt nan": (RangeError, r"dt = nan", {"dt": math.nan}),
    "steps negative": (RangeError, r"steps = -1", {"steps": -1}),
    "observe_every zero": (RangeError, r"observe_every = 0", {"observe_every": 0}),
    "flat start": (ShapeError, r"shape \(6,\).*expected \(batch, nodes\)", {"y0": START[0]}),
    "integer start": (ShapeError, r"int64.*floating or complex", {"y0": np.zeros((2, 6), np.int64)}),
    "a list": (BackendError, r"list is not an array", {"y0": [[0.0]]}),
    "rate of another length": (ShapeError, r"rate has shape \(4,\)", {"field": Rest(np.ones(4))}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    error, message, change = REFUSED[case]
    options = {"field": Rest(), "y0": START, "dt": 0.5, "steps": 2, "integrator": EULER} | change
    with pytest.raises(error, match=message):
        integrate(options.pop("field"), options.pop("y0"), **options)
