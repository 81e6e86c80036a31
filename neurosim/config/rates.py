"""Checks of ``train.lr``: one number, a list per layer, or a table per array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurosim.config.build import topology
from neurosim.errors import ConfigError, ShapeError, nearest

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment


LISTED = ("layered", "predictive_coding")
"""Architectures whose arrays each belong to one layer."""


def arrays(experiment: Experiment) -> list[str]:
    """Return the names of the arrays of the network."""
    return [synapse.name for synapse in topology(experiment).arrays]


def rate_findings(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with ``train.lr`` for this network, as table, key and what is allowed."""
    lr = experiment.train.lr
    count = len(experiment.network.layers) - 1 + len(experiment.network.convolutions)
    if isinstance(lr, tuple) and len(lr) != count:
        text = f"expected {count} rates, one per layer of weights, the first layer first"
        yield "train", "lr", text
    if isinstance(lr, tuple) and (experiment.network.architecture not in LISTED or experiment.network.skips):
        yield "train", "lr", "a list has one rate per layer; this network has further arrays: give a number or a table"
    if isinstance(lr, dict):
        try:
            known = arrays(experiment)
        except (ConfigError, ShapeError):  # no network: another finding says why
            known = list(lr)
        for name in lr:
            if name not in known:
                yield (
                    "train",
                    "lr",
                    f"unknown array {name!r}{nearest(name, known)}; arrays: {', '.join(known)}",
                )
    if isinstance(lr, dict | tuple) and not any(lr.values() if isinstance(lr, dict) else lr):
        yield "train", "lr", "nothing would be learned; expected at least one rate > 0"
