"""Mistakes in a netlist that simulators pass over in silence, found before one is started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from neurosim.errors import SpiceError

ANALYSES = (".op", ".tran", ".ac", ".dc")
VALUED = "rclvibefgh"  # elements whose line holds numbers
VALUED_CARDS = (".tran", ".ac", ".dc", ".param", ".options", ".option")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_BARE_M = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?M(?!eg|il|EG|IL|eG|Eg|iL|Il)[A-Za-z]*")
_PROBE = re.compile(r"\b[vi]\s*\([^)]*\)", re.IGNORECASE)  # v(node), i(vname): names, not numbers


class Line(NamedTuple):
    """One logical line: continuations joined, comments gone. `words` are lower case, without ``=,()``."""

    number: int
    text: str
    words: tuple[str, ...]


def check_text(text: str) -> None:
    """Refuse a text that would run but mean something else.

    Refused are: an empty text, a first line that is no title, no analysis card, R without a value or with one <= 0, a
    number with the suffix ``M``, two devices of one name, an ``.include`` that is not there, text after ``.end``.

    Raises
    ------
    SpiceError
        Naming the line (the title is line 1).
    """
    first, *rest = text.splitlines() or [""]
    _check_title(first)
    names: dict[tuple[str, str], int] = {}
    scope, analysis, end = "", False, False
    for line in logical_lines(rest):
        word = line.words[0]
        if end:
            _refuse(line.number, line.text, "text after .end, which engines take differently", "none", "move .end")
        end = word == ".end"
        analysis = analysis or word in (*ANALYSES, ".control")
        if word == ".subckt":
            scope = line.words[1] if len(line.words) > 1 else "?"
        elif word == ".ends":
            scope = ""
        elif word in (".include", ".inc", ".lib"):
            _check_include(line)
        elif word[0].isalpha():
            _check_name(line, names, scope)
        if word[0] == "r":
            _check_resistor(line)
        if word[0] in VALUED or word in VALUED_CARDS:
            _check_suffix(line)
    if not analysis:
        raise SpiceError(
            f"netlist {first.strip()!r}: no analysis, so nothing would be computed; allowed: {', '.join(ANALYSES)} "
            "(or a .control block, for ngspice); add one"
        )


def logical_lines(lines: Sequence[str]) -> Iterator[Line]:
    """Yield the logical lines after the title; of a .control block, only ``.control`` itself."""
    joined: list[tuple[int, str]] = []
    inside = False
    for number, raw in enumerate(lines, start=2):
        line = re.split(r";|\s\$\s|//", raw)[0].strip()
        if not line or line.startswith("*"):
            continue
        if line.lower().startswith(".endc"):
            inside = False
        elif line.startswith("+") and joined and not inside:
            joined[-1] = (joined[-1][0], f"{joined[-1][1]} {line[1:]}")
        elif not inside:
            joined.append((number, line))
            inside = line.lower() == ".control"
    for number, line in joined:
        words = tuple(re.sub(r"[=(),]", " ", line).lower().split())
        if words:
            yield Line(number, line, words)


def _check_title(first: str) -> None:
    """Refuse a first line that reads like a card: SPICE takes it for the title and the card vanishes.

    A guess, and a strict one, since the other mistake gives a wrong circuit. Refused are: a dot or a ``+`` first; a
    name like ``r1`` before two more words; the ground ``0`` as second or third word; a number as fourth word after an
    R, C, L, V or I; ``v=`` or ``i=`` there after a B. A title that begins with ``*`` always passes.
    """
    words = first.lower().split()
    if not words:
        _refuse(1, first, "the first line is empty", "a title, such as '* my circuit'", "write one")
    name, nodes = words[0], words[1:3]
    if name[0] == "*":
        return
    ends = len(words) > 3 and words[3]
    if (
        name[0] in ".+"
        or (len(nodes) == 2 and re.fullmatch(r"[a-z]\d\w*", name))
        or (len(nodes) == 2 and name[0].isalpha() and {"0", "gnd"} & set(nodes))
        or (ends and name[0] in "rclvi" and re.fullmatch(_NUMBER.pattern + "[a-z]*", ends))
        or (ends and name[0] == "b" and ends.startswith(("v=", "i=")))
    ):
        _refuse(
            1,
            first,
            "the first line is the title, and this one reads like an element or a card, which would vanish",
            "a title; one that begins with '*' always passes",
            "put a title line before it",
        )


def _check_name(line: Line, names: dict[tuple[str, str], int], scope: str) -> None:
    before = names.setdefault((scope, line.words[0]), line.number)
    if before != line.number:
        _refuse(
            line.number,
            line.text,
            f"{line.words[0]!r} stands on line {before} already",
            "one device of a name",
            "rename it",
        )


def _check_include(line: Line) -> None:
    words = line.text.split()
    if len(words) < 2 or (line.words[0] == ".lib" and len(words) < 3):  # .lib with one word opens a section
        return
    path = Path(words[1].strip("\"'"))
    if not path.is_absolute() or not path.is_file():
        what = "no such file" if path.is_absolute() else "a relative path, and engines run in folders of their own"
        _refuse(line.number, line.text, what, "an absolute path of a file that exists", "give one, or paste its text")


def _check_resistor(line: Line) -> None:
    values = [word for word in line.words[3:] if word not in ("r", "resistance")][:1]
    if not values:
        _refuse(line.number, line.text, "no value, which would become 1 mOhm", "a value > 0 [Ohm]", "give one")
    number = _NUMBER.match(values[0])
    if number is not None and float(number.group()) <= 0.0:
        what = f"a resistance of {values[0]}, which ngspice would replace or take as it is"
        _refuse(line.number, line.text, what, "a value > 0 [Ohm]", "use a 0 V source for a short circuit")


def _check_suffix(line: Line) -> None:
    values = line.text if line.text[0] == "." else " ".join(re.split(r"\s+", line.text)[3:])
    match = _BARE_M.search(_PROBE.sub(" ", values))
    if match is not None:
        what = f"{match.group()}: the suffix M means milli in SPICE"
        _refuse(line.number, line.text, what, "a plain number, 'Meg' for 1e6, 'm' for 1e-3", "write one of these")


def _refuse(number: int, text: str, what: str, allowed: str, remedy: str) -> NoReturn:
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise SpiceError(f"netlist, line {number} {shown!r}: {what}; allowed is {allowed}; {remedy}")


def refuse_control(text: str, engine: str) -> None:
    """Refuse a ``.control`` block: it is a program for ngspice, which alone runs it."""
    for line in logical_lines(text.splitlines()[1:]):
        if line.words[0] == ".control":
            what = f"a .control block, which the engine {engine!r} does not run"
            _refuse(line.number, line.text, what, f"analysis cards ({', '.join(ANALYSES)})", "use 'ngspice', or cards")
