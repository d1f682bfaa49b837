"""Queries that people put to the warehouse: any SQL that reads. What writes is refused by the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from user_behaviour.resources.warehouse import Warehouse


@dataclass(frozen=True)
class Answer:
    """The rows of a query, and the names of their columns, which need not differ."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def ask(warehouse: Warehouse, sql: str) -> Answer:
    """The answer to a query. The transaction is read-only, and so is any that the text may begin after ending it."""
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set session characteristics as transaction read only")
        connection.commit()
        connection.set_session(readonly=True)
        # Once a transaction has read, it can no longer be made one that writes.
        cursor.execute("select 1")
        cursor.execute(sql)
        if cursor.description is None:
            return Answer((), ())
        return Answer([column.name for column in cursor.description], cursor.fetchall())
