"""Checks of optimiser, schedule and dropout: ignored keys, rates that would rise, lists that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurosim.config.build import hidden_layers, topology
from neurosim.errors import ConfigError, ShapeError

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

ADAMW_KEYS = ("beta1", "beta2", "epsilon")
SCHEDULE_KEYS = ("lr_min", "schedule_epochs", "schedule_per")


def _changed(e: Experiment, keys: tuple[str, ...]) -> Iterator[str]:
    fields = type(e.train).model_fields
    return (key for key in keys if getattr(e.train, key) != fields[key].default)


def _keys_of_the_optimiser(e: Experiment) -> Iterator[tuple[str, str, str]]:
    train = e.train
    if train.optimiser != "adamw":
        for key in _changed(e, ADAMW_KEYS):
            yield "train", key, f"has no effect on optimiser = {train.optimiser!r}; leave it out, or set 'adamw'"
    elif train.momentum > 0:
        yield "train", "momentum", "optimiser = 'adamw' has beta1 instead; set momentum = 0, or optimiser = 'sgd'"
    if train.decoupled and train.weight_decay == 0:
        yield "train", "decoupled", "there is no decay to decouple; set weight_decay > 0, or leave it out"
    if train.decay_biases and train.weight_decay == 0:
        yield "train", "decay_biases", "there is no decay for them; set weight_decay > 0, or leave it out"
    if not e.network.bias:
        for table, key in (("train", "decay_biases"), ("network", "init_bias_gain")):
            if getattr(getattr(e, table), key):
                yield table, key, "the network has no biases; set [network] bias = true, or leave it out"
    if e.trace.weights_every and not e.trace.weights:
        yield "trace", "weights_every", "[trace] weights = false stores none; leave one of the two out"


def _keys_of_the_schedule(e: Experiment) -> Iterator[tuple[str, str, str]]:
    train = e.train
    if train.schedule == "constant":
        for key in _changed(e, SCHEDULE_KEYS):
            yield "train", key, "has no effect on schedule = 'constant'; leave it out, or set schedule = 'cosine'"
        return
    rates = (
        train.lr.values() if isinstance(train.lr, dict) else train.lr if isinstance(train.lr, tuple) else (train.lr,)
    )
    least = min((float(rate) for rate in rates if rate > 0), default=0.0)
    if train.lr_min > least > 0:
        yield "train", "lr_min", f"above the initial rate {least:g}, to which it would rise; expected a number below it"


def _dropout(e: Experiment) -> Iterator[tuple[str, str, str]]:
    shares = e.network.dropout
    if shares == 0:
        return
    try:
        count = len(hidden_layers(topology(e)))
    except (ConfigError, ShapeError):  # no network: another finding says why
        return
    if isinstance(shares, tuple) and len(shares) != count:
        yield "network", "dropout", f"expected {count} probabilities, one per hidden layer, the first layer first"
    elif count == 0:
        yield "network", "dropout", "the network has no hidden layer whose neurons could be silent; leave it out"


RECIPE_CHECKS = (_keys_of_the_optimiser, _keys_of_the_schedule, _dropout)
