"""Tables on stdout: fitted to a terminal, never cut where the output goes to a file or a pipe."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

WIDE = 400


def print_table(columns: Sequence[str], groups: Sequence[Sequence[Sequence[str]]]) -> None:
    """Print a table: `columns` over groups of rows of plain text, a gap between groups."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_table(columns, groups))
    else:
        typer.echo(table_text(columns, groups))


def table_text(columns: Sequence[str], groups: Sequence[Sequence[Sequence[str]]]) -> str:
    """Return a table as text, as wide as it needs to be."""
    console = Console(highlight=False, width=WIDE)
    with console.capture() as captured:
        console.print(_table(columns, groups))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _table(columns: Sequence[str], groups: Sequence[Sequence[Sequence[str]]]) -> Table:
    table = Table(*(escape(column) for column in columns), box=box.SIMPLE_HEAD)
    for rows in groups:
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))  # plain: "[fast]" would be read as markup
        table.add_section()
    return table
