"""What is wrong with an experiment: pydantic's findings in words a user can act on, a line per mistake."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticCustomError

from neurosim.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

LONGEST_SHOWN = 80
KINDS = {"float": "number", "int": "integer", "str": "text", "bool": "true or false"}
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong entry: `place`, such as ``[learning] beta = -0.1`` or empty, and `text`, what is allowed."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class ExperimentError(ConfigError):
    """All mistakes of one experiment, one line each, every line with the file it is from."""

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        self.source, self.mistakes = source, tuple(mistakes)
        super().__init__("\n".join(f"{source}: {mistake}" for mistake in mistakes))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.mistakes)


def show(value: Any) -> str:
    """Return `value` as the user wrote it in TOML, cut at 80 characters."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif hasattr(value, "model_dump"):
        return show(value.model_dump(exclude_defaults=True))
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {show(entry)}" for key, entry in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(show(entry) for entry in value) + "]"
    else:
        text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def entry(table: str, key: str, value: Any, text: str) -> Mistake:
    """Return the mistake that key `key` of [table] holds `value`."""
    return Mistake(f"[{table}] {key} = {show(value)}", text)


def refuse(text: str) -> PydanticCustomError:
    """Return the error by which a validator refuses a value: `text` says what is allowed."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def refuse_all(mistakes: Sequence[Mistake]) -> PydanticCustomError:
    """Return the error by which a validator of several keys reports `mistakes`, places included."""
    return PydanticCustomError("refused_all", "several mistakes", {"mistakes": list(mistakes)})


def allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Return what a field accepts in words: ``an integer >= 1``, ``'mask', 'raise' or 'accept'``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return allowed(inner, (*metadata, *more))
    if origin is Literal:
        return " or ".join(show(word) for word in get_args(annotation))
    if origin in (Union, UnionType):
        return " or ".join(allowed(part) for part in get_args(annotation) if part is not NoneType)
    if origin is tuple:
        return f"a list, each entry {allowed(get_args(annotation)[0])}"
    kind = KINDS.get(getattr(annotation, "__name__", ""), "a table")
    bounds = [
        f"{sign} {getattr(item, name):g}"
        for item in chain.from_iterable(getattr(outer, "metadata", None) or [outer] for outer in metadata)
        for name, sign in BOUNDS.items()
        if getattr(item, name, None) is not None
    ]
    article = {"n": "a ", "i": "an "}.get(kind[0], "") if annotation in (int, float) else ""
    return " ".join([f"{article}{kind}", " and ".join(bounds)]).strip()


def explain(error: ValidationError, root: type[BaseModel]) -> list[Mistake]:
    """Return pydantic's findings about an experiment document as mistakes, at most one per entry."""
    found: dict[str, Mistake] = {}
    for finding in error.errors(include_url=False):
        for mistake in _mistakes(finding["loc"], finding["type"], finding, root):
            found.setdefault(mistake.place or mistake.text, mistake)
    return list(found.values())


def _mistakes(loc: tuple[Any, ...], kind: str, finding: Any, root: type[BaseModel]) -> list[Mistake]:
    value = finding["input"]
    if kind == "refused_all":
        return list(finding["ctx"]["mistakes"])
    if not loc:
        return [Mistake("", f"expected tables such as [learning], got {show(value)}")]
    table = str(loc[0])
    model = _table_model(root, table)
    if model is None and (kind == "extra_forbidden" or len(loc) == 1):
        return [_unknown_table(root, table, value) if kind == "extra_forbidden" else _top(root, table, value)]
    if model is None or len(loc) == 1:
        return [Mistake(f"[{table}] = {show(value)}", f"expected a table: a line [{table}], its keys below")]
    while inner := _subtable(model, loc):
        table, model, loc = f"{table}.{loc[1]}", inner, loc[1:]
    key, field = str(loc[1]), model.model_fields.get(str(loc[1]))
    if kind == "extra_forbidden" and len(loc) == 2:
        return [unknown_key(root, table, key, list(model.model_fields))]
    if kind == "refused":
        return [entry(table, key, value, str(finding["msg"]))]
    if field is None:
        return [entry(table, key, value, str(finding["msg"]))]
    if get_origin(field.annotation) is tuple and len(loc) > 2:
        inner, where = get_args(field.annotation)[0], f"{key}, entry {loc[2] + 1}"
        if len(loc) > 3:
            return [_within(inner, table, where, str(loc[3]), kind, value)]
        return [entry(table, where, value, _expected(inner, (), field.description, value))]
    return [entry(table, key, value, _expected(field.annotation, field.metadata, field.description, value))]


