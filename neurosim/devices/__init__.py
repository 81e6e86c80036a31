"""Memory elements: what a pulse does to a conductance and what a read returns. One file per model."""

from neurosim.devices.base import DeviceModel
from neurosim.devices.cells import Cells
from neurosim.devices.constant_step import ConstantStep
from neurosim.devices.exp_step import ExpStep
from neurosim.devices.ideal import Ideal
from neurosim.devices.linear_step import LinearStep
from neurosim.devices.parameter import Parameter, parameters
from neurosim.devices.soft_bounds import SoftBounds

DEVICES: dict[str, type[DeviceModel]] = {
    "ideal": Ideal,
    "constant_step": ConstantStep,
    "linear_step": LinearStep,
    "soft_bounds": SoftBounds,
    "exp_step": ExpStep,
}
"""Device models by their name in experiment files."""

__all__ = [
    "DEVICES",
    "Cells",
    "ConstantStep",
    "DeviceModel",
    "ExpStep",
    "Ideal",
    "LinearStep",
    "Parameter",
    "SoftBounds",
    "parameters",
]
