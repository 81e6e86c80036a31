"""Arrays on the disk in files of bounded size, replaced as a whole or not at all.

The first file, at the path itself, holds what fits and the SHA-256 of all others; these are named after their content
and written before it. The rename of the first file is the moment at which the new arrays take the place of the old.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from neurosim.errors import TraceError

LARGEST_FILE = 16_000_000
"""Bytes; of no file more are written."""
ENTRY = 1024
"""Bytes counted for what an array or another file needs besides its values: names, headers, its line in the index."""
DAMAGE = (OSError, ValueError, EOFError, KeyError, RuntimeError, TypeError, zipfile.BadZipFile)
"""What numpy and zipfile raise for a file of which a bit is wrong."""


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` to `path` (.npz) and the files it needs beside it, then remove those of the arrays before.

    Killed at any moment, it leaves either the old arrays or the new ones, whole. An array larger than a file is
    cut into runs of its elements.

    Raises
    ------
    TraceError
        The disk refuses; the old arrays stay.
    """
    first, *others = _bins(arrays)
    hashes = []
    try:
        for bin_ in others:
            content = _packed(bin_)
            hashes.append(hashlib.sha256(content).hexdigest())
            _replace(_part(path, hashes[-1]), content)
        # The names: a zip directory can lose an entry in silence.
        index = {"shapes": {name: array.shape for name, array in arrays.items()}, "parts": hashes, "names": [*first]}
        _replace(path, _packed({**first, "index": text_array(json.dumps(index))}))
        _clear(path, keep=hashes)
    except OSError as error:
        raise TraceError(f"{path}: the checkpoint could not be written: {error.strerror}") from error


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays that were written to `path`.

    Raises
    ------
    TraceError
        A file is missing, damaged or of another content; names it.
    """
    where = path
    try:
        pieces = _unpacked(path.read_bytes())
        index = json.loads(array_text(pieces.pop("index")))
        if list(pieces) != index["names"]:
            raise ValueError("its list of contents does not hold")
        for digest in index["parts"]:
            where = _part(path, digest)
            content = where.read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError("its content has changed")
            pieces |= _unpacked(content)
        where = path
        return {name: _joined(name, tuple(shape), pieces) for name, shape in index["shapes"].items()}
    except DAMAGE as error:
        which = "it" if where == path else path
        raise TraceError(f"{where}: not a checkpoint ({error}); delete {which} to start afresh") from error


def remove(path: Path) -> None:
    """Remove `path` and its other files, also those of an interrupted write."""
    path.unlink(missing_ok=True)
    _clear(path, keep=())


def text_array(text: str) -> np.ndarray:
    """Return `text` as an array of its bytes."""
    return np.frombuffer(text.encode(), np.uint8)


def array_text(array: np.ndarray) -> str:
    """Return the text of `text_array`."""
    return array.tobytes().decode()


def _bins(arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Return the pieces of all arrays, file by file; there is room in the first for what it says of the others."""
    bins: list[dict[str, np.ndarray]] = [{}]
    total = sum(array.nbytes for array in arrays.values())
    room = LARGEST_FILE - ENTRY * (2 + len(arrays) + 2 * total // LARGEST_FILE)
    for name, array in arrays.items():
        for key, piece in _pieces(name, array):
            if bins[-1] and room < piece.nbytes + ENTRY:
                bins.append({})
                room = LARGEST_FILE - ENTRY
            bins[-1][key] = piece
            room -= piece.nbytes + ENTRY
    return bins


def _pieces(name: str, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    flat, size = array.reshape(-1), (LARGEST_FILE // 2) // max(array.itemsize, 1)
    for k, start in enumerate(range(0, max(flat.size, 1), size)):
        yield f"piece/{k}/{name}", flat[start : start + size]


def _joined(name: str, shape: tuple[int, ...], pieces: Mapping[str, np.ndarray]) -> np.ndarray:
    found = [pieces[f"piece/0/{name}"]]
    while (more := pieces.get(f"piece/{len(found)}/{name}")) is not None:
        found.append(more)
    return (np.concatenate(found) if len(found) > 1 else found[0]).reshape(shape)


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # names are data here, not keywords
    return content.getvalue()


def _unpacked(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _part(path: Path, digest: str) -> Path:
    return path.with_name(f"{path.stem}.{digest[:16]}{path.suffix}")


def _clear(path: Path, keep: Iterable[str]) -> None:
    """Remove the other files of `path`, except those of the hashes `keep`."""
    kept = {_part(path, digest).name for digest in keep}
    mine = re.compile(rf"{re.escape(path.stem)}(\.[0-9a-f]{{16}})?{re.escape(path.suffix)}(\.part)?")
    for other in list(path.parent.iterdir()) if path.parent.is_dir() else ():
        if other != path and other.name not in kept and mine.fullmatch(other.name):
            other.unlink(missing_ok=True)