def _within(model: type[BaseModel], table: str, where: str, key: str, kind: str, value: Any) -> Mistake:
    """Return the mistake in key `key` of the table `model` that stands in a list, at `where`."""
    if kind == "missing":
        return entry(table, where, value, f"has no {key!r} ({model.model_fields[key].description})")
    if kind == "extra_forbidden":
        known = list(model.model_fields)
        return Mistake(f"[{table}] {where}", f"unknown key {key!r}{nearest(key, known)}; allowed: {', '.join(known)}")
    field = model.model_fields[key]
    return entry(table, f"{where}, {key}", value, _expected(field.annotation, field.metadata, field.description, value))


def _expected(annotation: Any, metadata: Sequence[Any], meaning: str | None, value: Any) -> str:
    words = get_args(annotation) if get_origin(annotation) is Literal else ()
    if words and all(isinstance(word, str) for word in words):
        near = nearest(value, words) if isinstance(value, str) else ""
        return f"unknown{near}; allowed: {', '.join(repr(word) for word in words)}"
    explained = f" ({meaning})" if meaning else ""
    return f"expected {allowed(annotation, metadata)}{explained}{_quoted_number(value)}"


def _quoted_number(value: Any) -> str:
    try:
        return "; write it without quotes" if isinstance(value, str) and math.isfinite(float(value)) else ""
    except ValueError:
        return ""


def _table_model(root: type[BaseModel], table: str) -> type[BaseModel] | None:
    field = root.model_fields.get(table)
    if field is None:
        return None
    candidates = (field.annotation, *get_args(field.annotation))
    return next((c for c in candidates if isinstance(c, type) and hasattr(c, "model_fields")), None)


def _subtable(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    """Return the table within `model` in which a finding at `loc` lies, or None when it is about `model` itself."""
    field = model.model_fields.get(str(loc[1])) if len(loc) > 2 else None
    inner: Any = field.annotation if field else None
    return inner if hasattr(inner, "model_fields") else None


def tables(root: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the tables of an experiment by name."""
    found = {name: _table_model(root, name) for name in root.model_fields}
    return {name: model for name, model in found.items() if model is not None}


def _top(root: type[BaseModel], key: str, value: Any) -> Mistake:
    field = root.model_fields[key]
    return Mistake(f"{key} = {show(value)}", f"expected {allowed(field.annotation)} ({field.description})")


def _unknown_table(root: type[BaseModel], name: str, value: Any) -> Mistake:
    known = tables(root)
    if isinstance(value, Mapping):
        near = nearest(name, known).replace(" '", " [").replace("'?", "]?")
        return Mistake("", f"unknown table [{name}]{near}; allowed: {', '.join(f'[{t}]' for t in known)}")
    home = [table for table, model in known.items() if name in model.model_fields]
    where = f"it belongs below [{home[0]}]" if home else "keys belong below a table such as [learning]"
    return Mistake("", f"unknown key {name!r} before the first table; {where}")


def unknown_key(root: type[BaseModel], table: str, key: str, known: Sequence[str]) -> Mistake:
    """Return the mistake that [table] has no key `key`, with the nearest one or the table it belongs to."""
    home = [t for t, model in tables(root).items() if key in model.model_fields and t != table]
    near = nearest(key, known) or (f" (it belongs to [{home[0]}])" if home else "")
    return Mistake("", f"unknown key {key!r} in [{table}]{near}; allowed: {', '.join(known)}")
