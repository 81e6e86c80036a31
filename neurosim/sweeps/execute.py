"""The one sweep loop: runs to an executor, outcomes back, whatever happens to a worker."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from pathlib import Path

from neurosim.errors import NeurosimError
from neurosim.sweeps.point import Outcome, RunSpec, Task, last_line, work

TRIES = 2
DIED = f"its worker process died {TRIES} times (killed from outside, or out of memory)"


def outcomes(
    specs: Sequence[RunSpec], task: Task, executor: Executor, *, directory: Path | None, width: int
) -> Iterator[Outcome]:
    """Yield the outcome of every run as it ends, in any order.

    A run whose worker died is tried once more, then counts as failed, so one poisonous run cannot stop the others.

    Parameters
    ----------
    specs
        The runs, started in this order.
    task
        What simulates a run.
    executor
        Any ``concurrent.futures`` executor. A dead worker shows as `BrokenExecutor`, or as the error of dask for a run
        that its scheduler has given up.
    directory
        Sweep directory that the workers share with this process; None when files travel in the outcomes.
    width
        How many runs to hand to the executor at a time.

    Raises
    ------
    NeurosimError
        The executor gave the runs back unfinished: the connection to the scheduler is lost.
    """
    waiting, deaths = deque(specs), Counter[str]()
    running: dict[Future[Outcome], RunSpec] = {}
    while waiting or running:
        while waiting and len(running) < width:
            spec = waiting.popleft()
            running[executor.submit(work, task, spec, directory)] = spec
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            spec = running.pop(future)
            try:
                yield future.result()
            except BrokenExecutor:
                deaths[spec.id] += 1
                if deaths[spec.id] < TRIES:
                    waiting.appendleft(spec)
                else:
                    yield Outcome(spec, "failed", DIED)
            except CancelledError:
                raise NeurosimError(
                    "the connection to the scheduler is lost; finished runs are kept, go on with --resume"
                ) from None
            except Exception as error:  # outside the task: the worker could not load it, say
                gave_up = type(error).__name__ == "KilledWorker"
                yield Outcome(spec, "failed", DIED if gave_up else last_line(error))
