"""How the files of a kind of data set are recognised, read, checked and fetched. One module per kind; see `search`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

Arrays: TypeAlias = dict[str, np.ndarray]
"""x_train, y_train, x_test, y_test: bytes."""

PARTS = ("x_train", "y_train", "x_test", "y_test")

Download: TypeAlias = Callable[[str, Path, Callable[[Path], Any], int], None]
"""Called with a file's name at the set's home, where it shall go, its check, and its largest size in bytes."""


class Found(Protocol):
    """Files that look like a data set, not yet checked."""

    @property
    def where(self) -> Path:
        """Their folder."""
        ...

    @property
    def checked(self) -> str:
        """What `read` makes sure of, in words."""
        ...

    def read(self) -> Arrays:
        """Return the four arrays, checked, or raise `DataError`."""
        ...


class Format(Protocol):
    """A kind of data set; its sources are a class in `registry`."""

    def find(self, source: Any, folder: Path) -> Found | None:
        """Return the files of `source` in `folder` or in a sub-folder named after the set."""
        ...

    def cached(self, source: Any, cache: Path, download: Download | None) -> tuple[Arrays, str]:
        """Return the four arrays from the folder of downloads, and what was checked.

        Files that are missing or damaged are downloaded; without `download` they raise `DataError`.
        """
        ...

    def wanted(self, source: Any) -> str:
        """Return the files that a folder should hold, in words."""
        ...
