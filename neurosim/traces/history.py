"""What a trace gives back: recorded arrays with their axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class WeightHistory:
    """Conductances of one synapse: `step` (k,), `g_plus` and `g_minus` (k, rows, cols) [S]."""

    step: np.ndarray
    g_plus: np.ndarray
    g_minus: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class PulseHistory:
    """Programming pulses of one synapse: `step` (k,), `count` (k, rows, cols), positive raise the weight."""

    step: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class StateHistory:
    """States of one layer: `time` (T,) [s], `u` and `a` (T, batch, neurons) [V], complex where they were."""

    time: np.ndarray
    u: np.ndarray
    a: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class TeachingHistory:
    """Nudging strength: `time` (T,) [s] and complex `beta` (T,)."""

    time: np.ndarray
    beta: np.ndarray
