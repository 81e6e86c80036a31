"""Settling a network: `transient` integrates in time, `operating_point` finds the same fixed point faster.

Here physics (a bound network) meets numerics (integrators and solvers). Both return the state, the residual
``max |drive - u|`` of each sample and a status; neither raises for a network that did not settle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from neurosim.backend import Array
from neurosim.errors import ConfigError, ConvergenceError, choose
from neurosim.networks.rate import CoupledField
from neurosim.networks.resistive.circuit import ResistiveField
from neurosim.networks.resistive.thermal import thermal_modes
from neurosim.numerics.fixed_point import SOLVERS, solve
from neurosim.numerics.integrate import integrate, integrate_adaptive
from neurosim.numerics.integrators import IMPLICIT, INTEGRATORS
from neurosim.numerics.newton import newton
from neurosim.numerics.noise import Modes
from neurosim.numerics.relaxation import SmoothRelaxation
from neurosim.numerics.status import Status

Observe = Callable[[int, float, Array], None]
METHODS = ("transient", "operating_point")
ADAPTIVE = "tsit5_adaptive"

ALL_INTEGRATORS = {**INTEGRATORS, **IMPLICIT}

Field: TypeAlias = CoupledField | ResistiveField
"""A bound network."""


@dataclass(frozen=True, slots=True)
class SettleOptions:
    """How networks are settled.

    Attributes
    ----------
    method
        ``"transient"`` or ``"operating_point"``.
    integrator
        Name in `INTEGRATORS`, or ``"tsit5_adaptive"``; for networks that have a Jacobian also a name in `IMPLICIT`.
    dt
        Time step in units of tau. Explicit Euler with ``dt = 1`` is the discrete iteration of the literature.
    free_steps, nudged_steps
        Steps of the free and of each nudged phase (T and K of the papers).
    tolerance
        Largest residual (in units of the state) that counts as settled.
    max_sweeps, solver
        Limit and method of `operating_point`; Newton steps, and no choice of method, where there is a Jacobian.
    noise
        Stationary standard deviation of state noise, one number or an array (nodes,); of rate networks only.
    temperature
        Temperature [K] of the resistors of a passive network, whose thermal noise is added; 0 for none.
    rtol, atol
        Error control of the adaptive integrator.

    Raises
    ------
    ConfigError
        Unknown method, integrator or solver.
    """

    method: str = "transient"
    integrator: str = "euler"
    dt: float = 1.0
    free_steps: int = 50
    nudged_steps: int = 20
    tolerance: float = 1e-2
    max_sweeps: int = 500
    solver: str = "alternating"
    noise: float | Array = 0.0
    temperature: float = 0.0
    rtol: float = 1e-6
    atol: float = 1e-8

    def __post_init__(self) -> None:
        choose(dict.fromkeys(METHODS), self.method, "settle.method")
        choose({**ALL_INTEGRATORS, ADAPTIVE: None}, self.integrator, "settle.integrator")
        choose(SOLVERS, self.solver, "settle.solver")


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled (or not settled) state.

    Attributes
    ----------
    u, a
        State and activity, shape (batch, nodes).
    residual
        ``max_nodes |drive - u|``, shape (batch,).
    settled
        Which samples are within the tolerance, shape (batch,), bool.
    status
        Of the worst sample.
    products
        Multiply-adds of the matrix products per sample.
    """

    u: Array
    a: Array
    residual: Array
    settled: Array
    status: Status
    products: float

    def part(self, keep: Array) -> Settled:
        """Return some of the samples, `keep` being bool (batch,)."""
        settled = self.settled[keep]
        status = Status.SETTLED if bool(settled.all()) else self.status
        return Settled(self.u[keep], self.a[keep], self.residual[keep], settled, status, self.products)

    def require(self, where: str, tolerance: float) -> Settled:
        """Return self, or raise `ConvergenceError` naming the phase, the residual and what to change."""
        if self.status is Status.SETTLED:
            return self
        raise ConvergenceError(
            f"{where}: {int((~self.settled).sum())} of {self.settled.shape[0]} samples: {self.status.value} (largest "
            f"residual {float(self.residual.max()):.3g}, tolerance {tolerance:g})"
        )


