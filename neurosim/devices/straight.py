"""Models whose mean step is a straight line in the conductance: one drive, with a compiled loop, for all."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurosim.backend import Array, namespace
from neurosim.devices import kernels
from neurosim.devices.base import DeviceModel
from neurosim.devices.cells import NEGLIGIBLE, Cells
from neurosim.devices.drive import Drive

DRAWS = 32768
"""Random numbers drawn ahead for the compiled loop."""


@dataclass(frozen=True, eq=False)
class LineDrive(Drive):
    """A mean step that is a straight line in the conductance; `along` makes one.

        move = level + slope x      x = g_high - g (up), g - g_low (down)      std = relative move + absolute

    What depends on the device alone is computed once per train, and a process that programs much runs compiled: the
    same operations in the same order on the same draws, so the numbers are the same to the bit.

    Attributes
    ----------
    taper
        Relative loss of step size from mid-range to the bound ahead; 0 and 1 spare a pass.
    relative
        Noise of a step relative to its mean.
    absolute
        Noise of a step [S] whatever its mean, or None.
    """

    taper: float
    relative: float
    absolute: Array | None

    @classmethod
    def along(
        cls, cells: Cells, up: bool, *, taper: float = 0.0, c2c: float = 0.0, additive: bool = False
    ) -> LineDrive:
        """Return the drive of steps ``step (1 -+ taper w)``, w in [-1, 1] the position in the device's range.

        The noise is `c2c` times the mean step here, or with `additive` at mid-range.
        """
        return cls(cells, up, taper, *((0.0, c2c * cells.step(up)) if additive and c2c else (c2c, None)))

    @cached_property
    def level(self) -> Array:
        """Mean step at the bound ahead [S]."""
        level: Array = (1 - self.taper) * self.cells.step(self.up)
        return level

    @cached_property
    def slope(self) -> Array:
        """Growth of the mean step with the distance x from the bound ahead."""
        cells, step = self.cells, self.cells.step(self.up)
        half = namespace(step).maximum(0.5 * (cells.g_high - cells.g_low), NEGLIGIBLE)
        slope: Array = self.taper * step / half
        return slope

    def full(self, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return step and absolute noise of all devices, empty without: of other kinds numba would compile a loop."""
        parts = (self.cells.step(self.up), like[:0] if self.absolute is None else self.absolute)
        step, absolute = (np.full(like.shape, part, like.dtype) if part.ndim == 0 else part.ravel() for part in parts)
        return step, absolute

    def numbers(self, dtype: np.dtype[Any]) -> np.ndarray:
        """Return what a compiled loop needs to form level and slope as they are formed here, and to go on."""
        return np.array([1 - self.taper, self.taper, self.relative, 0.5, NEGLIGIBLE, 1.0], dtype)

    def move(self, g: Array) -> Array:
        """Return the mean step at `g`."""
        if self.taper == 0:
            return self.level
        move = self.cells.g_high - g if self.up else g - self.cells.g_low
        move *= self.slope
        if self.taper < 1:
            move += self.level
        return move

    def std(self, g: Array, move: Array) -> Array | None:
        """Return the noise of a step of mean `move`."""
        if self.absolute is not None:
            return self.absolute
        return self.relative * move if self.relative else None

    @property
    def noisy(self) -> bool:
        """Whether a pulse draws a number."""
        return self.relative > 0 or self.absolute is not None

    @property
    def parts(self) -> tuple[Array, Array, Array | None]:
        """Level, slope and absolute noise."""
        return self.level, self.slope, self.absolute

    @property
    def contraction(self) -> Array:
        """Factor of the variance by one pulse: ``(1 - slope)^2 + (relative slope)^2``.

        A slope above 1 takes the device to the bound ahead in one pulse, wherever it was: there it counts as 1.
        """
        slope = namespace(self.cells.g_low).minimum(self.slope, 1)  # a 0-d slope is a scalar
        keep = 1 - slope
        keep = keep * keep
        if self.relative:
            slope = self.relative * slope
            keep = keep + slope * slope
        return keep

    def advance(self, mean: Array, variance: Array) -> None:
        """Change the mean [S] and the variance [S^2] of each device's conductance by one pulse.

            E g' = E g +- move(E g)       Var g' = contraction Var g + std(E g)^2

        Exact for a straight line, until a pulse meets a bound: there the mean stops.
        """
        move = self.move(mean)
        std = self.std(mean, move)
        variance *= self.contraction
        if std is not None:
            variance += std * std
        if self.up:
            mean += move
        else:
            mean -= move
        self.cells.clip(mean, out=mean)

    def tail(self, first: int) -> LineDrive:
        """Return the drive without its first devices."""
        level, slope, absolute = (part if part is None or part.ndim == 0 else part[first:] for part in self.parts)
        shorter = LineDrive(self.cells.tail(first), self.up, self.taper, self.relative, absolute)
        vars(shorter).update(level=level, slope=slope)  # known of all, so of some
        return shorter

    def run(self, g: Array, ended: Array, rng: Any) -> None:
        """Change `g` by whole trains (`Drive.run`), compiled where that pays."""
        if isinstance(g, np.ndarray):
            pulses = g.size * ended.size - int(ended.sum())
            loop = kernels.loop_for(g.dtype, pulses, ended.size)
            if loop is not None:
                self._run_compiled(loop, g, ended, rng)
                return
        super().run(g, ended, rng)

    def _run_compiled(self, loop: kernels.Loop, g: np.ndarray, ended: np.ndarray, rng: np.random.Generator) -> None:
        absolute = np.zeros_like(g) if self.absolute is None else self.absolute
        parts = (self.cells.g_low, self.cells.g_high, self.level, self.slope, absolute)
        # Only full, writable arrays: of every other kind numba would compile a loop of its own.
        full = [np.full(g.shape, part, g.dtype) if part.ndim == 0 else part for part in parts]
        turns = max(1, DRAWS // g.size)
        for t in range(0, ended.size, turns):
            some = ended[t : t + turns]
            draws = g.size * some.size - int(some.sum()) if self.noisy else 0
            noise = rng.standard_normal(draws, dtype=g.dtype)
            loop(g, some, noise, *full, g.dtype.type(self.relative), self.up)


class StraightStep(DeviceModel):
    """A model whose leaf class defines `drive`, by `LineDrive.along`; everything else follows from it."""

    @abstractmethod
    def drive(self, cells: Cells, up: bool) -> LineDrive:
        """Return what pulses of one direction do to `cells`."""

    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean step at `g`."""
        return self.drive(cells, up).move(g)

    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return the noise of a step whose mean is `move`."""
        return self.drive(cells, up).std(g, move)

    def table(self, cells: Cells, devices: int) -> np.ndarray:
        """Return what the compiled loops of both directions read, (`kernels.TABLE`, devices): rows as listed there."""
        dtype = cells.g_low.dtype
        table, fill = np.empty((kernels.TABLE, devices), dtype), kernels.compiled_line(dtype)
        assert fill is not None  # whoever reads the table is compiled, too
        table[0], table[1] = cells.g_low.ravel(), cells.g_high.ravel()
        for up, rows in ((True, table[2:5]), (False, table[5:8])):
            line = self.drive(cells, up)
            fill(rows, table[0], table[1], *line.full(table[0]), line.numbers(dtype))
        return table
