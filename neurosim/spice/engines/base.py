"""What every circuit simulator offers, and how many texts are run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from neurosim.errors import SpiceError
from neurosim.spice.rawfile import Plot


class Engine(Protocol):
    """A circuit simulator that runs SPICE text.

    A text starts with a title line and holds at least one of .op, .tran, .ac, .dc. It is self-contained: an engine may
    run it in a folder of its own.
    """

    @property
    def name(self) -> str:
        """Its name in `ENGINES` and in every message."""

    @property
    def how_to_install(self) -> str:
        """The command that installs it."""

    @property
    def parallel(self) -> bool:
        """Whether several runs may go on at the same time."""

    def available(self) -> str | None:
        """Return its version, or None where it is not installed."""

    def run(self, text: str, *, vectors: Sequence[str] = (), timeout: float = 120.0) -> tuple[Plot, ...]:
        """Run `text` and return the plots of its analyses.

        Parameters
        ----------
        text
            The netlist.
        vectors
            Names (``v(node)``, ``i(vname)``) that must be present and finite in every plot; all vectors if empty.
        timeout
            Longest run [s].

        Raises
        ------
        SpiceError
            The engine is missing, the text is refused (`check_text`), or the run failed (`rules`).
        """


def missing(engine: Engine, what: str) -> SpiceError:
    """Return the error for an engine that is not installed; `what` says what is missing."""
    return SpiceError(f"engine {engine.name!r}: {what}; install it: {engine.how_to_install}")


def run_all(
    engine: Engine,
    texts: Sequence[str],
    *,
    vectors: Sequence[str] = (),
    timeout: float = 120.0,
    workers: int = 2,
) -> list[tuple[Plot, ...]]:
    """Run `texts`, `workers` at a time where the engine permits it, and return the results in order.

    The error of the first text that fails is raised; texts that have not started by then are not run.
    """
    if workers < 1:
        raise SpiceError(f"run_all: workers = {workers}, allowed is 1 or more")
    if workers == 1 or not engine.parallel:
        return [engine.run(text, vectors=vectors, timeout=timeout) for text in texts]
    with ThreadPoolExecutor(workers) as pool:
        runs = [pool.submit(engine.run, text, vectors=vectors, timeout=timeout) for text in texts]
        try:
            return [run.result() for run in runs]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
