"""The samples of an experiment as batches of its backend, shuffled and augmented by named streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from neurosim.backend import Backend
from neurosim.config import Experiment, augmentation
from neurosim.config.sizes import SIZES
from neurosim.data import Dataset, load
from neurosim.data.images import normalised
from neurosim.rng import Streams


class Batches:
    """Inputs (batch, n_in) and targets (batch, classes) of an experiment.

    Order and augmentation of an epoch come from the streams ``shuffle`` and ``augment`` of its number, so that any
    batch of any epoch can be had without those before it.

    Attributes
    ----------
    data
        The data set, normalised.
    count
        Batches of an epoch; the last may be smaller.
    """

    def __init__(self, experiment: Experiment, streams: Streams) -> None:
        self.data = load_data(experiment)
        self.count = math.ceil(len(self.data.y_train) / experiment.train.batch)
        self._experiment, self._streams, self._augmentation = experiment, streams, augmentation(experiment)

    def epoch(self, epoch: int, offset: int = 0) -> Iterator[tuple[Any, Any]]:
        """Yield the batches of `epoch` from number `offset` on."""
        samples = len(self.data.y_train)
        order = self._streams.host("shuffle", epoch).permutation(samples)
        augment, size = self._augmentation, self._experiment.train.batch
        draws = None if augment is None else augment.draw(self._streams.host("augment", epoch), samples)
        for k in range(offset, self.count):
            rows = order[k * size : (k + 1) * size]
            x = self.data.x_train[rows]
            if augment is not None and draws is not None:
                x = augment.apply(x, draws[rows])
            yield self._of(x, self.data.y_train[rows])

    def train(self, rows: slice) -> tuple[Any, Any]:
        """Return training samples as they are, in the order of the data set."""
        return self._of(self.data.x_train[rows], self.data.y_train[rows])

    def test(self, rows: slice) -> tuple[Any, Any]:
        """Return test samples."""
        return self._of(self.data.x_test[rows], self.data.y_test[rows])

    def _of(self, x: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        return batch_arrays(self._experiment, x, labels, self.data.classes, self._streams.backend)


def load_data(experiment: Experiment) -> Dataset:
    """Return the data set of an experiment, its images normalised as [data.normalise] says."""
    spec = experiment.data
    found = load(
        spec.name,
        folder=spec.folder,
        test_fraction=spec.test_fraction,
        train_limit=spec.train_limit,
        test_limit=spec.test_limit,
    )
    image, table = SIZES[spec.name].image, spec.normalise
    if image is None or not table.std:
        return found
    std = [table.factor * value for value in table.std]
    x_train, x_test = (normalised(x, image, table.mean, std) for x in (found.x_train, found.x_test))
    return replace(found, x_train=x_train, x_test=x_test)


def batch_arrays(
    experiment: Experiment, x: np.ndarray, labels: np.ndarray, classes: int, backend: Backend
) -> tuple[Any, Any]:
    """Return inputs (batch, n_in) and targets (batch, classes) of `backend`: low everywhere, high at the label."""
    dtype = np.dtype(experiment.settle.dtype)
    net = experiment.network
    targets = np.full((len(labels), classes), net.target_low, dtype)
    targets[np.arange(len(labels)), labels] = net.target_high
    return backend.asarray(x.astype(dtype)), backend.asarray(targets)
