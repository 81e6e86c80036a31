"""Checks of ``train.lr``: one number, a list per layer, or a table per array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurosim.errors import nearest
from neurosim.networks.topology import layered

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment


def arrays(experiment: Experiment) -> list[str]:
    """Return the names of the arrays of the network."""
    network = experiment.network
    softmax = network.output == "softmax"
    top = layered(network.layers, bias=network.bias, tied=network.tied, softmax_readout=softmax)
    return [synapse.name for synapse in top.arrays]


def rate_findings(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with ``train.lr`` for this network, as table, key and what is allowed."""
    lr, layers = experiment.train.lr, experiment.network.layers
    if isinstance(lr, tuple) and len(lr) != len(layers) - 1:
        text = f"expected {len(layers) - 1} rates, one per layer of weights, the first layer first"
        yield "train", "lr", text
    if isinstance(lr, dict) and len(layers) >= (3 if experiment.network.output == "softmax" else 2):
        known = arrays(experiment)
        for name in lr:
            if name not in known:
                yield (
                    "train",
                    "lr",
                    f"unknown array {name!r}{nearest(name, known)}; arrays: {', '.join(known)}",
                )
    if isinstance(lr, dict | tuple) and not any(lr.values() if isinstance(lr, dict) else lr):
        yield "train", "lr", "nothing would be learned; expected at least one rate > 0"
