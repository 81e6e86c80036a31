"""Exceptions. Every message says where, what came, what is allowed, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")


class NeurosimError(Exception):
    """Base of all errors raised on purpose. ``exit_code`` is what the command line returns for it."""

    exit_code = 2


class ConfigError(NeurosimError):
    """An experiment, circuit or command-line value is wrong. Raised before anything is computed."""


class ShapeError(NeurosimError):
    """An array has the wrong shape."""


class RangeError(NeurosimError):
    """A value lies outside its physical or mathematical range."""


class DataError(NeurosimError):
    """A data set is missing, truncated or does not match its checksum."""


class TraceError(NeurosimError):
    """A trace file cannot be written, or is damaged, unfinished or of another schema."""


class BackendError(NeurosimError):
    """The asked-for array backend is not usable on this machine."""


class SpiceError(NeurosimError):
    """A circuit simulator is missing, refuses a netlist, fails, or answers with something that cannot be used."""


class ConvergenceError(NeurosimError):
    """A network did not settle. The run ends with its residual, never with a silent wrong number."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known word closest to `word`, or an empty string."""
    match = get_close_matches(word, list(known), n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""


def choose(table: Mapping[str, T], name: str, where: str) -> T:
    """Return ``table[name]``, or raise `ConfigError` naming `where`, the nearest and all allowed names."""
    if name not in table:
        raise ConfigError(f"{where}: unknown {name!r}{nearest(name, table)}; allowed: {', '.join(table)}")
    return table[name]
