"""Download a file, whole and checked, or leave nothing."""

from __future__ import annotations

import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeAlias

from neurosim.errors import DataError

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the file's name, the bytes so far, and all bytes where the server tells."""

_BLOCK = 1 << 18
_TIMEOUT = 30.0  # seconds without an answer


def download(
    url: str,
    target: Path,
    check: Callable[[Path], Any],
    *,
    limit: int,
    progress: Progress | None = None,
) -> None:
    """Bring `url` to the file `target`, which appears only after `check` has accepted it.

    Parameters
    ----------
    url
        http or https address.
    target
        File to be made; its folder is made where missing.
    check
        Raises `DataError` for a file that is not the one wanted.
    limit
        Largest size accepted, in bytes.
    progress
        See `Progress`.

    Raises
    ------
    DataError
        The server cannot be reached or refuses, the file is truncated, too long or refused by `check`, or the
        folder cannot be written. Names `url`; no part of the file is left.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url}: not an http or https address")
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = Path(file.name)
            _receive(url, file, limit, progress)
        check(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    except DataError as error:
        raise DataError(f"{url}: {str(error).removeprefix(f'{temporary}: ')}") from error
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"{url}: the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DataError(f"{url}: {error.reason}") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise DataError(f"{url}: the connection breaks off ({type(error).__name__}); try again") from error
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _receive(url: str, file: IO[bytes], limit: int, progress: Progress | None) -> None:
    name = url.rpartition("/")[2]
    request = urllib.request.Request(url, headers={"User-Agent": "neurosim"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        done = 0
        while block := answer.read(_BLOCK):
            done += len(block)
            if done > limit:
                raise DataError(f"longer than {limit} bytes; this is another file")
            file.write(block)
            if progress is not None:
                progress(name, done, total)
    if total is not None and done != total:
        raise DataError(f"{done} of {total} bytes arrived; try again")