def _finish(field: Field, y: Array, residual: Array, status: Status, tolerance: float) -> Settled:
    settled = residual <= tolerance
    if status is Status.STEP_LIMIT:
        settled = settled & False  # the end time was not reached, whatever the residual there
    if status in (Status.SETTLED, Status.UNSETTLED):
        status = Status.SETTLED if bool(settled.all()) else Status.UNSETTLED
    return Settled(y, field.activity(y).copy(), residual, settled, status, field.evaluations * field.products)


def transient(
    field: Field,
    start: Array,
    steps: int,
    options: SettleOptions,
    *,
    t0: float = 0.0,
    rng: Any = None,
    observe: Observe | None = None,
    observe_every: int = 1,
) -> Settled:
    """Return the state after integrating ``tau du/dt = drive - u`` for ``steps * options.dt`` time constants.

    Parameters
    ----------
    field
        A network bound to weights, input and nudge.
    start
        Initial u, shape (batch, nodes); complex when beta is. Not changed.
    steps
        Number of steps of length ``options.dt``.
    options
        Integrator, step and tolerance.
    t0
        Time at the start, in units of tau (a teaching signal depends on it).
    rng
        Generator of the state noise; needed for noise.
    observe
        Called as ``observe(step, t, u)`` after every `observe_every` steps; must copy what it keeps.

    Raises
    ------
    ConfigError
        State noise on a resistive network, thermal noise where it is not defined, or an implicit integrator on a
        network without a Jacobian.
    """
    noise = _noise(field, start, options)
    if options.integrator == ADAPTIVE:
        end = t0 + steps * options.dt
        run = integrate_adaptive(
            field,
            start,
            t0=t0,
            t1=end,
            rtol=options.rtol,
            atol=options.atol,
            noise=noise,
            observe=observe,
        )
    else:
        run = integrate(
            field,
            start,
            t0=t0,
            dt=options.dt,
            steps=steps,
            integrator=ALL_INTEGRATORS[options.integrator],
            noise=noise,
            tolerance=options.tolerance,
            rng=rng,
            observe=observe,
            observe_every=observe_every,
        )
    return _finish(field, run.y, run.residual, run.status, options.tolerance)


def _noise(field: Field, start: Array, options: SettleOptions) -> float | Array | Modes | None:
    """Return the noise of the state: its deviation, or what a passive network's resistors make."""
    given = options.noise
    if isinstance(given, float | int) and given == 0:
        given = None
    if isinstance(field, ResistiveField):
        if given is not None:
            raise ConfigError(
                f"settle.state_noise = {given}: set by its deviation at a node of conductance g_ref, which the nodes "
                "of a resistive network do not have; set state_noise = 0, or give its temperature"
            )
        return thermal_modes(field, start, options.temperature) if options.temperature else None
    if options.temperature:
        raise ConfigError("settle.temperature: a rate network needs the noise of each node; see thermal_deviation")
    return given


def operating_point(field: Field, start: Array, options: SettleOptions) -> Settled:
    """Return the fixed point reached from `start`: by ``options.solver``, or by Newton steps if there is a Jacobian."""
    if isinstance(field, SmoothRelaxation):
        root = newton(
            lambda y: field.current(0.0, y),
            lambda y: field.conductance(0.0, y),
            start,
            tolerance=options.tolerance,
            max_steps=options.max_sweeps,
        )
        return _finish(field, root.y, root.residual, root.status, options.tolerance)
    found = solve(field, start, tolerance=options.tolerance, max_sweeps=options.max_sweeps, method=options.solver)
    return _finish(field, found.y, found.residual, found.status, options.tolerance)


def settle(field: Field, start: Array, steps: int, options: SettleOptions, *, rng: Any = None) -> Settled:
    """Settle `field` from `start` as ``options.method`` says; `steps` and `rng` apply to a transient only."""
    if options.method == "operating_point":
        return operating_point(field, start, options)
    return transient(field, start, steps, options, rng=rng)
