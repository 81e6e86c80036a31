"""Lock-in: the response and the free state of a quantity ``u`` while the nudge oscillates.

Real oscillation ``beta = B cos(theta)``: ``u = a_0 + sum_k a_k cos(k theta)`` is the Chebyshev series of u in
beta/B, and at ``beta = 0`` it gives

    du/dbeta = (a_1 - 3 a_3 + 5 a_5 - ...) / B      error B^2, B^4, B^6 with harmonics up to 1, 3, 5
    u(0)     = a_0 - a_2 + a_4 - ...                error B^2, B^4, B^6 with a_0; a_0, a_2; a_0, a_2, a_4

Complex rotation ``beta = B exp(i theta)`` at N points: Cauchy's formula, error B^N.

All are weighted sums over the samples. Where the samples are too large to keep, take the weights and add up
on the way. Phases and weights are numpy arrays on the host; samples may live on any backend, times first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.errors import ConfigError, RangeError, ShapeError

HARMONICS = (1, 3, 5)
ALIASING = 1e-9


def cosine_weights(phases: np.ndarray, order: int) -> np.ndarray:
    """Return the weights, shape (times,), of the cosine amplitude ``a_order`` (of the mean for order 0)."""
    weights: np.ndarray = np.cos(order * phases) * ((1 if order == 0 else 2) / len(phases))
    return weights


def sine_weights(phases: np.ndarray, order: int) -> np.ndarray:
    """Return the weights, shape (times,), of the sine amplitude ``b_order``."""
    weights: np.ndarray = np.sin(order * phases) * (2 / len(phases))
    return weights


def response_weights(phases: np.ndarray, amplitude: float, harmonic: int = 1) -> np.ndarray:
    """Return the weights, shape (times,), of ``du/dbeta = (a_1 - 3 a_3 + 5 a_5) / amplitude``.

    Parameters
    ----------
    phases
        Phases of the samples [rad], shape (times,): whole periods, evenly spaced.
    amplitude
        B of ``beta = B cos(phase)``, not 0.
    harmonic
        Highest harmonic used: 1, 3 or 5.

    Raises
    ------
    RangeError
        The amplitude is 0, or the phases do not separate the harmonics.
    ConfigError
        `harmonic` is not 1, 3 or 5.
    """
    orders = range(1, _harmonic(harmonic) + 1, 2)
    check_phases(phases, orders)
    # order k = 1, 3, 5 enters with (-1)^((k-1)/2) k
    return np.asarray(sum((-1) ** (k // 2) * k * cosine_weights(phases, k) for k in orders) / _amplitude(amplitude))


def free_weights(phases: np.ndarray, harmonic: int = 1) -> np.ndarray:
    """Return the weights, shape (times,), of ``u(0)``: a_0; a_0 - a_2; a_0 - a_2 + a_4 for 1; 3; 5."""
    orders = range(0, _harmonic(harmonic), 2)
    check_phases(phases, orders)
    return np.asarray(sum((-1) ** (k // 2) * cosine_weights(phases, k) for k in orders))


def rotation_weights(phases: np.ndarray, amplitude: float) -> np.ndarray:
    """Return the complex weights, shape (times,), of ``du/dbeta`` while ``beta = amplitude exp(i phase)``."""
    check_phases(phases, (1,), rotation=True)
    return np.exp(-1j * np.asarray(phases)) / (len(phases) * _amplitude(amplitude))


def harmonics(samples: Array, phases: np.ndarray, orders: Sequence[int]) -> tuple[Array, Array]:
    """Return the cosine and sine amplitudes ``a_k`` and ``b_k`` of `samples` for k in `orders`.

    Parameters
    ----------
    samples
        Shape (times, ...).
    phases
        Shape (times,) [rad].
    orders
        Harmonics, >= 0. Order 0 is the mean (its sine amplitude is 0).

    Returns
    -------
    tuple
        Two arrays of shape (orders, ...). Exact for trigonometric polynomials of these orders.
    """
    check_phases(phases, orders)
    cosines = np.stack([cosine_weights(phases, k) for k in orders])
    sines = np.stack([sine_weights(phases, k) for k in orders])
    return weighted(samples, cosines), weighted(samples, sines)


def response(samples: Array, phases: np.ndarray, amplitude: float, harmonic: int = 1) -> Array:
    """Return ``du/dbeta`` from `samples` (times, ...) under ``beta = amplitude cos(phase)``."""
    return weighted(samples, response_weights(phases, amplitude, harmonic))


def free_state(samples: Array, phases: np.ndarray, harmonic: int = 1) -> Array:
    """Return ``u(beta = 0)`` from `samples` (times, ...) under ``beta = amplitude cos(phase)``."""
    return weighted(samples, free_weights(phases, harmonic))


def rotation_response(samples: Array, phases: np.ndarray, amplitude: float) -> Array:
    """Return complex ``du/dbeta`` from `samples` (times, ...) under ``beta = amplitude exp(i phase)``.

    Its imaginary part is zero for a u that is real at real beta, up to noise.
    """
    return weighted(samples, rotation_weights(phases, amplitude))


def rotation_mean(samples: Array) -> Array:
    """Return ``u(beta = 0)`` from `samples` (times, ...) on a complex circle: their mean."""
    return samples.mean(axis=0)


def weighted(samples: Array, weights: np.ndarray) -> Array:
    """Return ``sum_t weights[..., t] samples[t, ...]`` in the precision of `samples`."""
    xp = namespace(samples)
    if weights.shape[-1] != samples.shape[0]:
        raise ShapeError(f"{samples.shape[0]} samples but {weights.shape[-1]} phases; expected one phase a sample")
    kind = np.result_type(samples.dtype, np.complex64 if weights.dtype.kind == "c" else np.float32)
    return xp.tensordot(xp.asarray(weights.astype(kind)), samples.astype(kind, copy=False), axes=1)


def check_phases(phases: np.ndarray, orders: Sequence[int], rotation: bool = False) -> None:
    """Raise `RangeError` unless the harmonics `orders` are orthogonal over `phases` (shape (times,)).

    Orders k and l mix when ``mean exp(i (k +- l) phase)`` is not 0. Evenly spaced phases over whole periods
    are safe with more than ``2 max(orders)`` points a period. For a rotation only the mean factor must be 0.
    """
    phases = np.asarray(phases, dtype=float)
    if phases.ndim != 1 or phases.size == 0:
        raise ShapeError(f"phases has shape {phases.shape}; expected (times,) with times > 0")
    mixed = {k for k in orders} if rotation else set()
    if not rotation:
        for k, other in combinations_with_replacement(sorted({0, *orders}), 2):
            mixed |= {other - k, other + k}
    for k in sorted(mixed - {0}):
        leak = abs(np.exp(1j * k * phases).mean())
        if leak > ALIASING:
            raise RangeError(
                f"{phases.size} phases do not separate the harmonics {list(orders)}: the mean of "
                f"exp({k} i phase) is {leak:.3g}, not 0; use whole periods of evenly spaced "
                f"phases with more than {2 * max(orders)} points a period"
            )


def _harmonic(harmonic: int) -> int:
    if harmonic not in HARMONICS:
        raise ConfigError(f"harmonic = {harmonic!r}: allowed are {', '.join(map(str, HARMONICS))}")
    return harmonic


def _amplitude(amplitude: float) -> float:
    if not (math.isfinite(amplitude) and amplitude != 0):
        raise RangeError(f"amplitude = {amplitude!r}: must be finite and not 0")
    return amplitude
