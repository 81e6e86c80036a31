"""Data sets: the bundled digits, MNIST and Fashion-MNIST."""

from neurosim.data.loading import Dataset, DatasetInfo, bundled, datasets, load

__all__ = ["Dataset", "DatasetInfo", "bundled", "datasets", "load"]
