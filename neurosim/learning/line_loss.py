"""Line resistance in training: what the terminals see of all arrays, solved anew every so many updates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.backend import Array, Backend
from neurosim.crossbar import Crossbar, PairState
from neurosim.crossbar.pair_lines import PairLines, attenuation, seen

PLANES = ("plus", "minus")


@dataclass(frozen=True, slots=True)
class LineReport:
    """What one solution of the lines of all arrays tells.

    Attributes
    ----------
    staleness
        ``|W_before - W| / |W|`` of all weights together as seen before and after the solution; NaN for a first one.
    residual, figure_of_merit, loss
        Those of the array with the largest, see `PairEffective`.
    """

    staleness: float
    residual: float
    figure_of_merit: float
    loss: float


def through_lines(pairs: Mapping[str, PairState], lines: Mapping[str, Array]) -> dict[str, PairState]:
    """Return all pairs as their terminals see them; `lines` holds the attenuation of ``<array>/<plane>``."""
    return {name: seen(pair, *(lines[f"{name}/{plane}"] for plane in PLANES)) for name, pair in pairs.items()}


def solve_lines(
    wiring: PairLines,
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    before: Mapping[str, Array],
    backend: Backend,
) -> tuple[dict[str, Array], LineReport]:
    """Return the attenuations at the conductances `pairs`, and how far those of `before` had gone stale.

    The lines are solved on the host in double precision and on one thread, whatever the backend of the arrays. To them
    a device that write noise has put below 0 S is open.
    """
    import scipy.linalg  # noqa: F401  # its BLAS can be limited to one thread only once it is loaded

    with threadpool_limits(limits=1):
        return _solve(wiring, crossbars, pairs, before, backend)


def _solve(
    wiring: PairLines,
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    before: Mapping[str, Array],
    backend: Backend,
) -> tuple[dict[str, Array], LineReport]:
    lines: dict[str, Array] = {}
    worst = np.zeros(3)
    for name, pair in pairs.items():
        planes = [_host(g, backend) for g in (pair.read_plus, pair.read_minus)]
        found = wiring.solve(*planes)
        for plane, g, effective in zip(PLANES, planes, (found.g_plus, found.g_minus), strict=True):
            lines[f"{name}/{plane}"] = backend.asarray(attenuation(g, effective), dtype=crossbars[name].dtype)
        worst = np.maximum(worst, (found.residual, found.figure_of_merit, found.loss))
    return lines, LineReport(_staleness(crossbars, pairs, before, lines), *(float(value) for value in worst))


def _staleness(
    crossbars: Mapping[str, Crossbar],
    pairs: Mapping[str, PairState],
    before: Mapping[str, Array],
    now: Mapping[str, Array],
) -> float:
    if not before:
        return math.nan
    moved = size = 0.0
    old, new = through_lines(pairs, before), through_lines(pairs, now)
    for name, crossbar in crossbars.items():
        weights = crossbar.weights(new[name])
        size += float((weights * weights).sum())
        moved += float(((crossbar.weights(old[name]) - weights) ** 2).sum())
    return math.sqrt(moved / size) if size else 0.0


def _host(g: Array, backend: Backend) -> np.ndarray:
    return np.maximum(np.asarray(backend.to_host(g), np.float64), 0.0)
