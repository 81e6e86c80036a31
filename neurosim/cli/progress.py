"""Progress on stderr: a bar on a terminal, one line per step of work elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from neurosim.experiment import Progress as EpochProgress
    from neurosim.sweeps import Progress as SweepProgress


def duration(seconds: float) -> str:
    """Return a time span as text: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def pace(rate: float, unit: str) -> str:
    """Return `rate` [1/s] as text: ``2.5 runs/s``, or ``4.0 s/run`` below one per second."""
    if rate <= 0:
        return ""
    return f"{rate:.1f} {unit}s/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit}"


class DownloadDisplay:
    """Progress of downloads: a bar for each file on a terminal, a line for each finished file elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.tasks: dict[str, TaskID] = {}
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self, name: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes of file `name` have arrived."""
        if not self.console.is_terminal:
            if done == total:
                self.console.print(f"{name}: {done / 1e6:.1f} MB", markup=False)
            return
        if name not in self.tasks:
            self.tasks[name] = self.bar.add_task(name, total=total)
        self.bar.update(self.tasks[name], completed=done)


class Display:
    """A progress bar on a terminal, log lines elsewhere, both on stderr."""

    def __init__(self, unit: str, console: Console | None = None) -> None:
        self.unit = unit
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.bar: Progress | None = None
        if self.console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[pace]}", markup=False),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}", markup=False),
            )
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task("", total=None, pace="", left="")

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def show(self, done: int, total: int, rate: float, left: float | None, text: str) -> None:
        """Show that `done` of `total` are done at `rate` [1/s], `left` seconds from the end."""
        remaining = "done" if done == total else f"{duration(left)} left" if left is not None else ""
        speed = pace(rate, self.unit)
        if self.bar:
            self.bar.update(self.task, completed=done, total=total, description=text, pace=speed, left=remaining)
        else:
            parts = ", ".join(part for part in (text, speed, remaining) if part)
            self.console.print(f"[{done}/{total}] {parts}", markup=False)


class EpochDisplay(Display):
    """Progress of one run over its epochs."""

    def __init__(self, name: str, epochs: int, console: Console | None = None) -> None:
        super().__init__("epoch", console)
        self.name, self.started, self.first = name, time.perf_counter(), 0
        if self.bar:
            self.bar.update(self.task, description=name, total=epochs)

    def update(self, progress: EpochProgress) -> None:
        """Show the run after an epoch."""
        done, total = progress.epoch, progress.epochs
        self.first = self.first or done - 1  # a resumed run does not begin at 0
        rate = (done - self.first) / max(time.perf_counter() - self.started, 1e-9)
        accuracy = 100 * progress.metrics["test_accuracy"]
        self.show(done, total, rate, (total - done) / rate, f"{self.name}: test accuracy {accuracy:.2f} %")


class SweepDisplay(Display):
    """Progress of a sweep over its runs."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__("run", console)

    def update(self, progress: SweepProgress) -> None:
        """Show the sweep before its first run and after each."""
        text = "" if progress.label else "starting workers"
        if progress.label and not self.bar:
            text = f"{progress.label}: {progress.status}"
            if progress.accuracy is not None:
                text += f", test accuracy {100 * progress.accuracy:.2f} %"
        if progress.failed and self.bar:
            text = f"{progress.failed} failed"
        self.show(progress.done, progress.total, progress.rate, progress.eta, text)
