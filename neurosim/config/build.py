"""From an experiment to the objects that carry its physics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.units import Scale

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment
    from neurosim.devices import DeviceModel


def device_model(experiment: Experiment) -> DeviceModel:
    """Return the device model of [device]."""
    return experiment.device.build()


def scale(experiment: Experiment) -> Scale:
    """Return natural units in SI: ``g_ref = (g_max - g_min) / w_max``."""
    device, crossbar = experiment.device, experiment.crossbar
    g_ref = (device.g_max - device.g_min) / crossbar.w_max
    return Scale(v_ref=crossbar.v_ref, g_ref=g_ref, c_node=crossbar.c_node)
