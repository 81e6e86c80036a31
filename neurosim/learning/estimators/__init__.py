"""Gradient estimators, one file each. Adding one is a file and a line in `ESTIMATORS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neurosim.learning.estimators.base import ContinuousEstimator, PhasedEstimator, Sample
from neurosim.learning.estimators.holomorphic import HolomorphicEP
from neurosim.learning.estimators.one_sided import OneSidedEP
from neurosim.learning.estimators.oscillating import OscillatingEP
from neurosim.learning.estimators.random_sign import RandomSignEP
from neurosim.learning.estimators.symmetric import SymmetricEP

Estimator = PhasedEstimator | ContinuousEstimator

ESTIMATORS: Mapping[str, Callable[..., Any]] = {
    "one_sided": lambda beta, **_: OneSidedEP(beta),
    "random_sign": lambda beta, **_: RandomSignEP(beta),
    "symmetric": lambda beta, **_: SymmetricEP(beta),
    "holomorphic": lambda beta, points, **_: HolomorphicEP(beta, points),
    "oscillating": lambda beta, **options: OscillatingEP(beta, **options),
}
"""Name -> function of the [learning] options (beta, points, waveform, dwell, periods, discard, harmonics)."""

__all__ = [
    "ESTIMATORS",
    "ContinuousEstimator",
    "Estimator",
    "HolomorphicEP",
    "OneSidedEP",
    "OscillatingEP",
    "PhasedEstimator",
    "RandomSignEP",
    "Sample",
    "SymmetricEP",
]
