"""Arrays of limited size: how a large matrix is laid out on several of them, and one converted read of it.

Without converters the tiles of a column share one summing node, and tiling changes nothing. With them every tile has
its own: row drivers that quantise, and column outputs that are digitised before they are added,

    y_j = sum_r ADC_rj( sum_i DAC_ri(x_i) W_ij ),   i in the rows of tile r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.backend import Array, namespace
from neurosim.crossbar.converters import Converter, ConverterRow, refuse_complex
from neurosim.errors import RangeError

if TYPE_CHECKING:
    from neurosim.rng import Streams


@dataclass(frozen=True, slots=True)
class Tiles:
    """Largest size of one physical array; 0 for no limit. The devices stay one array, of which tiles are views."""

    rows: int = 0
    cols: int = 0

    def __post_init__(self) -> None:
        for name in ("rows", "cols"):
            if getattr(self, name) < 0:
                raise RangeError(f"Tiles.{name} = {getattr(self, name)!r}: allowed 1 or more, or 0 for no limit")

    def slices(self, shape: tuple[int, int]) -> tuple[tuple[slice, slice], ...]:
        """Return rows and columns of each tile of an array, row of tiles by row of tiles."""
        rows, cols = (_cut(size, most) for size, most in zip(shape, (self.rows, self.cols), strict=True))
        return tuple((r, c) for r in rows for c in cols)


def _cut(size: int, most: int) -> list[slice]:
    step = most or size
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedTile:
    """One tile: its place in the array and its converters."""

    rows: slice
    cols: slice
    dac: ConverterRow
    adc: ConverterRow


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedRead:
    """A read of one array in one direction, tile by tile. Make one with `converted_read`."""

    tiles: tuple[ConvertedTile, ...]

    def read(self, x: Array, weights: Array, rng: Any) -> Array:
        """Return the converted ``x @ weights`` (batch, cols) of real `x` (batch, rows); `rng` draws the noise."""
        refuse_complex(x)
        xp = namespace(x)
        total = xp.zeros((x.shape[0], weights.shape[1]), dtype=x.dtype)
        for tile in self.tiles:
            applied = tile.dac.analog(x[:, tile.rows], rng)
            partial = xp.matmul(applied, weights[tile.rows, tile.cols])
            total[:, tile.cols] += tile.adc.digital(partial, rng)
        return total


def converted_read(
    name: str,
    shape: tuple[int, int],
    tiles: Tiles,
    *,
    dac: Converter,
    adc: Converter,
    back: bool = False,
    streams: Streams,
    dtype: Any,
) -> ConvertedRead:
    """Return the converters of one direction of an array; each tile has its own on its rows and on its columns.

    Parameters
    ----------
    name, shape, tiles
        The array, its (rows, cols), and the size of its tiles.
    dac, adc
        Of the lines that are driven and of those that are sensed.
    back
        The read from the columns: `ConvertedRead.read` then takes ``(a, W.T)``.
    streams
        Errors are drawn from ``converters/<name>/<forward|back>/<tile>/<dac|adc>/...``.
    """
    way, found = "back" if back else "forward", []
    for k, (rows, cols) in enumerate(tiles.slices(shape)):
        driven, sensed = (cols, rows) if back else (rows, cols)
        dacs, adcs = (
            kind.row(line.stop - line.start, f"{name}/{way}/{k}/{label}", streams, dtype)
            for kind, line, label in ((dac, driven, "dac"), (adc, sensed, "adc"))
        )
        found.append(ConvertedTile(driven, sensed, dacs, adcs))
    return ConvertedRead(tuple(found))
