"""A file that changes from one consistent content to the next, whatever the moment its process is killed.

An HDF5 flush rewrites several places of a file in turn. A kill between two of these writes leaves a file
whose index points nowhere: of all cuts between two recorded writes, about 1 in 150 lost records acknowledged
long before. So the HDF5 library writes into a `JournaledFile`, and `commit` makes all writes since the last
commit appear at once:

- bytes past the committed end go straight to the file: nothing refers to them yet;
- bytes before it are held in memory, page by page. `commit` appends these pages, the journal, with a checksum
  behind the end of the file, then writes them to their places, then cuts the journal off.

Killed before the journal is whole, the file has the old content; after that, `committed_pages` finds the
journal and a reader sees the new content. Other HDF5 readers open the file too, unless the kill fell between
the writes of pages to their places.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PAGE = 4096
_FOOTER = struct.Struct("<QI8s")  # number of pages, CRC-32 of entries and pages, magic
_ENTRY = struct.Struct("<QI")  # offset in the file, bytes
_MAGIC = b"nsimJRN1"
_EVERYTHING = 2**62


class PagedFile:
    """A file read through pages that replace its content: the file object that h5py is given.

    Parameters
    ----------
    descriptor
        Open file descriptor, owned from now on.
    pages
        Offset -> bytes that stand in the place of those in the file. Offsets are multiples of 4096.
    size
        Length of the content in bytes.
    """

    def __init__(self, descriptor: int, pages: dict[int, bytearray], size: int) -> None:
        self._descriptor = descriptor
        self._pages = pages
        self._size = size
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` from the start, the position or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from the position on; bytes never written read as zero. Returns the bytes read."""
        view = memoryview(buffer).cast("B")
        start = self._position
        count = max(0, min(len(view), self._size - start))
        data = os.pread(self._descriptor, count, start)
        view[: len(data)] = data
        view[len(data) : count] = bytes(count - len(data))
        for offset in range(start - start % _PAGE, start + count, _PAGE):
            if (page := self._pages.get(offset)) is not None:
                low, high = max(start, offset), min(start + count, offset + len(page))
                if low < high:
                    view[low - start : high - start] = page[low - offset : high - offset]
        self._position += count
        return count

    def read(self, count: int = -1) -> bytes:
        """Return up to `count` bytes from the position on."""
        buffer = bytearray(max(0, self._size - self._position) if count < 0 else count)
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def write(self, data: bytes) -> int:
        """Refuse: this file is read-only."""
        raise OSError("read-only")

    def truncate(self, size: int | None = None) -> int:
        """Keep the length: this file is read-only."""
        return self._size

    def flush(self) -> None:
        """Do nothing: writes become visible with `JournaledFile.commit`."""

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class JournaledFile(PagedFile):
    """A new file at `path`, locked against other writers and readers while it is open.

    Raises
    ------
    BlockingIOError
        Another process writes it.
    OSError
        It cannot be created or written.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            lock(descriptor, fcntl.LOCK_EX)
            os.ftruncate(descriptor, 0)
        except BaseException:
            os.close(descriptor)
            raise
        super().__init__(descriptor, {}, 0)
        self._committed = 0
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write `data` at the position: to the file past the committed end, to memory before it.

        An error of the disk is kept for `commit`: the HDF5 library does not survive a write that fails.
        """
        view = memoryview(data).cast("B")
        try:
            self._place(view)
        except OSError as error:
            self._error = error
            self.detach()
            self._place(view)
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length; the file follows at the next commit."""
        self._size = self._position if size is None else size
        return self._size

    def commit(self) -> None:
        """Make everything written so far the content of the file, at once, or raise the error of the disk."""
        if self._error is not None:
            raise self._error
        try:
            if self._pages:
                _write(self._descriptor, _journal(self._pages), max(self._size, self._committed))
                for offset, page in self._pages.items():
                    _write(self._descriptor, page, offset)
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self._error = error
            self.detach()
            raise
        self._pages.clear()
        self._committed = self._size

    def sync(self) -> None:
        """Bring the committed content to the device."""
        os.fsync(self._descriptor)

    def detach(self) -> None:
        """Leave the file at its last committed content: what is written from now on stays in memory."""
        for offset, page in self._pages.items():
            rest = os.pread(self._descriptor, _PAGE - len(page), offset + len(page))
            page.extend(rest.ljust(_PAGE - len(page), b"\0"))
        self._committed = _EVERYTHING

    def _place(self, view: memoryview) -> None:
        start, end = self._position, self._position + len(view)
        held = max(0, min(end, self._committed) - start)
        if held:
            for offset in range(start - start % _PAGE, start + held, _PAGE):
                page = self._page(offset)
                low, high = max(start, offset), min(start + held, offset + _PAGE)
                page[low - offset : high - offset] = view[low - start : high - start]
        _write(self._descriptor, view[held:], start + held)

    def _page(self, offset: int) -> bytearray:
        if offset not in self._pages:
            count = min(_PAGE, self._committed - offset)
            self._pages[offset] = bytearray(os.pread(self._descriptor, count, offset).ljust(count, b"\0"))
        return self._pages[offset]


def lock(descriptor: int, kind: int) -> None:
    """Take an advisory lock, or raise BlockingIOError where another process holds one."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # some network file systems have no locks


def in_use(path: Path) -> bool:
    """Whether a writer holds the file `path`."""
    try:
        with path.open("rb") as file:
            lock(file.fileno(), fcntl.LOCK_SH)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not there, or not to be opened: opening it will say so
    return False


def committed_pages(descriptor: int) -> tuple[dict[int, bytearray], int] | None:
    """Return the pages of a whole journal at the end of a file and the length of its content, else None."""
    end = os.fstat(descriptor).st_size
    if end < _FOOTER.size:
        return None
    count, checksum, magic = _FOOTER.unpack(os.pread(descriptor, _FOOTER.size, end - _FOOTER.size))
    if magic != _MAGIC or count * _ENTRY.size > end:
        return None
    table_at = end - _FOOTER.size - count * _ENTRY.size
    table = os.pread(descriptor, count * _ENTRY.size, table_at)
    entries = list(_ENTRY.iter_unpack(table))
    size = table_at - sum(length for _, length in entries)
    if size < 0:
        return None
    body = os.pread(descriptor, table_at - size, size)
    if zlib.crc32(table, zlib.crc32(body)) != checksum:
        return None
    pages, start = {}, 0
    for offset, length in entries:
        pages[offset] = bytearray(body[start : start + length])
        start += length
    return pages, size


def _journal(pages: dict[int, bytearray]) -> bytes:
    body = b"".join(pages.values())
    table = b"".join(_ENTRY.pack(offset, len(page)) for offset, page in pages.items())
    return body + table + _FOOTER.pack(len(pages), zlib.crc32(table, zlib.crc32(body)), _MAGIC)


def _write(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    view = memoryview(data)
    while len(view):
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done
