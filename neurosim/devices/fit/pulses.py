"""Measured pulses: a CSV file of conductances read after every pulse, as transitions."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.errors import ConfigError, nearest
from neurosim.units import parse_quantity

COLUMNS = ("device", "pulse", "direction", "conductance")
DIRECTIONS = {"up": 1, "+1": 1, "1": 1, "+": 1, "down": -1, "-1": -1, "-": -1, "": 0, "0": 0}
FEWEST = 10
LARGEST = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """What single pulses did, from all devices.

    Attributes
    ----------
    before, after
        Conductance before and after each pulse [S], shape (pulses,).
    up
        Whether it was a pulse up, shape (pulses,).
    device
        Number of the device, 0 to ``len(names) - 1``, shape (pulses,).
    names
        The devices as they are called in the file.
    source
        Where the data are from, for messages and presets.
    """

    before: np.ndarray
    after: np.ndarray
    up: np.ndarray
    device: np.ndarray
    names: tuple[str, ...]
    source: str

    @property
    def change(self) -> np.ndarray:
        """Change in the direction of each pulse [S]."""
        return np.asarray(np.where(self.up, 1.0, -1.0) * (self.after - self.before))


@dataclass(frozen=True, slots=True)
class _Reading:
    line: int
    device: str
    pulse: int
    direction: int
    conductance: float


def read_pulses(path: Path) -> Transitions:
    """Return the pulses in CSV file `path`.

    The first line that is neither empty nor begins with ``#`` names the columns `device`, `pulse`, `direction`,
    `conductance`, in any order. A row is one reading: of which device, after which pulse, its direction (up or down,
    1 or -1; empty or 0 at a device's first reading), and the conductance [S] (or text such as ``12.5 uS``). Pulse
    numbers rise by one within a device; devices may be interleaved.

    Raises
    ------
    ConfigError
        With file and line: a column is missing or unknown, a row has another number of cells, a cell is empty or no
        number, a pulse is missing or out of order; or there are fewer than 10 pulses in a direction.
    """
    last: dict[str, _Reading] = {}
    rows: list[tuple[float, float, bool, int]] = []
    for reading in _readings(path):
        before = last.get(reading.device)
        if before is not None:
            _check_order(path, before, reading)
            rows.append(
                (before.conductance, reading.conductance, reading.direction > 0, list(last).index(reading.device))
            )
        last[reading.device] = reading
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    up = table[:, 2] > 0
    for way, count in (("up", int(up.sum())), ("down", int((~up).sum()))):
        if count < FEWEST:
            raise ConfigError(f"{path}: {count} pulses {way}; a fit needs at least {FEWEST} in each direction")
    return Transitions(table[:, 0], table[:, 1], up, table[:, 3].astype(int), tuple(last), path.name)


def _readings(path: Path) -> Iterator[_Reading]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{path}: {reason}; expected a CSV file with the columns {', '.join(COLUMNS)}") from None
    header: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if header is None:
            header = _header(f"{path}: line {number}", cells)
        else:
            yield _reading(f"{path}: line {number}", number, header, cells)
    if header is None:
        raise ConfigError(f"{path}: no line with the names of the columns; expected {', '.join(COLUMNS)}")


def _header(where: str, cells: list[str]) -> list[str]:
    names = [cell.lower() for cell in cells]
    for name in names:
        if name not in COLUMNS:
            raise ConfigError(
                f"{where}: unknown column {name!r}{nearest(name, COLUMNS)}; expected {', '.join(COLUMNS)}"
            )
    for column in COLUMNS:
        if names.count(column) != 1:
            what = "is missing" if column not in names else "stands there twice"
            raise ConfigError(f"{where}: column {column!r} {what}; expected {', '.join(COLUMNS)}")
    return names


def _reading(where: str, line: int, header: list[str], cells: list[str]) -> _Reading:
    if len(cells) != len(header):
        raise ConfigError(f"{where}: {len(cells)} cells; expected {len(header)}: {', '.join(header)}")
    row = dict(zip(header, cells, strict=True))
    if not row["device"]:
        raise ConfigError(f"{where}: device is empty; expected a name or a number")
    try:
        pulse = int(row["pulse"])
    except ValueError:
        raise ConfigError(f"{where}: pulse = {row['pulse']!r}: expected a whole number") from None
    direction = DIRECTIONS.get(row["direction"].lower())
    if direction is None:
        raise ConfigError(f"{where}: direction = {row['direction']!r}: expected up, down, 1 or -1")
    conductance = parse_quantity(row["conductance"], "S", f"{where}: conductance")
    if not 0 <= conductance <= LARGEST:
        raise ConfigError(f"{where}: conductance = {row['conductance']!r}: allowed [0, {LARGEST:g}] S")
    return _Reading(line, row["device"], pulse, direction, conductance)


def _check_order(path: Path, before: _Reading, now: _Reading) -> None:
    where = f"{path}: line {now.line}: device {now.device}: pulse {now.pulse} after {before.pulse} (line {before.line})"
    if now.pulse <= before.pulse:
        raise ConfigError(f"{where}: numbers must rise by one within a device")
    if now.pulse > before.pulse + 1:
        raise ConfigError(f"{where}: {now.pulse - before.pulse - 1} missing; a fit needs a reading after every pulse")
    if now.direction == 0:
        raise ConfigError(f"{where}: its direction is missing; expected up, down, 1 or -1")
