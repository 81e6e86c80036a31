"""Activations, one file each. To add one: write its file, and add it here."""

from __future__ import annotations

from neurosim.networks.activations.base import Activation
from neurosim.networks.activations.dsilu import Dsilu
from neurosim.networks.activations.half_clip import HalfClip
from neurosim.networks.activations.steep_logistic import SteepLogistic
from neurosim.networks.activations.tanh import Tanh
from neurosim.networks.activations.unit_clip import UnitClip

_ALL: tuple[Activation, ...] = (SteepLogistic(), HalfClip(), UnitClip(), Tanh(), Dsilu())

ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _ALL}
"""Activation by the name it has in an experiment file."""

__all__ = ["ACTIVATIONS", "Activation", "Dsilu", "HalfClip", "SteepLogistic", "Tanh", "UnitClip"]
