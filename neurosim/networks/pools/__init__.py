"""Pools, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neurosim.networks.pools.average import AveragePool
from neurosim.networks.pools.base import Pool, Pooling
from neurosim.networks.pools.max import MaxPool
from neurosim.networks.pools.none import NoPool
from neurosim.networks.pools.softmax import SoftmaxPool

POOLS: Mapping[str, Callable[..., Any]] = {
    "none": lambda **_: NoPool(),
    "max": lambda size, **_: MaxPool(size),
    "average": lambda size, **_: AveragePool(size),
    "softmax": lambda size, temperature, **_: SoftmaxPool(size, temperature),
}
"""Name -> function of the options of a convolution (size, temperature)."""

__all__ = ["POOLS", "AveragePool", "MaxPool", "NoPool", "Pool", "Pooling", "SoftmaxPool"]
