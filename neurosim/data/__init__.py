"""Data sets: bundled ones, and MNIST, Fashion-MNIST and CIFAR-10."""

from neurosim.data.loading import Dataset, DatasetInfo, bundled, datasets, load

__all__ = ["Dataset", "DatasetInfo", "bundled", "datasets", "load"]
