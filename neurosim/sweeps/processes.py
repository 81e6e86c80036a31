"""Local workers: one process pool of one process each, so that a dead worker costs only its own run."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, synchronize
from typing import Any

from neurosim.errors import NeurosimError
from neurosim.sweeps.point import THREAD_VARIABLES

CANNOT_START = (
    'worker processes die while they start: in a script, call run_sweep below `if __name__ == "__main__":`, '
    "because every worker imports the script"
)


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalProcesses(Executor):
    """A ``concurrent.futures`` executor of `workers` spawned processes, each limited to one thread.

    A pool of several processes breaks as a whole when one dies, and nobody can say which run killed it. Here every
    process has a pool of its own: its death fails one future with `BrokenProcessPool`, and the next run gets a new
    process. The workers die with this process, also when it is killed: each watches a pipe that only it holds open.
    """

    def __init__(self, workers: int) -> None:
        self._context = get_context("spawn")
        self._watched, self._lifeline = self._context.Pipe(duplex=False)
        self._worked = self._context.Event()  # starts the resource tracker, which would unblock signals later
        self._idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
        self._pools: set[ProcessPoolExecutor] = set()
        self._lock = threading.Lock()
        self._hopeless = False
        for _ in range(workers):
            self._idle.put(self._new_pool())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start ``fn(*args, **kwargs)`` in an idle worker; waits while all are busy.

        Raises
        ------
        NeurosimError
            Workers die before they have begun.
        """
        pool = self._idle.get()
        if self._hopeless:
            raise NeurosimError(CANNOT_START)
        try:
            future = _submit(pool, fn, *args, **kwargs)
        except BrokenProcessPool:  # its process died while it had nothing to do
            pool = self._renew(pool)
            future = _submit(pool, fn, *args, **kwargs)
        future.add_done_callback(lambda done: self._release(pool, done))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `wait`, after what they are doing."""
        with self._lock:
            pools = list(self._pools)
        for pool in pools:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        self._lifeline.close()
        self._watched.close()

    def stop(self) -> None:
        """End the workers now, in the middle of what they are doing, and wait until they are gone."""
        self._lifeline.close()
        self.shutdown(wait=True, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            max_workers=1, mp_context=self._context, initializer=_start_worker, initargs=(self._watched, self._worked)
        )
        with self._lock:
            self._pools.add(pool)
        return pool

    def _renew(self, pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        with self._lock:  # a broken pool ends by itself; from its own callback, shutdown would wait for its own lock
            self._pools.discard(pool)
        return self._new_pool()

    def _release(self, pool: ProcessPoolExecutor, done: Future[Any]) -> None:
        broken = not done.cancelled() and isinstance(done.exception(), BrokenProcessPool)
        self._hopeless = self._hopeless or (broken and not self._worked.is_set())
        self._idle.put(self._renew(pool) if broken else pool)


@contextmanager
def local(workers: int) -> Iterator[Executor]:
    """Yield an executor of local processes; an error in the block, or Ctrl-C, stops them at once."""
    executor = LocalProcesses(workers)
    try:
        yield executor
    except BaseException:
        executor.stop()
        raise
    executor.shutdown()


def _submit(pool: ProcessPoolExecutor, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    with _inherited():  # a pool starts its process inside submit
        return pool.submit(fn, *args, **kwargs)


@contextmanager
def _inherited() -> Iterator[None]:
    """Hold this process in the state that a process started in the block is to inherit.

    One thread, because numpy reads these variables once, when it is imported; and SIGINT blocked, because Ctrl-C
    reaches every process of the terminal, while the sweep alone decides what it means.
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker(lifeline: connection.Connection, worked: synchronize.Event) -> None:
    worked.set()
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: connection.Connection) -> None:
    connection.wait([lifeline])
    os._exit(1)
