"""Current over voltage of the devices in a wired array, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.crossbar.currents.base import Current
from neurosim.crossbar.currents.ohmic import Ohmic
from neurosim.crossbar.currents.polynomial import Polynomial
from neurosim.crossbar.currents.sinh import Sinh

CURRENTS: dict[str, Callable[..., Any]] = {"ohmic": Ohmic, "sinh": Sinh, "polynomial": Polynomial}
"""Name -> class of the curve."""

__all__ = ["CURRENTS", "Current", "Ohmic", "Polynomial", "Sinh"]
