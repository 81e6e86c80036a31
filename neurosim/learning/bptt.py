"""Back-propagation through time: the exact gradient of the loss after T steps, truncated to the last K of them.

Explicit Euler with step h = rate dt makes ``u_{n+1} = u_n + h (drive(a_n) - u_n)``. With ``p_T = sigma'(u_T) dL/da``
and ``lambda_n = h p_{n+1}``, the derivative by the drive of step n,

    dL/dW = sum_{n = T-K}^{T-1} lambda_n d drive(a_n)/dW,    p_n = (1 - h) p_{n+1} + sigma'(u_n) (lambda_n M_n^T),

M_n being the coupling at a_n. At dt = 1 this is the iteration of the literature (Ernoult et al. 2019,
arXiv:1905.13633). On a settled network it tends to the implicit gradient (`measure_rbp`) as K grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError
from neurosim.learning.contrast import Contrast, Group
from neurosim.learning.observables.rate import RateObservables
from neurosim.networks.rate import RateNetwork
from neurosim.settle import transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neurosim.learning.bench import Bench
    from neurosim.learning.observables import Factors
    from neurosim.settle import Settled


def measure_bptt(bench: Bench, steps: int | None = None, *, mask: bool = False) -> Contrast:
    """Return the gradient of the loss after the free phase, through its last `steps` steps, as a finished contrast.

    Noise is left out. The factors hold one presentation per sample and step, which is what the method has to remember.

    Parameters
    ----------
    bench
        A rate network; its free phase is integrated by explicit Euler from rest, settled or not.
    steps
        K, 1 to ``options.free_steps``; ``options.nudged_steps`` when None.
    mask
        Leave out samples that are not settled at the end of the free phase.

    Raises
    ------
    ConfigError
        Not a rate network, another integrator than Euler, or more steps than the free phase has.
    """
    network, bench, steps = _unrolled(bench, steps)
    states, free = _last_states(bench, steps)
    states, at_rest = [*states, free.u], free
    if mask and not bool(free.settled.all()):
        keep = free.settled
        bench, at_rest, states = bench.part(keep), free.part(keep), [u[keep] for u in states]
    build = RateObservables(bench)
    parts = list(_backward(bench, network, build, states))
    factors = {name: _stacked([part[name] for part in parts]) for name in parts[0]} | build.loss(at_rest.a)
    batch = max(int(bench.x.shape[0]), 1)
    return Contrast((Group(0, factors),), batch, free.a, free.residual, free.settled, free.status)


def gradients_over_time(bench: Bench, steps: int) -> list[dict[str, Array]]:
    """Return dL/dW (rows, cols) truncated to the last t steps, for t = 1 .. `steps`; errors as `measure_bptt`."""
    network, bench, steps = _unrolled(bench, steps)
    states, free = _last_states(bench, steps)
    build, batch = RateObservables(bench), bench.x.shape[0]
    readout = {name: _gradient(pair, batch) for name, pair in build.loss(free.a).items()}
    total: dict[str, Array] = {}
    found = []
    for part in _backward(bench, network, build, [*states, free.u]):
        step = {name: _gradient(pair, batch) for name, pair in part.items()}
        total = {name: total[name] + g for name, g in step.items()} if total else step
        found.append({**total, **readout})
    return found


def _unrolled(bench: Bench, steps: int | None) -> tuple[RateNetwork, Bench, int]:
    """Return the network, the bench as it is unrolled, without noise and by Euler steps, and the steps to go back."""
    options, network = bench.options, bench.network
    if not isinstance(network, RateNetwork):
        raise ConfigError(f"bptt: written for rate networks, got a {type(network).__name__}; use the exact 'rbp'")
    if options.method == "transient" and options.integrator != "euler":
        raise ConfigError(
            f"settle.integrator = {options.integrator!r}: bptt goes back through explicit Euler steps; set 'euler'"
        )
    steps = options.nudged_steps if steps is None else steps
    if not 1 <= steps <= options.free_steps:
        raise ConfigError(
            f"bptt through the last {steps} steps: the free phase has settle.free_steps = {options.free_steps}; "
            f"expected 1 to {options.free_steps}"
        )
    return network, bench.undisturbed(replace(options, method="transient", integrator="euler")), steps


def _last_states(bench: Bench, steps: int) -> tuple[list[Array], Settled]:
    """Return u before each of the last `steps` steps of the free phase, (batch, nodes) each, and its end."""
    total, start = bench.options.free_steps, bench.start()
    states = [start] if steps == total else []

    def keep(step: int, t: float, u: Array) -> None:
        if total - steps <= step < total:
            states.append(u.copy())

    return states, transient(bench.field(), start, total, bench.options, observe=keep)


def _backward(
    bench: Bench, network: RateNetwork, build: RateObservables, states: Sequence[Array]
) -> Iterator[Mapping[str, Factors]]:
    """Yield P, Q of ``-dL/dW`` through single steps, from the last one back; `states` end with the final u."""
    top, end = network.topology, states[-1]
    xp, h = namespace(end), network.rate * bench.options.dt
    force = xp.zeros_like(end)
    force[:, top.slices[top.output]] = bench.cost().force(bench.output(network.activity(end)), bench.y)
    p = network.slope(end) * force
    couplings = network.terms(bench.weights(0))
    for u in reversed(states[:-1]):
        a, lam = network.activity(u), p * h
        yield build.adjoint(a, lam)
        back = xp.zeros_like(u)
        for term in couplings:
            if term.held is not None:
                term.held.renew()  # the pool of the step before
            for part in term.transposed(a):
                part.add(lam, back)
        p = p - lam + network.slope(u) * back


def _stacked(parts: Sequence[Factors]) -> Factors:
    xp = namespace(parts[0][0])
    return xp.concatenate([p for p, _ in parts]), xp.concatenate([q for _, q in parts])


def _gradient(factors: Factors, batch: int) -> Array:
    p, q = factors
    return namespace(p).matmul(p.T, q) * (-1.0 / batch)
