"""CIFAR-10 in its binary version: records of a label and an image of bytes, channel by channel, row by row.

The archive is checked against its published MD5. Of files that were unpacked or converted only the structure is known:
sizes, labels, and that every class is there equally often. The Python version is never opened: it is made of pickles.
"""

from __future__ import annotations

import hashlib
import math
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.data import npz
from neurosim.data.format import PARTS, Arrays, Download
from neurosim.data.registry import CifarSource
from neurosim.errors import DataError

PUBLISHED = "MD5 as published"
STRUCTURE = "sizes, labels and their numbers good, pixels without a published checksum"


@dataclass(frozen=True, slots=True)
class CifarFound:
    """The archive, an npz file, or the binary files in a folder."""

    source: CifarSource
    where: Path
    file: Path | None = None

    @property
    def checked(self) -> str:
        """Return what `read` makes sure of, in words."""
        return PUBLISHED if self._packed else STRUCTURE

    @property
    def _packed(self) -> bool:
        return self.file is not None and self.file.name == self.source.archive

    def read(self) -> Arrays:
        """Return images (n, channels, height, width) and labels (n,), checked, or raise `DataError`."""
        if self._packed and self.file is not None:
            return read_archive(self.file, self.source)
        if self.file is not None:
            return _read_npz(self.file, self.source)
        return _records({name: _content(self.where / name) for name in self.source.files}, self.source, self.where)


def find(source: CifarSource, folder: Path) -> CifarFound | None:
    """Return the files of `source` in `folder` or in a sub-folder named after the set."""
    for where in (*(folder / name for name in source.folders), folder):
        for name in (source.archive, f"{source.name}.npz"):
            if (where / name).is_file():
                return CifarFound(source, where, where / name)
        if all((where / name).is_file() for name in source.files):
            return CifarFound(source, where)
    return None


def cached(source: CifarSource, cache: Path, download: Download | None) -> tuple[Arrays, str]:
    """Return the four arrays of the archive in `cache`, which is downloaded where it is missing or damaged."""
    path = cache / source.archive
    try:
        return read_archive(path, source), PUBLISHED
    except DataError as error:
        if download is None:
            raise DataError(f"{error}" if path.exists() else f"{path} is not there") from error
    arrived: list[Arrays] = []
    download(source.archive, path, lambda file: arrived.append(read_archive(file, source)), source.bytes + 4096)
    return arrived[0], PUBLISHED


def wanted(source: CifarSource) -> str:
    """Return the files that a folder should hold, in words."""
    return (
        f"{source.archive}, or {source.files[0]} to {source.files[-1]} out of it, or {source.name}.npz with "
        f"{', '.join(PARTS)} as bytes (not the Python version, whose pickles are never opened; docs/cifar10.md says "
        "how to convert it)"
    )


def read_archive(path: Path, source: CifarSource) -> Arrays:
    """Return the four arrays of the packed binary version `path`, or raise `DataError`."""
    content = _content(path)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != source.md5:
        raise DataError(f"{path}: MD5 is {digest}, expected {source.md5}; remove it and get it again")
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in source.files and member.isfile() else None
                if file is not None:
                    found[name] = file.read(_size(source) + 1)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path}: truncated or damaged ({error}); copy it again") from error
    return _records(found, source, path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _size(source: CifarSource) -> int:
    return source.records * (1 + math.prod(source.image))


def _records(contents: Mapping[str, bytes], source: CifarSource, where: Path) -> Arrays:
    """Return the arrays of the binary files by name, the last of which is the test set."""
    images, labels = [], []
    for name in source.files:
        content = contents.get(name, b"")
        if len(content) != _size(source):
            raise DataError(
                f"{where}: {name} has {len(content)} bytes; expected {source.records} records of "
                f"{1 + math.prod(source.image)} bytes, a label and an image; copy it again"
            )
        table = np.frombuffer(content, np.uint8).reshape(source.records, -1)
        labels.append(table[:, 0])
        images.append(table[:, 1:].reshape(-1, *source.image))
    parts = (np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1])
    return _balanced(dict(zip(PARTS, parts, strict=True)), source, where)


def _read_npz(path: Path, source: CifarSource) -> Arrays:
    arrays = npz.read(path, PARTS)
    channels, height, width = source.image
    for part, count in zip(PARTS, np.repeat(source.samples, 2).tolist(), strict=True):
        array = arrays[part]
        if part.startswith("y"):
            shapes = [(count,), (count, 1)]
        else:
            shapes = [(count, *source.image), (count, math.prod(source.image)), (count, height, width, channels)]
        if array.dtype != np.uint8 or array.shape not in shapes:
            allowed = " or ".join(map(str, shapes))
            raise DataError(f"{path}: {part} is {array.dtype} {array.shape}; expected uint8 {allowed}")
        if array.shape == shapes[-1] and part.startswith("x"):
            array = array.transpose(0, 3, 1, 2)
        arrays[part] = array.reshape(shapes[0])
    return _balanced(arrays, source, path)


def _balanced(arrays: Arrays, source: CifarSource, where: Path) -> Arrays:
    """Return `arrays` if every class is there equally often, as it is published."""
    for part, count in zip(("y_train", "y_test"), source.samples, strict=True):
        found = np.bincount(arrays[part], minlength=source.classes).tolist()
        if found != [count // source.classes] * source.classes:
            raise DataError(
                f"{where}: {part} has {found} images of the classes; {source.title} has {count // source.classes} of "
                f"each of {source.classes}; get it again"
            )
    return arrays
