"""Passive networks of conductances, diodes and amplifier stages: the substrate of Kendall et al. 2020."""

from neurosim.networks.resistive.diode import Clamp, Diode, antiparallel
from neurosim.networks.resistive.laws import LAWS, Law, Linear, Sinh
from neurosim.networks.resistive.layered import layered_resistive
from neurosim.networks.resistive.network import Conductances, ResistiveNetwork, Stage

__all__ = [
    "LAWS",
    "Clamp",
    "Conductances",
    "Diode",
    "Law",
    "Linear",
    "ResistiveNetwork",
    "Sinh",
    "Stage",
    "antiparallel",
    "layered_resistive",
]
