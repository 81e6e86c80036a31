"""Where the power of a network goes, branch by branch: one file per kind of network."""

from __future__ import annotations

from neurosim.networks.power.base import Power
from neurosim.networks.power.rate import RatePower
from neurosim.networks.power.resistive import ResistivePower

__all__ = ["Power", "RatePower", "ResistivePower"]
