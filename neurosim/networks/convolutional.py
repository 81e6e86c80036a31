"""Convolutional networks: stacks of pooled convolutions, then dense layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.errors import ConfigError, ShapeError
from neurosim.networks.topology import BIAS, INPUT, Layer, Synapse, Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurosim.networks.convolution import ConvSpec, Shape

READOUTS = ("dense", "softmax")


def convolutional(
    input_shape: Shape,
    convolutions: Sequence[ConvSpec],
    classes: int,
    *,
    hidden: Sequence[int] = (),
    readout: str = "dense",
    tied: bool = True,
    bias: bool = True,
) -> Topology:
    """Return a network input -> maps h1 -> ... -> dense layers -> out, neighbours joined in both directions.

    Parameters
    ----------
    input_shape
        (channels, height, width) of the input.
    convolutions
        One per layer of maps, at least one.
    classes
        Size of the output layer, or of the readout.
    hidden
        Sizes of dense layers between the last maps and the output.
    readout
        ``"dense"``: a last layer of neurons with a squared error. ``"softmax"``: an array outside the dynamics reads
        the last layer, and the cost is its cross-entropy.
    tied
        One reciprocal array per pair of free layers; otherwise a second array ``B<l>`` carries the feedback, between
        maps of the forward array's shape and with its pooling. The first array has no feedback.
    bias
        One bias per neuron of a dense layer and per channel of a layer of maps (inside the pool, which is the same as
        behind it).

    Raises
    ------
    ConfigError
        No convolution, an unknown readout, or a size that is not positive.
    ShapeError
        A kernel or a window larger than the maps it is moved over.

    Notes
    -----
    Names are those of `neurosim.networks.topology.layered`. The architecture is that of Laborieux et al. 2021,
    doi:10.3389/fnins.2021.633674.
    """
    if not convolutions or min((*input_shape, classes, *hidden)) < 1:
        raise ConfigError(
            f"convolutional network of {len(convolutions)} convolutions on {input_shape}, layers {tuple(hidden)}, "
            f"{classes} classes: expected at least one convolution, and sizes >= 1"
        )
    if readout not in READOUTS:
        raise ConfigError(f"convolutional network: readout = {readout!r}: allowed {' | '.join(READOUTS)}")
    dense = [*hidden] if readout == "softmax" else [*hidden, classes]
    names = [f"h{i + 1}" for i in range(len(convolutions) + len(dense))]
    if readout == "dense":
        names[-1] = "out"
    layers, synapses = [Layer(INPUT, math.prod(input_shape), clamped=True, shape=input_shape)], list[Synapse]()
    for i, name in enumerate(names):
        pre, kernel = layers[-1], convolutions[i] if i < len(convolutions) else None
        shape = None if kernel is None or pre.shape is None else _pooled(i, kernel, pre.shape)
        layers.append(Layer(name, dense[i - len(convolutions)] if shape is None else math.prod(shape), shape=shape))
        synapses.append(Synapse(f"W{i + 1}", pre.name, name, reciprocal=tied and i > 0, kernel=kernel))
        if i and not tied:
            forward = None if kernel is None else f"W{i + 1}"
            synapses.append(Synapse(f"B{i + 1}", name, pre.name, kernel=kernel, forward=forward))
        if bias:
            synapses.append(Synapse(f"b{i + 1}", BIAS, name))
    layers.insert(1, Layer(BIAS, 1, clamped=True))
    read = [Synapse("readout", names[-1], "logits")] if readout == "softmax" else []
    if read and bias:
        read.append(Synapse("b_readout", BIAS, "logits"))
    return Topology(tuple(layers), tuple(synapses), names[-1], tuple(read), classes)


def _pooled(i: int, kernel: ConvSpec, shape: Shape) -> Shape:
    try:
        return kernel.pooled(shape)
    except ShapeError as error:
        raise ShapeError(f"convolution {i + 1}: {error}") from None
