"""A small data set in the format of MNIST, in the place of MNIST."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from neurosim.data import idx
from neurosim.data.registry import MNIST, PARTS, SOURCES


def small(source, seed):
    """Return a source like `source` with 12 training and 5 test images of 2x3 pixels, and its arrays."""
    rng = np.random.default_rng(seed)
    shapes = {"x_train": (12, 2, 3), "y_train": (12,), "x_test": (5, 2, 3), "y_test": (5,)}
    arrays = {
        part: rng.integers(0, 256 if part.startswith("x") else 4, shape, np.uint8) for part, shape in shapes.items()
    }
    arrays["y_train"][0] = 3
    sums = {part: idx.checksum(array) for part, array in arrays.items()}
    parts = {part: (name, shapes[part]) for part, (name, _) in PARTS.items()}
    return replace(source, sha256=sums, parts=parts, samples=(12, 5)), arrays


class Files:
    """The small set's arrays, and ways to write them."""

    def __init__(self, arrays):
        self.arrays = arrays

    def contents(self, suffix=".gz"):
        pack = gzip.compress if suffix else bytes
        return {
            PARTS[part][0] + suffix: pack(idx.header(array.shape) + array.tobytes())
            for part, array in self.arrays.items()
        }

    def write(self, folder, suffix=".gz"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents(suffix).items():
            (folder / name).write_bytes(content)
        return folder


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Nothing on this machine is found unless a test puts it there, and nothing is asked of the network."""
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    monkeypatch.setenv("NEUROSIM_DATA_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def mnist(monkeypatch):
    source, arrays = small(MNIST, 0)
    monkeypatch.setitem(SOURCES, "mnist", source)
    return Files(arrays)


@pytest.fixture
def fashion(monkeypatch, tmp_path):
    source, arrays = small(SOURCES["fashion_mnist"], 1)
    source = replace(source, system=(tmp_path / "system", "dataset-fashion-mnist"))
    monkeypatch.setitem(SOURCES, "fashion_mnist", source)
    return Files(arrays)
