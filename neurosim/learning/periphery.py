"""What cannot be modelled together with converters and amplifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.errors import ConfigError
from neurosim.learning.conversion import ReadConverters
from neurosim.networks.rate import RateNetwork

if TYPE_CHECKING:
    from neurosim.learning.controller import Controller


def check_periphery(controller: Controller) -> None:
    """Raise `ConfigError` for what is not modelled together with the converters or amplifiers of `controller`."""
    network = controller.network
    rate = isinstance(network, RateNetwork)
    if (controller.converters or controller.amplifier) and not rate:
        raise ConfigError(f"crossbar.dac, crossbar.adc, network.amplifier: not modelled in a {type(network).__name__}")
    if controller.amplifier and network.topology.convolutional:
        raise ConfigError("network.amplifier.gain: not modelled for kernels; set 0, an ideal one")
    if controller.amplifier and controller.lines is not None:
        raise ConfigError(
            "network.amplifier.gain: not modelled with line resistance; leave [crossbar.wires] out, or set 0"
        )
    if controller.amplifier and network.topology.inverted:
        raise ConfigError("network.amplifier.gain: not modelled for predictive networks; set 0, an ideal one")
    if controller.amplifier and any(crossbar.mapping == "reference" for crossbar in controller.crossbars.values()):
        raise ConfigError(
            "network.amplifier.gain: the current of a shared reference column loads no single neuron; choose "
            "crossbar.mapping = 'balanced' or 'one_sided'"
        )
    noisy = any(crossbar.read_noise > 0 for crossbar in controller.crossbars.values())
    if isinstance(controller.converters, ReadConverters) and noisy and controller.noise_scope == "step":
        raise ConfigError(
            "crossbar.read_noise_scope = 'step': is referred to the drive, behind the ADCs of every read; choose "
            "'frozen' or 'phase'"
        )
