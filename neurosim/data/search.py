"""Where the files of a data set are: given folders, system packages, the cache, and at last the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.data import cifar_set, idx_set
from neurosim.data.download import download
from neurosim.data.format import Arrays, Download, Format, Found
from neurosim.data.registry import CifarSource, FileSource, IdxSource
from neurosim.errors import DataError

if TYPE_CHECKING:
    from neurosim.data.download import Progress

FOLDER_VARIABLE = "NEUROSIM_DATA"
URL_VARIABLE = "NEUROSIM_DATA_URL"

FORMATS: Mapping[type[Any], Format] = {IdxSource: idx_set, CifarSource: cifar_set}
"""Class of source -> the module that knows its files."""


def local(source: FileSource, folder: Path) -> Found | None:
    """Return the files of `source` in `folder` or in a sub-folder named after the set."""
    return FORMATS[type(source)].find(source, folder)


def places(source: FileSource) -> list[tuple[str, Path]]:
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


def cache_folder(source: FileSource) -> Path:
    """Return the folder that downloads of `source` go to."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "neurosim" / source.name


def base_url(source: FileSource, given: str | None) -> str:
    """Return the address of the folder with the files: home, or ``<mirror>/<name>/``."""
    mirror = given or os.environ.get(URL_VARIABLE)
    return f"{mirror.rstrip('/')}/{source.name}/" if mirror else source.url


def fetch(
    source: FileSource, *, folder: Path | None, allow_download: bool, mirror: str | None, progress: Progress | None
) -> tuple[Arrays, str, str]:
    """Return the four arrays of `source`, where they were found, and what was checked.

    A given `folder` is the only place searched. Files that are there but wrong are an error, not a reason to look
    further; a damaged file in the cache is downloaded again.
    """
    if folder is not None:
        found = local(source, folder)
        if found is None:
            raise DataError(_missing_in(folder, source))
        return found.read(), str(found.where), found.checked
    tried = []
    for what, place in places(source):
        if (found := local(source, place)) is not None:
            return found.read(), f"{found.where} ({what})", found.checked
        tried.append(f"{what}: {place} does not hold it")
    cache = cache_folder(source)
    get = _download(base_url(source, mirror), progress) if allow_download else None
    try:
        arrays, checked = FORMATS[type(source)].cached(source, cache, get)
    except DataError as error:
        tried.append(f"download: {error}" if allow_download else f"cache: {error}")
        raise DataError(_not_found(source, tried)) from error
    return arrays, f"{cache} (downloaded)", checked


def _download(home: str, progress: Progress | None) -> Download:
    def get(name: str, target: Path, check: Callable[[Path], Any], limit: int) -> None:
        download(f"{home}{name}", target, check, limit=limit, progress=progress)

    return get


def _missing_in(folder: Path, source: FileSource) -> str:
    state = "does not hold" if folder.is_dir() else "is not a folder that could hold"
    wanted = FORMATS[type(source)].wanted(source)
    return f"data.folder = {str(folder)!r}: {state} {source.title}; expected there: {wanted}"


def ways(source: FileSource) -> list[str]:
    """Return how a user can provide `source`, one sentence each."""
    wanted = FORMATS[type(source)].wanted(source)
    found = [f"give a folder (data.folder or ${FOLDER_VARIABLE}) with {wanted}"]
    if source.system is not None:
        found.append(f"install the Debian or Ubuntu package: apt install {source.system[1]}")
    found.append(f"let it be downloaded from {source.url}, or from a mirror ${URL_VARIABLE}/{source.name}/")
    return found


def _not_found(source: FileSource, tried: list[str]) -> str:
    steps = "; ".join(f"({number}) {way}" for number, way in enumerate(ways(source), start=1))
    return f"data set {source.title} not found. Tried: {'; '.join(tried)}. What you can do: {steps}"
