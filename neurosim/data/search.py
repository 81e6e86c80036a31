"""Where the files of a data set are: given folders, system packages, the cache, and at last the network."""

from __future__ import annotations

import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from neurosim.data import idx
from neurosim.data.download import download
from neurosim.data.registry import SOURCES, IdxSource
from neurosim.errors import DataError

if TYPE_CHECKING:
    from neurosim.data.download import Progress

FOLDER_VARIABLE = "NEUROSIM_DATA"
URL_VARIABLE = "NEUROSIM_DATA_URL"
Arrays: TypeAlias = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Found:
    """Files that look like a data set, not yet checked: one npz file, or an idx file for each part."""

    where: Path
    files: dict[str, Path]
    archive: Path | None = None

    def read(self, source: IdxSource) -> Arrays:
        """Return the four arrays of bytes, checked against the checksums of `source`, or raise `DataError`."""
        if self.archive is not None:
            return _read_archive(self.archive, source)
        return {part: read_part(path, source, part) for part, path in self.files.items()}


def read_part(path: Path, source: IdxSource, part: str) -> np.ndarray:
    """Return one part of `source` from the idx file `path`, checked, or raise `DataError`."""
    return _verify(idx.read(path, source.parts[part][1]), source, part, path)


def local(source: IdxSource, folder: Path) -> Found | None:
    """Return the files of `source` in `folder` or in a sub-folder named after the set."""
    for where in (*(folder / name for name in source.folders), folder):
        files = {}
        for part, (name, _) in source.parts.items():
            for path in (where / name, where / f"{name}.gz"):
                if path.is_file():
                    files[part] = path
                    break
        if len(files) == len(source.parts):
            return Found(where, files)
    for name in source.folders:
        for path in (folder / f"{name}.npz", folder / f"{name}_u8.npz"):
            if path.is_file():
                return Found(folder, {}, path)
    return None


def places(source: IdxSource) -> list[tuple[str, Path]]:
    """Return the folders searched when none is given, with what each one is."""
    found = []
    if given := os.environ.get(FOLDER_VARIABLE):
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(f"${FOLDER_VARIABLE} = {given!r}: not a folder; correct or unset it")
        found.append((f"${FOLDER_VARIABLE}", folder))
    if source.system is not None:
        folder, package = source.system
        found.append((f"system package {package}", folder))
    return found


def cache_folder(source: IdxSource) -> Path:
    """Return the folder that downloads of `source` go to."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "neurosim" / source.name


def base_url(source: IdxSource, given: str | None) -> str:
    """Return the address of the folder with the files: home, or ``<mirror>/<name>/``."""
    mirror = given or os.environ.get(URL_VARIABLE)
    return f"{mirror.rstrip('/')}/{source.name}/" if mirror else source.url


def fetch(
    source: IdxSource, *, folder: Path | None, allow_download: bool, mirror: str | None, progress: Progress | None
) -> tuple[Arrays, str]:
    """Return the four arrays of `source` and where they were found.

    A given `folder` is the only place searched. Files that are there but wrong are an error, not a reason to look
    further; a damaged file in the cache is downloaded again.
    """
    if folder is not None:
        found = local(source, folder)
        if found is None:
            raise DataError(_missing_in(folder, source))
        return found.read(source), str(found.where)
    tried = []
    for what, place in places(source):
        if (found := local(source, place)) is not None:
            return found.read(source), f"{found.where} ({what})"
        tried.append(f"{what}: {place} does not hold it")
    cache = cache_folder(source)
    arrays: Arrays = {}
    try:
        for part, (name, _) in source.parts.items():
            arrays[part] = _cached(source, part, cache / f"{name}.gz", allow_download, mirror, progress)
    except DataError as error:
        tried.append(f"download: {error}" if allow_download else f"cache: {error}")
        raise DataError(_not_found(source, tried)) from error
    return arrays, f"{cache} (downloaded)"


def _cached(
    source: IdxSource, part: str, path: Path, allow_download: bool, mirror: str | None, progress: Progress | None
) -> np.ndarray:
    try:
        return read_part(path, source, part)
    except DataError as error:
        if not allow_download:
            raise DataError(f"{error}" if path.exists() else f"{path} is not there") from error
    name, shape = source.parts[part]
    arrived: list[np.ndarray] = []
    download(
        f"{base_url(source, mirror)}{name}.gz",
        path,
        lambda file: arrived.append(read_part(file, source, part)),
        limit=2 * math.prod(shape) + 4096,
        progress=progress,
    )
    return arrived[0]


def _read_archive(path: Path, source: IdxSource) -> Arrays:
    arrays: Arrays = {}
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not an npz file, or truncated")
    try:
        with np.load(path, allow_pickle=False) as archive:
            for part, (_, shape) in source.parts.items():
                array = archive[part]
                if array.dtype != np.uint8 or array.size != math.prod(shape):
                    raise DataError(f"{path}: {part} is {array.dtype} {array.shape}; expected uint8 {shape}")
                arrays[part] = _verify(array.reshape(shape), source, part, path)
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]}; expected the arrays {', '.join(source.parts)}") from error
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable npz file of plain arrays: {error}") from error
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


def _wanted(source: IdxSource) -> str:
    names = ", ".join(name for name, _ in source.parts.values())
    return f"{names} (plain or .gz), or {source.folders[0]}.npz with {', '.join(source.parts)}"


def _missing_in(folder: Path, source: IdxSource) -> str:
    state = "does not hold" if folder.is_dir() else "is not a folder that could hold"
    return f"data.folder = {str(folder)!r}: {state} {source.title}; expected there: {_wanted(source)}"


def ways(source: IdxSource) -> list[str]:
    """Return how a user can provide `source`, one sentence each."""
    found = [f"give a folder (data.folder or ${FOLDER_VARIABLE}) with {_wanted(source)}"]
    if source.system is not None:
        found.append(f"install the Debian or Ubuntu package: apt install {source.system[1]}")
    found.append(f"let it be downloaded from {source.url}, or from a mirror ${URL_VARIABLE}/{source.name}/")
    return found


def _not_found(source: IdxSource, tried: list[str]) -> str:
    steps = "; ".join(f"({number}) {way}" for number, way in enumerate(ways(source), start=1))
    return f"data set {source.title} not found. Tried: {'; '.join(tried)}. What you can do: {steps}"
