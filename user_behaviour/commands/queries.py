"""Queries that people put to the warehouse: any SQL that reads. What writes is refused by the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from user_behaviour.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Answer:
    """The rows of a query, and the names of their columns, which need not differ."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def ask(warehouse: Warehouse, sql: str) -> Answer:
    """The answer to a query, in a read-only transaction."""
    with warehouse.reading() as connection, connection.cursor() as cursor:
        # Once a transaction has read, it can no longer be made one that writes.
        cursor.execute("select 1")
        cursor.execute(sql)
        if cursor.description is None:
            return Answer((), ())
        return Answer([column.name for column in cursor.description], cursor.fetchall())
