"""ngspice's binary rawfile: what a run of a circuit gave, as named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neurosim.errors import SpiceError, nearest

Vector: TypeAlias = npt.NDArray[Any]
"""One vector of a plot: float64, or complex128 in an AC analysis."""

SCALES = ("time", "frequency")


@dataclass(frozen=True, slots=True)
class Plot:
    """The vectors of one analysis.

    Attributes
    ----------
    name
        ngspice's name of the analysis: ``Operating Point``, ``Transient Analysis``, ``AC Analysis``,
        ``DC transfer characteristic``.
    vectors
        Arrays of one length by lower-case name: ``v(node)`` [V], ``i(vname)`` [A], ``time`` [s], ``frequency`` [Hz].
        Those of an AC analysis are complex, except for ``frequency``.
    """

    name: str
    vectors: Mapping[str, Vector]

    def vector(self, name: str) -> Vector:
        """Return the vector `name`, as in `vectors`; upper and lower case are the same."""
        key = name.lower()
        if key not in self.vectors:
            known = ", ".join(list(self.vectors)[:8]) + (", ..." if len(self.vectors) > 8 else "")
            raise SpiceError(
                f"plot {self.name!r}: no vector {name!r}{nearest(key, self.vectors)}; it holds {known}; "
                "ask for it in .save, or leave .save out"
            )
        return self.vectors[key]

    def voltage(self, node: str) -> Vector:
        """Return the voltage of `node` against ground [V]."""
        return self.vector(f"v({node})")

    def current(self, source: str) -> Vector:
        """Return the current through the voltage source `source`, from its + node to its - node [A]."""
        return self.vector(f"i({source})")

    @property
    def time(self) -> Vector:
        """Time points of a transient analysis [s]; adaptive, not equidistant."""
        return self.vector("time")

    @property
    def frequency(self) -> Vector:
        """Frequencies of an AC analysis [Hz]."""
        return self.vector("frequency")


def read_rawfile(source: Path | str | bytes) -> tuple[Plot, ...]:
    """Read all plots of a binary rawfile, in the order they were written.

    Parameters
    ----------
    source
        Path of the file, or what it holds.

    Raises
    ------
    SpiceError
        The file cannot be read, is no rawfile, holds text values, is cut off, or a plot has no points.
    """
    if isinstance(source, bytes):
        where, content = "rawfile", source
    else:
        where = f"rawfile {source}"
        try:
            content = Path(source).read_bytes()
        except OSError as error:
            raise SpiceError(f"{where}: cannot be read: {error.strerror}; run the simulation again") from None
    if not content:
        raise SpiceError(f"{where}: empty, allowed is a binary rawfile; the simulator wrote nothing")
    plots: list[Plot] = []
    start = 0
    while start < len(content):
        plot, start = _read_plot(content, start, f"{where}, plot {len(plots) + 1}")
        plots.append(plot)
    return tuple(plots)


@dataclass(slots=True)
class _Header:
    name: str
    complex: bool
    variables: int
    points: int
    names: list[str]


def _read_plot(content: bytes, start: int, where: str) -> tuple[Plot, int]:
    header, start = _read_header(content, start, where)
    kind = np.dtype("<c16" if header.complex else "<f8")
    need = header.variables * header.points * kind.itemsize
    if len(content) - start < need:
        raise SpiceError(
            f"{where} {header.name!r}: cut off: {len(content) - start} of {need} bytes of "
            f"{header.variables} vectors x {header.points} points; run the simulation again"
        )
    table = np.frombuffer(content, kind, header.variables * header.points, start)
    columns = table.reshape(header.points, header.variables).T
    vectors = {name: np.array(column) for name, column in zip(header.names, columns, strict=True)}
    for scale in SCALES:
        if scale in vectors:  # ngspice leaves the imaginary part of a complex scale uninitialised
            vectors[scale] = np.array(vectors[scale].real)
    return Plot(header.name, vectors), start + need


def _read_header(content: bytes, start: int, where: str) -> tuple[_Header, int]:
    if not content.startswith(b"Title:", start):
        came = content[start : start + 20]
        raise SpiceError(f"{where}: begins with {came!r}, allowed is 'Title:'; damaged, or not a rawfile")
    fields: dict[str, str] = {}
    names: list[str] = []
    while (end := content.find(b"\n", start)) >= 0:
        line = content[start:end].decode("latin-1")
        start = end + 1
        key, _, value = line.partition(":")
        if line.startswith("\t"):
            names.append(line.split()[1].lower() if len(line.split()) > 1 else "")
        elif key == "Values":
            raise SpiceError(f"{where}: holds text values, allowed is binary; unset SPICE_ASCIIRAWFILE")
        elif key == "Binary":
            return _checked(fields, names, where), start
        else:
            fields[key.lower()] = value.strip()
    _checked(fields, names, where)
    raise SpiceError(f"{where}: cut off inside the header; run the simulation again")


def _checked(fields: Mapping[str, str], names: list[str], where: str) -> _Header:
    name = fields.get("plotname", "")
    try:
        variables, points = int(fields["no. variables"]), int(fields["no. points"])
    except (KeyError, ValueError):
        raise SpiceError(f"{where} {name!r}: header without 'No. Variables' and 'No. Points'; damaged") from None
    if points < 1:
        raise SpiceError(
            f"{where} {name!r}: {points} points, allowed is 1 or more: the analysis failed before it was finished"
        )
    if variables < 1 or len(set(names)) != len(names) or len(names) != variables or "" in names:
        raise SpiceError(
            f"{where} {name!r}: {len(names)} named vectors where 'No. Variables' says {variables}; damaged"
        )
    return _Header(name, "complex" in fields.get("flags", ""), variables, points, names)
