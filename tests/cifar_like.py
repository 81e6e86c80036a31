"""A small data set in the formats of CIFAR-10: six files of records of a label and a 3x32x32 image."""

import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np

from neurosim.data.registry import CIFAR10

RECORDS = 20


class CifarLike:
    """100 training and 20 test images, each class equally often; smooth, so that a network can tell classes apart."""

    def __init__(self):
        rng = np.random.default_rng(0)
        count = len(CIFAR10.files) * RECORDS
        labels = np.concatenate([rng.permutation(np.arange(RECORDS) % 10) for _ in CIFAR10.files])
        x = np.arange(32) / 32
        waves = np.sin(2 * np.pi * np.multiply.outer(np.arange(1, 11), x))[labels]
        pattern = np.array([1.0, 0.5, -1.0])[:, None, None] * waves[:, None, :, None] * np.cos(3 * x)
        images = 128 + 80 * pattern + rng.normal(0, 20, (count, 3, 32, 32))
        self.images, self.labels = images.clip(0, 255).astype(np.uint8), labels.astype(np.uint8)
        self.source = replace(CIFAR10, records=RECORDS, samples=(count - RECORDS, RECORDS))
        self.source = replace(self.source, md5=hashlib.md5(self.archive()).hexdigest())

    @property
    def arrays(self):
        cut = len(self.labels) - RECORDS
        parts = {"x_train": self.images[:cut], "y_train": self.labels[:cut]}
        return {**parts, "x_test": self.images[cut:], "y_test": self.labels[cut:]}

    def contents(self):
        table = np.concatenate((self.labels[:, None], self.images.reshape(len(self.labels), -1)), axis=1)
        return {name: table[k * RECORDS : (k + 1) * RECORDS].tobytes() for k, name in enumerate(CIFAR10.files)}

    def archive(self, contents=None):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as file:
            for name, content in {"readme.html": b"text", **(contents or self.contents())}.items():
                entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))
        found = bytearray(packed.getvalue())
        found[4:8] = bytes(4)  # the time in the header of gzip
        return bytes(found)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents().items():
            (folder / name).write_bytes(content)
        return folder
