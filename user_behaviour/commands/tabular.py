"""Rows as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from user_behaviour.commands.terminal import console


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows by column name, as a table."""
    print_table(list(rows[0]) if rows else (), [list(row.values()) for row in rows])


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; numbers to the right, null as nothing."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        figures = all(row[number] is None or isinstance(row[number], Number) for row in rows)
        table.add_column(Text(str(name)), justify="right" if figures and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    if columns:
        console().print(table)
