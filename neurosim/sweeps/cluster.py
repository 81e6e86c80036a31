"""Workers of a dask.distributed cluster, behind the same executor interface as local processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from neurosim.errors import ConfigError

ANSWER_SECONDS = 5
INSTALL = "pip install 'neurosim-analog[cluster]'"
EXPECTED = "expected the address that `dask scheduler` prints, such as tcp://host:8786"


def check_scheduler(address: str) -> None:
    """Make sure that a sweep on the cluster at `address` can begin.

    Parameters
    ----------
    address
        ``tcp://host:8786``, as printed by ``dask scheduler``. Its workers need neurosim installed.

    Raises
    ------
    ConfigError
        dask.distributed is not installed, or no scheduler answers.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ConfigError(f"--scheduler {address}: needs dask.distributed; install it: {INSTALL}") from error

    async def handshake() -> None:
        comm = await distributed.core.connect(address, timeout=ANSWER_SECONDS)
        await comm.close()

    # A handshake, because a `Client` that finds no scheduler takes half a minute to go away; on a thread of its own,
    # because the caller may sit in an event loop (a notebook does).
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(lambda: asyncio.run(asyncio.wait_for(handshake(), ANSWER_SECONDS + 1)))
        try:
            attempt.result()
        except Exception as error:  # a server of another kind can make the handshake raise anything
            raise ConfigError(f"--scheduler {address}: no dask scheduler answers there; {EXPECTED}") from error


@contextmanager
def connect(address: str) -> Iterator[Executor]:
    """Yield the executor of the cluster whose scheduler listens at `address`; an error in the block cancels runs."""
    distributed: Any = import_module("distributed")
    with distributed.Client(address, set_as_default=False) as client:
        executor = client.get_executor(pure=False)
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False)  # cancels what has not begun
            raise
