"""From files to arrays that a network can learn from."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurosim.data import search
from neurosim.data.registry import SOURCES, BundledSource, DataSource, FileSource
from neurosim.errors import ConfigError, DataError, RangeError, choose

if TYPE_CHECKING:
    from neurosim.data.download import Progress

_PACKAGE = Path(__file__).resolve().parents[1]
_SPLIT_SEED = 1797  # of the bundled sets: the same training and test samples in every experiment


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Training and test samples.

    Attributes
    ----------
    x_train, x_test
        Inputs (samples, features), float32 in [0, 1].
    y_train, y_test
        Class of each sample, int64, 0 to `classes` - 1.
    classes
        Number of classes.
    name
        Name in the configuration.
    source
        Where the files were found.
    checked
        What was made sure of when they were read, in words.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    name: str
    source: str
    checked: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One line of the list of data sets: what it is, `bytes` to get, where it was `found`, else `how` to get it."""

    name: str
    title: str
    what: str
    samples: tuple[int, int]
    bytes: int
    licence: str
    citation: str
    found: str | None
    how: tuple[str, ...]


def load(
    name: str,
    *,
    folder: Path | str | None = None,
    test_fraction: float = 0.2,
    train_limit: int | None = None,
    test_limit: int | None = None,
    download: bool = True,
    mirror: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load the data set `name`: digits and iris (both bundled), mnist, fashion_mnist or cifar10.

    Sets that are not bundled are searched for in `folder` alone where it is given; else in ``$NEUROSIM_DATA``, in the
    system's package, and in the cache (``$XDG_CACHE_HOME/neurosim`` or ``~/.cache/neurosim``), to which they are
    downloaded. Their content must have the published checksum; of CIFAR-10 this is that of the archive, of files out of
    it the structure is checked.

    Parameters
    ----------
    name
        Name of the set.
    folder
        Folder with the files of the set or an npz file, see `neurosim.data.search`. Not for bundled sets.
    test_fraction
        Fraction of a bundled set that is the test set, in (0, 1). The split does not depend on any seed, and a
        smaller test set is part of a larger one. The other sets have a test set of their own.
    train_limit, test_limit
        Take the first so many samples only, 1 to all.
    download
        Whether the network may be used.
    mirror
        Address of a folder with ``<name>/<file>``, instead of ``$NEUROSIM_DATA_URL`` and the set's home.
    progress
        Called during a download with file name, bytes so far and all bytes (None if unknown).

    Raises
    ------
    DataError
        The set is not found (the message names all ways to get it), or a file is damaged or another one.
    ConfigError
        Unknown name, or a folder for a bundled set.
    RangeError
        `test_fraction` or a limit is out of range.
    """
    source = choose(SOURCES, name, "data.name")
    if isinstance(source, BundledSource):
        if folder is not None:
            raise ConfigError(f"data.folder = {str(folder)!r}: {name} comes with neurosim; leave the folder out")
        arrays, where, checked = _split(_read_bundled(source), test_fraction), "bundled with neurosim", "checksums good"
    else:
        given = None if folder is None else Path(folder).expanduser()
        arrays, where, checked = search.fetch(
            source, folder=given, allow_download=download, mirror=mirror, progress=progress
        )
    train = _limit("train_limit", train_limit, source, arrays["y_train"])
    test = _limit("test_limit", test_limit, source, arrays["y_test"])
    return Dataset(
        x_train=_inputs(arrays["x_train"][train], source),
        y_train=arrays["y_train"][train].astype(np.int64),
        x_test=_inputs(arrays["x_test"][test], source),
        y_test=arrays["y_test"][test].astype(np.int64),
        classes=int(arrays["y_train"].max()) + 1,
        name=name,
        source=where,
        checked=checked,
    )


def bundled(name: str) -> Path:
    """Return the path of the bundled file `name`, in an installed package or in a source tree."""
    if Path(name).name == name:
        for folder in (_PACKAGE / "_data", _PACKAGE.parent / "data"):
            if (folder / name).is_file():
                return folder / name
    raise DataError(f"{name!r} is not among the files bundled with neurosim; reinstall neurosim-analog")


def datasets() -> tuple[DatasetInfo, ...]:
    """Return all data sets, with where each is on this machine (not verified), or how to get it."""
    return tuple(_info(source) for source in SOURCES.values())


def _info(source: BundledSource | FileSource) -> DatasetInfo:
    found: str | None = "bundled"
    how: tuple[str, ...] = ()
    if not isinstance(source, BundledSource):
        folders = [*search.places(source), ("downloaded", search.cache_folder(source))]
        hits = [(what, search.local(source, folder)) for what, folder in folders]
        found = next((f"{hit.where} ({what})" for what, hit in hits if hit is not None), None)
        how = () if found else tuple(search.ways(source))
    return DatasetInfo(
        source.name,
        source.title,
        source.what,
        source.samples,
        source.bytes,
        source.licence,
        source.citation,
        found,
        how,
    )


def _read_bundled(source: BundledSource) -> dict[str, np.ndarray]:
    path = bundled(source.file)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in source.sha256}
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: damaged: {error}; reinstall neurosim-analog") from error
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() != source.sha256[name]:
            raise DataError(f"{path}: {name} does not match its checksum; reinstall neurosim-analog")
    return arrays


def _split(arrays: dict[str, np.ndarray], test_fraction: float) -> dict[str, np.ndarray]:
    if not 0 < test_fraction < 1:
        raise RangeError(f"data.test_fraction = {test_fraction!r}: must lie between 0 and 1, both excluded")
    labels = arrays["labels"]
    images = next(array for name, array in arrays.items() if name != "labels")
    # Sorting raw generator output: unlike shuffle() this stays the same in every numpy version.
    order = np.argsort(np.random.PCG64(_SPLIT_SEED).random_raw(len(labels)), kind="stable")
    size = min(max(round(test_fraction * len(labels)), 1), len(labels) - 1)
    test, train = order[:size], order[size:]
    return {"x_train": images[train], "y_train": labels[train], "x_test": images[test], "y_test": labels[test]}


def _limit(key: str, limit: int | None, source: DataSource, labels: np.ndarray) -> slice:
    if limit is not None and not 1 <= limit <= len(labels):
        raise RangeError(
            f"data.{key} = {limit}: {source.title} has {len(labels)} such samples; allowed: 1 to {len(labels)}"
        )
    return slice(limit)


def _inputs(images: np.ndarray, source: DataSource) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(source.levels)
