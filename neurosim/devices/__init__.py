"""Memory elements: what a pulse does to a conductance and what a read returns. One file per model."""

from neurosim.devices.ageing import Ageing
from neurosim.devices.base import DeviceModel
from neurosim.devices.cells import Cells
from neurosim.devices.constant_step import ConstantStep
from neurosim.devices.exp_step import ExpStep
from neurosim.devices.ideal import Ideal
from neurosim.devices.linear_step import LinearStep
from neurosim.devices.parameter import Parameter, parameters
from neurosim.devices.piecewise_step import PiecewiseStep
from neurosim.devices.power_step import PowerStep
from neurosim.devices.preset import Preset, preset, preset_names
from neurosim.devices.soft_bounds import SoftBounds
from neurosim.devices.soft_bounds_reference import SoftBoundsReference
from neurosim.devices.vteam import Vteam
from neurosim.devices.wear import Wear
from neurosim.devices.yakopcic import Yakopcic

DEVICES: dict[str, type[DeviceModel]] = {
    "ideal": Ideal,
    "constant_step": ConstantStep,
    "linear_step": LinearStep,
    "soft_bounds": SoftBounds,
    "exp_step": ExpStep,
    "power_step": PowerStep,
    "piecewise_step": PiecewiseStep,
    "soft_bounds_reference": SoftBoundsReference,
    "vteam": Vteam,
    "yakopcic": Yakopcic,
}
"""Device models by their name in experiment files."""

__all__ = [
    "DEVICES",
    "Ageing",
    "Cells",
    "ConstantStep",
    "DeviceModel",
    "ExpStep",
    "Ideal",
    "LinearStep",
    "Parameter",
    "PiecewiseStep",
    "PowerStep",
    "Preset",
    "SoftBounds",
    "SoftBoundsReference",
    "Vteam",
    "Wear",
    "Yakopcic",
    "parameters",
    "preset",
    "preset_names",
]
