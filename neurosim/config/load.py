"""Reading an experiment file, and overriding single keys from the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurosim.config.experiment import Experiment, parse_experiment
from neurosim.config.keys import AXES, known_keys, set_key, why_unknown
from neurosim.config.mistakes import show
from neurosim.errors import ConfigError, nearest

_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)")
_DECIMAL_COMMA = re.compile(r"=\s*[-+]?\d+,\d+\s*(#.*)?$")
_BARE_WORDS = re.compile(r"=\s*(?!true\b|false\b|inf\b|nan\b)([\w.+-]*\s*[A-Za-zµμ][\w ]*?)\s*(#.*)?$")


def load_experiment(path: Path | str, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment in TOML file `path`.

    Parameters
    ----------
    path
        The experiment file.
    overrides
        Texts ``"learning.beta=0.1"`` that replace single keys; the value is TOML, or a bare word for text.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML (with line and column), or describes no valid experiment.
    """
    document = read_toml(Path(path))
    for override in overrides:
        set_key(document, *parse_override(override))
    given = "".join(f" --set {override}" for override in overrides)
    return parse_experiment(document, f"{path}{given}")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the document in TOML file `path`, or raise `ConfigError` with file, line and column."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{_similar(path)}; expected an experiment file (TOML)") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file; expected an experiment file (TOML in UTF-8)") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected an experiment file") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_message(path, text, str(error))) from None


def _similar(path: Path) -> str:
    try:
        return nearest(path.name, [other.name for other in path.parent.glob("*.toml")])
    except OSError:
        return ""


def _syntax_message(path: Path, text: str, message: str) -> str:
    found = _PLACE.fullmatch(message)
    lines = text.splitlines() or [""]
    what, line, column = found.groups() if found else (message, None, None)
    number = int(line) if line else len(lines)
    shown = lines[number - 1] if number <= len(lines) else ""
    return (
        f"{path}: line {number}, column {column or len(shown) + 1}: not valid TOML: {what}\n"
        f"    {shown.strip()}{_syntax_help(shown)}"
    )


def _syntax_help(line: str) -> str:
    if _DECIMAL_COMMA.search(line):
        return "\n    write numbers with a decimal point: 0.1"
    if _BARE_WORDS.search(line):
        return '\n    text and quantities need quotes: "soft_bounds", "25 uS"'
    return ""


def parse_override(text: str) -> tuple[str, Any]:
    """Return the dotted key and the value of an override such as ``learning.beta=0.1``.

    Raises
    ------
    ConfigError
        No ``=``, no value, an unknown key, or a value that is neither TOML nor a bare word.
    """
    key, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not key or not written:
        raise ConfigError(f"--set {text}: expected key=value, such as learning.beta=0.1")
    unknown = None if _is_sweep(key) or key == "title" else why_unknown(key)
    if unknown:
        raise ConfigError(f"--set {text}: {unknown}")
    return key, _value(text, written)


def _is_sweep(key: str) -> bool:
    return key.startswith(AXES) or key in ("sweep.seeds", "sweep.mode")


def _value(text: str, written: str) -> Any:
    try:
        found = tomllib.loads(f"value = {written}")
    except tomllib.TOMLDecodeError as error:
        if written[0] in "[{\"'" or "\n" in written or "=" in written:
            place = _PLACE.fullmatch(str(error))
            what = place.group(1) if place else str(error)
            raise ConfigError(f"--set {text}: the value is not valid TOML: {what}") from None
        return written
    if set(found) != {"value"}:
        raise ConfigError(f"--set {text}: expected one value, got {show(found)}")
    return found["value"]


__all__ = ["known_keys", "load_experiment", "parse_override", "read_toml"]
