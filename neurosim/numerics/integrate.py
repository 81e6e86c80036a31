"""The time loops: fixed steps, and steps chosen by the error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError, ShapeError
from neurosim.numerics.integrators import TSIT5
from neurosim.numerics.integrators.base import EmbeddedIntegrator, Integrator, Workspace
from neurosim.numerics.noise import ModalNoise, Modes, StationaryNoise
from neurosim.numerics.relaxation import Integration, Observer, Relaxation
from neurosim.numerics.status import Status
from neurosim.numerics.step_size import StepSizeControl

CHECK_EVERY = 64
"""Steps between two looks for inf and NaN (a look waits for the device)."""


def integrate(
    field: Relaxation,
    y0: Array,
    *,
    t0: float = 0.0,
    dt: float,
    steps: int,
    integrator: Integrator,
    noise: float | Array | Modes | None = None,
    rng: Any = None,
    observe: Observer | None = None,
    observe_every: int = 1,
    tolerance: float = math.inf,
) -> Integration:
    """Integrate ``y' = rate (target(t, y) - y)`` over `steps` steps of `dt`.

    Parameters
    ----------
    field
        What to integrate.
    y0
        Initial state, shape (batch, nodes), floating or complex. Not changed.
    t0
        Time at the start, in units of tau.
    dt
        Step, > 0, in units of tau. The integrator's docstring gives its stable range.
    steps
        Number of steps, >= 0.
    integrator
        One of INTEGRATORS.
    noise
        Stationary standard deviation of white noise on the state, one number or an array (nodes,) (see
        `StationaryNoise`), or its modes where it couples the nodes (see `ModalNoise`); none if None or 0.
    rng
        Generator of the state's backend, needed for noise.
    observe
        ``observe(step, t, y)``, called after every `observe_every` steps. It must copy what it keeps.
    tolerance
        Largest residual that counts as settled; by default any finite one.

    Returns
    -------
    Integration
        Final state, residual and status. A state that is not finite ends the loop early with DIVERGED;
        numpy's overflow warnings on the way there are silenced, since the status says it.

    Raises
    ------
    RangeError, ShapeError
        dt, steps, the noise or a shape is wrong.
    ConfigError
        Noise without a generator.
    """
    xp = _check_start(y0)
    if not (math.isfinite(dt) and dt > 0):
        raise RangeError(f"dt = {dt!r}: must be positive and finite (units of tau)")
    if steps < 0 or observe_every < 1:
        raise RangeError(f"steps = {steps}, observe_every = {observe_every}: must be >= 0 and >= 1")
    y, out = y0.copy(), xp.empty_like(y0)
    work = Workspace(y0, field.rate)
    jitter = _jitter(noise, integrator, dt, y0, work, rng)
    made, advance, look = 0, integrator.step, CHECK_EVERY
    with np.errstate(over="ignore", invalid="ignore"):
        while made < steps:
            advance(field, t0 + made * dt, dt, y, out, work)
            y, out = out, y
            made += 1
            if jitter is not None:
                jitter.add(y)
            if observe is not None and made % observe_every == 0:
                observe(made, t0 + made * dt, y)
            if made == look:
                look += CHECK_EVERY
                if not bool(xp.isfinite(y.sum())):
                    break
        t = t0 + made * dt
        field.target(t, y, out)
        out -= y
        residual = _size(out)
    status = Status.of_residual(float(residual.max()), tolerance)
    return Integration(y, t, residual, made, made * integrator.stages + 1, status)


def integrate_adaptive(
    field: Relaxation,
    y0: Array,
    *,
    t0: float = 0.0,
    t1: float,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    integrator: Integrator = TSIT5,
    dt0: float | None = None,
    max_steps: int = 10_000,
    noise: float | Array | Modes | None = None,
    observe: Observer | None = None,
    tolerance: float = math.inf,
) -> Integration:
    """Integrate ``y' = rate (target(t, y) - y)`` from `t0` to `t1` with steps chosen by the error.

    Parameters
    ----------
    field, y0, observe, tolerance
        As for `integrate`; `observe` is called after every accepted step.
    t0, t1
        Span in units of tau, ``t1 >= t0``. The field must be smooth inside: end at its jumps, since a pulse
        shorter than the steps around it can be stepped over.
    rtol, atol
        Allowed error of a step: the root mean square over nodes of ``error / (atol + rtol |y|)`` is at most 1
        for every sample.
    integrator
        A method with an error estimate: ``TSIT5``.
    dt0
        First step; estimated when None.
    max_steps
        Limit on the steps tried; reaching it is the status STEP_LIMIT.
    noise
        Must be None or 0: the steps of this loop depend on the path, and would bias the noise.

    Raises
    ------
    ConfigError
        Noise, or an integrator without an error estimate.
    RangeError, ShapeError
        The span, the tolerances or a shape is wrong.
    """
    _check_start(y0)
    if noise is not None and not (isinstance(noise, float | int) and noise == 0):
        raise ConfigError(
            f"noise = {noise!r} with step size control: the chosen steps would depend on the noise; use a "
            "fixed-step integrator (euler, exponential_euler, heun, rk4, tsit5) or noise = 0"
        )
    if not (math.isfinite(t0) and math.isfinite(t1) and t1 >= t0):
        raise RangeError(f"t0 = {t0!r}, t1 = {t1!r}: must be finite with t1 >= t0 (units of tau)")
    if dt0 is not None and not (math.isfinite(dt0) and dt0 > 0):
        raise RangeError(f"dt0 = {dt0!r}: must be positive and finite (units of tau), or None")
    pair = _embedded(integrator)
    control = StepSizeControl(rtol, atol, pair.error_order + 1)
    control.check(y0)
    with np.errstate(over="ignore", invalid="ignore"):
        return _Adaptive(field, y0, t0, pair, control).run(t1, dt0, max_steps, observe, tolerance)


def _jitter(
    noise: float | Array | Modes | None, integrator: Integrator, dt: float, y: Array, work: Workspace, rng: Any
) -> StationaryNoise | ModalNoise | None:
    if noise is None or (isinstance(noise, float | int) and noise == 0):
        return None
    if isinstance(noise, Modes):
        return ModalNoise(noise, integrator, dt, y, rng)
    return StationaryNoise(noise, integrator, dt, y, work, rng)


class _Adaptive:
    """State of one adaptive integration: y and its slope, the buffers of the next step, and the counts."""

    def __init__(
        self, field: Relaxation, y0: Array, t0: float, pair: EmbeddedIntegrator, control: StepSizeControl
    ) -> None:
        xp = namespace(y0)
        self.field, self.pair, self.control = field, pair, control
        self.work = Workspace(y0, field.rate)
        self.t, self.y = t0, y0.copy()
        self.out, self.error, self.slope, self.slope_out = (xp.empty_like(y0) for _ in range(4))
        field.target(t0, self.y, self.slope)
        self.slope -= self.y
        self.accepted, self.tried, self.evaluations = 0, 0, 1

    def first_step(self, span: float) -> float:
        """Return a first step from the sizes of y, y' and y'' (Hairer, Norsett and Wanner 1993, II.4)."""
        y, control, xp = self.y, self.control, namespace(self.y)
        slope = self.slope * self.work.ratio(1.0)
        size, speed = control.norm(y, y, y), control.norm(slope, y, y)
        guess = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
        guess = min(guess, span)
        xp.add(y, slope * guess, out=self.out)
        ahead = self.field.target(self.t + guess, self.out, self.slope_out) - self.out
        self.evaluations += 1
        bend = control.norm(ahead * self.work.ratio(1.0) - slope, y, y) / guess
        steepest = max(speed, bend)
        if not math.isfinite(steepest):
            return guess
        if steepest <= 1e-15:
            return min(span, max(1e-6, guess * 1e-3))
        return min(span, 100 * guess, math.pow(0.01 / steepest, 1 / control.exponent))

    def run(
        self, t1: float, dt0: float | None, max_steps: int, observe: Observer | None, tolerance: float
    ) -> Integration:
        """Step until `t1`, the step limit, or a state that is not finite."""
        span = t1 - self.t
        dt = 0.0 if span == 0 else (dt0 or self.first_step(span))
        previous, rejected, status = 1e-4, False, None
        while self.t < t1 and status is None:
            # a step that nearly reaches the end is stretched to it, so that no sliver is left
            dt = t1 - self.t if self.t + 1.01 * dt >= t1 else dt
            error = self.attempt(dt)
            factor = self.control.factor(error, previous, rejected)
            rejected = not error <= 1.0
            if not rejected:
                self.accept(self.t + dt if dt < t1 - self.t else t1)
                previous = error
                if observe is not None:
                    observe(self.accepted, self.t, self.y)
            dt *= factor
            status = self.stopped(dt, error, max_steps, t1)
        residual = _size(self.slope)
        status = status or Status.of_residual(float(residual.max()), tolerance)
        counts = (self.accepted, self.evaluations, status, self.tried - self.accepted)
        return Integration(self.y, self.t, residual, *counts)

    def attempt(self, dt: float) -> float:
        """Try a step and return its scaled error."""
        self.pair.step_with_error(
            self.field, self.t, dt, self.y, self.slope, self.out, self.slope_out, self.error, self.work
        )
        self.tried += 1
        self.evaluations += self.pair.embedded_stages
        return self.control.norm(self.error, self.y, self.out)

    def accept(self, t: float) -> None:
        """Make the step just tried the current state."""
        self.y, self.out = self.out, self.y
        self.slope, self.slope_out = self.slope_out, self.slope
        self.t = t
        self.accepted += 1

    def stopped(self, dt: float, error: float, max_steps: int, t1: float) -> Status | None:
        """Return why the integration must stop before `t1`, or None."""
        if self.t >= t1:
            return None
        if not dt > 16 * math.ulp(max(abs(self.t), abs(t1))):  # also when dt is NaN
            return Status.STEP_LIMIT if math.isfinite(error) else Status.DIVERGED
        return Status.STEP_LIMIT if self.tried >= max_steps else None


def _check_start(y0: Array) -> Any:
    """Return the namespace of `y0`; raise unless it is a batch of floating or complex states."""
    xp = namespace(y0)
    if y0.ndim != 2 or y0.dtype.kind not in "fc":
        raise ShapeError(
            f"y0 has shape {tuple(y0.shape)} and dtype {y0.dtype}; expected (batch, nodes), floating or complex"
        )
    return xp


def _embedded(integrator: Integrator) -> EmbeddedIntegrator:
    if not hasattr(integrator, "step_with_error"):
        raise ConfigError(f"{integrator.name!r} has no error estimate for step size control; allowed: 'tsit5'")
    return integrator  # type: ignore[return-value]  # checked by its method


def _size(difference: Array) -> Array:
    """Return the largest magnitude of each sample; a real `difference` is overwritten."""
    xp = namespace(difference)
    if difference.dtype.kind == "c":
        return xp.abs(difference).max(axis=1)
    return xp.abs(difference, out=difference).max(axis=1)
