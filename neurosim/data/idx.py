"""The idx format of MNIST: a big-endian header (0, 0, type, dimensions, sizes) and the values."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from neurosim.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_UINT8 = 8
_GZIP_MAGIC = b"\x1f\x8b"


def header(shape: tuple[int, ...]) -> bytes:
    """Return the idx header of an array of bytes of `shape`."""
    return struct.pack(f">HBB{len(shape)}I", 0, _UINT8, len(shape), *shape)


def checksum(array: np.ndarray) -> str:
    """Return the SHA-256 of the uncompressed idx file that would hold the bytes `array`."""
    digest = hashlib.sha256(header(array.shape))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def parse(content: bytes, where: Path | str, expected: tuple[int, ...] | None = None) -> np.ndarray:
    """Return the array of bytes in the idx file `content`, read-only.

    Raises
    ------
    DataError
        The magic number, the type or the length is not that of an idx file of unsigned bytes, or the shape is not
        `expected`; names `where`.
    """
    if len(content) < 4:
        raise DataError(f"{where}: {len(content)} bytes; an idx file has a header of at least 4")
    zero, kind, dims = struct.unpack(">HBB", content[:4])
    if zero or kind != _UINT8 or not dims:
        raise DataError(
            f"{where}: begins with {content[:4].hex(' ')}; an idx file of unsigned bytes begins with 00 00 08 "
            "and the number of dimensions"
        )
    start = 4 + 4 * dims
    if len(content) < start:
        raise DataError(f"{where}: ends inside its header; it is truncated, copy it again")
    shape = struct.unpack(f">{dims}I", content[4:start])
    if expected not in (None, shape):
        raise DataError(f"{where}: holds {shape}; expected {expected}")
    size = start + math.prod(shape)
    if len(content) != size:
        state = "truncated" if len(content) < size else "too long"
        raise DataError(
            f"{where}: {len(content)} bytes where {size} are needed for {shape}; it is {state}, copy it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of `shape` in the idx file `path`, plain or compressed with gzip.

    Raises
    ------
    DataError
        It cannot be read, is truncated, is not an idx file, or has another shape.
    """
    # One byte more than a whole file: enough to see that it is too long, whatever it would unpack to.
    limit = len(header(shape)) + math.prod(shape) + 1
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: truncated or damaged ({error}); copy it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse(content, path, shape)
