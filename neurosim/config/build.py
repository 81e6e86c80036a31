"""From an experiment to the objects that carry its physics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.config.sizes import SIZES
from neurosim.errors import ConfigError
from neurosim.networks.convolutional import convolutional
from neurosim.networks.graphs import loop, recurrent, with_skips
from neurosim.networks.predictive import predictive_coding
from neurosim.networks.topology import Topology, layered
from neurosim.units import Scale

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment
    from neurosim.config.tables import Network
    from neurosim.devices import DeviceModel


def device_model(experiment: Experiment) -> DeviceModel:
    """Return the device model of [device]."""
    return experiment.device.build()


def scale(experiment: Experiment) -> Scale:
    """Return natural units in SI: ``g_ref = (g_max - g_min) / w_max``."""
    device, crossbar = experiment.device, experiment.crossbar
    g_ref = (device.g_max - device.g_min) / crossbar.w_max
    return Scale(v_ref=crossbar.v_ref, g_ref=g_ref, c_node=crossbar.c_node)


def hidden_layers(top: Topology) -> tuple[str, ...]:
    """Return the names of the hidden layers, from the input: the free ones but error layers and a free output."""
    free = (layer.name for layer in top.free if not layer.inverted)
    return tuple(name for name in free if top.readout or name != top.output)


def updates_per_epoch(experiment: Experiment) -> int:
    """Return the updates of one pass over the training set, the last batch being smaller where they do not fit."""
    train, _ = SIZES[experiment.data.name].split(experiment.data.test_fraction)
    used = min(experiment.data.train_limit or train, train)
    return math.ceil(used / experiment.train.batch)


def topology(experiment: Experiment) -> Topology:
    """Return the layers and arrays of [network], whose convolutions are moved over the images of the data set.

    Raises
    ------
    ConfigError
        Convolutions over data that are no images, or sizes that give no network.
    ShapeError
        A kernel or a window larger than its maps.
    """
    network, softmax = experiment.network, experiment.network.output == "softmax"
    if not network.convolutions:
        return with_skips(_dense(network, softmax), network.skips)
    image = SIZES[experiment.data.name].image
    if image is None:
        raise ConfigError(f"network.convolutions: data set {experiment.data.name!r} has no images")
    return convolutional(
        image,
        [convolution.spec() for convolution in network.convolutions],
        network.layers[-1],
        hidden=network.layers[1:-1],
        readout="softmax" if softmax else "dense",
        tied=network.tied,
        bias=network.bias,
    )


def _dense(network: Network, softmax: bool) -> Topology:
    if network.architecture == "loop":
        return loop(network.layers, bias=network.bias, softmax_readout=softmax)
    if network.architecture == "recurrent":
        return recurrent(network.layers, bias=network.bias, softmax_readout=softmax)
    if network.architecture == "predictive_coding":
        return predictive_coding(network.layers, bias=network.bias, tied=network.tied, softmax_readout=softmax)
    return layered(network.layers, bias=network.bias, tied=network.tied, softmax_readout=softmax)
