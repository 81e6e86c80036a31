"""MNIST and sets made like it: four idx files, or an npz file, whose content has a published checksum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.data import idx, npz
from neurosim.data.format import Arrays, Download
from neurosim.data.registry import SOURCES, IdxSource
from neurosim.errors import DataError

CHECKED = "checksums good"


@dataclass(frozen=True, slots=True)
class IdxFound:
    """One npz file, or an idx file for each part."""

    source: IdxSource
    where: Path
    files: dict[str, Path]
    archive: Path | None = None
    checked: str = CHECKED

    def read(self) -> Arrays:
        """Return the four arrays of bytes, checked against the checksums, or raise `DataError`."""
        if self.archive is not None:
            return _read_archive(self.archive, self.source)
        return {part: read_part(path, self.source, part) for part, path in self.files.items()}


def read_part(path: Path, source: IdxSource, part: str) -> np.ndarray:
    """Return one part of `source` from the idx file `path`, checked, or raise `DataError`."""
    return _verify(idx.read(path, source.parts[part][1]), source, part, path)


def find(source: IdxSource, folder: Path) -> IdxFound | None:
    """Return the files of `source` in `folder` or in a sub-folder named after the set."""
    for where in (*(folder / name for name in source.folders), folder):
        files = {}
        for part, (name, _) in source.parts.items():
            for path in (where / name, where / f"{name}.gz"):
                if path.is_file():
                    files[part] = path
                    break
        if len(files) == len(source.parts):
            return IdxFound(source, where, files)
    for name in source.folders:
        for path in (folder / f"{name}.npz", folder / f"{name}_u8.npz"):
            if path.is_file():
                return IdxFound(source, folder, {}, path)
    return None


def cached(source: IdxSource, cache: Path, download: Download | None) -> tuple[Arrays, str]:
    """Return the four arrays of the files in `cache`; what is missing or damaged is downloaded."""
    arrays = {part: _cached(source, part, cache / f"{name}.gz", download) for part, (name, _) in source.parts.items()}
    return arrays, CHECKED


def wanted(source: IdxSource) -> str:
    """Return the files that a folder should hold, in words."""
    names = ", ".join(name for name, _ in source.parts.values())
    return f"{names} (plain or .gz), or {source.folders[0]}.npz with {', '.join(source.parts)}"


def _cached(source: IdxSource, part: str, path: Path, download: Download | None) -> np.ndarray:
    try:
        return read_part(path, source, part)
    except DataError as error:
        if download is None:
            raise DataError(f"{error}" if path.exists() else f"{path} is not there") from error
    arrived: list[np.ndarray] = []
    limit = 2 * math.prod(source.parts[part][1]) + 4096
    download(path.name, path, lambda file: arrived.append(read_part(file, source, part)), limit)
    return arrived[0]


def _read_archive(path: Path, source: IdxSource) -> Arrays:
    arrays = npz.read(path, source.parts)
    for part, (_, shape) in source.parts.items():
        array = arrays[part]
        if array.dtype != np.uint8 or array.size != math.prod(shape):
            raise DataError(f"{path}: {part} is {array.dtype} {array.shape}; expected uint8 {shape}")
        arrays[part] = _verify(array.reshape(shape), source, part, path)
    return arrays


def _verify(array: np.ndarray, source: IdxSource, part: str, path: Path) -> np.ndarray:
    digest = idx.checksum(array)
    if digest == source.sha256[part]:
        return array
    for other in SOURCES.values():
        if isinstance(other, IdxSource) and digest in other.sha256.values():
            raise DataError(
                f"{path}: this is {other.title}, not {source.title}; keep each set in a folder of its own name, "
                f"such as {source.folders[0]}"
            )
    raise DataError(
        f"{path}: not the {part} of {source.title}: SHA-256 of the unpacked content is {digest}, "
        f"expected {source.sha256[part]}; remove it and get it again"
    )
