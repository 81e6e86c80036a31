"""Explicit Runge-Kutta steps from a Butcher tableau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.numerics.integrators.base import Workspace
from neurosim.numerics.relaxation import Relaxation


@dataclass(frozen=True, slots=True)
class Tableau:
    """Butcher tableau of an explicit method.

    Attributes
    ----------
    c
        Stage times in units of dt, ``c[0] = 0``.
    a
        Stage i starts from ``y + dt sum_j a[i][j] f_j``; row i has i entries.
    b
        The step is ``y + dt sum_i b[i] f_i``.
    """

    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]

    def stability(self) -> tuple[float, ...]:
        """Return ``r_k = b^T A^(k-1) 1``, k = 1, 2, ..., of the stability function ``1 + sum_k r_k z^k``."""
        powers, coefficients = [1.0] * len(self.b), []
        for _ in self.b:
            coefficients.append(sum(b * p for b, p in zip(self.b, powers, strict=True)))
            powers = [sum(a * p for a, p in zip(row, powers, strict=False)) for row in self.a]
        return tuple(coefficients)


def horner(coefficients: Sequence[float], h: float | Array) -> float | Array:
    """Return ``1 + sum_k coefficients[k-1] (-h)^k``: a stability function on ``y' = -y``."""
    value: float | Array = 0.0
    for r in reversed(coefficients):
        value = -h * (r + value)
    return 1.0 + value


def combine(weights: Sequence[float], slopes: Sequence[Array], h: float | Array, out: Array, scratch: Array) -> Array:
    """Write ``h sum_i weights[i] slopes[i]`` into `out`; `scratch` is overwritten."""
    multiply = namespace(out).multiply
    started = False
    for weight, slope in zip(weights, slopes, strict=False):
        if weight == 0.0:
            continue
        if started:
            out += multiply(slope, weight, out=scratch)
        else:
            multiply(slope, weight, out=out)
            started = True
    out *= h
    return out


def fill_slopes(
    tableau: Tableau, field: Relaxation, t: float, dt: float, y: Array, stage: Array, slopes: list[Array],
    work: Workspace,
) -> None:  # fmt: skip
    """Fill ``slopes[1:]``, ``target - y`` of the stages, given ``slopes[0]``. `stage` ends as the last."""
    h = work.ratio(dt)
    for i in range(1, len(slopes)):
        combine(tableau.a[i], slopes, h, stage, slopes[i])
        stage += y
        field.target(t + tableau.c[i] * dt, stage, slopes[i])
        slopes[i] -= stage


def runge_kutta_step(
    tableau: Tableau, field: Relaxation, t: float, dt: float, y: Array, out: Array, work: Workspace
) -> Array:
    """Write ``y(t + dt)`` into `out`. Uses one buffer per stage and one more."""
    stages = len(tableau.b)
    slopes = [work.buffer(i) for i in range(stages)]
    field.target(t, y, slopes[0])
    slopes[0] -= y
    fill_slopes(tableau, field, t, dt, y, out, slopes, work)
    combine(tableau.b, slopes, work.ratio(dt), out, work.buffer(stages))
    out += y
    return out
