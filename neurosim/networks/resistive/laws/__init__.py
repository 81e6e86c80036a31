"""Branch laws of array elements, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.networks.resistive.laws.base import Law, Parts
from neurosim.networks.resistive.laws.linear import Linear
from neurosim.networks.resistive.laws.sinh import Sinh

LAWS: dict[str, Callable[..., Any]] = {"linear": Linear, "sinh": Sinh}
"""Name -> class of the law; its fields are what a circuit file may set."""

__all__ = ["LAWS", "Law", "Linear", "Parts", "Sinh"]
