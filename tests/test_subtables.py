"""Tables within a table: their dotted keys, their units, and what is said of wrong ones."""

import pytest
from pydantic import Field, ValidationError

from neurosim.config import keys
from neurosim.config.fields import Ohms, Table
from neurosim.config.mistakes import explain


class Inner(Table):
    """The inner table."""

    resistance: Ohms = Field(default=0.0, description="of one segment")
    every: int = Field(default=1, ge=1, description="updates")


class Outer(Table):
    """A table with another in it."""

    mapping: str = Field(default="balanced", description="mapping")
    lines: Inner = Field(default=Inner(), description="lines")


class Root(Table):
    """A document."""

    outer: Outer = Outer()


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    monkeypatch.setattr(keys, "TABLES", {"outer": Outer})


def test_keys_of_an_inner_table_are_dotted_and_have_their_units():
    assert keys.known_keys("outer") == ["mapping", "lines.resistance", "lines.every"]
    assert keys.why_unknown("outer.lines.resistance") is None
    assert keys.unit_of("outer.lines.resistance") == "ohm"
    assert keys.unit_of("outer.lines.every") is None
    assert keys.unit_of("outer.lines.other") is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("outer.lines", "'outer.lines' is a whole table; expected one of its keys: lines.resistance, lines.every"),
        ("outer.lines.resistence", "unknown key 'lines.resistence' in [outer] (did you mean 'lines.resistance'?)"),
        ("outer.mapping.deep", "outer.mapping holds a single value; there is no key 'outer.mapping.deep'"),
    ],
)
def test_a_key_that_is_none_is_explained(key, text):
    assert keys.why_unknown(key).startswith(text)


@pytest.mark.parametrize(
    ("inner", "line"),
    [
        ({"resistance": "1 uS"}, "[outer.lines] resistance = '1 uS'"),
        ({"every": 0}, "[outer.lines] every = 0: expected an integer >= 1 (updates)"),
        ({"evry": 2}, "unknown key 'evry' in [outer.lines] (did you mean 'every'?)"),
        (3, "[outer] lines = 3: expected a table"),
    ],
)
def test_a_wrong_entry_of_an_inner_table_names_its_place(inner, line):
    with pytest.raises(ValidationError) as caught:
        Root.model_validate({"outer": {"lines": inner}})
    assert str(explain(caught.value, Root)[0]).startswith(line)
