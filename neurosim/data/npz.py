"""Data sets in npz files of plain arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from neurosim.errors import DataError


def read(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the arrays `names` of the npz file `path`.

    Raises
    ------
    DataError
        It is truncated, not an npz file, holds pickled objects, or lacks one of them.
    """
    names = list(names)
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not an npz file, or truncated")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]}; expected the arrays {', '.join(names)}") from error
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable npz file of plain arrays: {error}") from error
