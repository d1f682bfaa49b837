"""The users of the warehouse, and what each may do: `sql/privileges`, given anew after each migration.

Each statement is by itself: Redshift takes no grant on an external schema in a transaction. It is an administrator's
work, and a deployment that names no users has none of it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from psycopg2.extensions import AsIs

from user_behaviour.tables.identifiers import quoted
from user_behaviour.tables.statements import split, statement
from user_behaviour.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class WarehouseUsers:
    """The database users who run the pipeline and who read; an empty name: there is none.

    The pipeline logs in by IAM. `iam_role`, as a bound value, is what it may name in COPY and UNLOAD. `rights` is the
    file of them where somebody else makes the users.
    """

    warehouse: Warehouse
    pipeline: str = ""
    reader: str = ""
    reader_password: Callable[[], str] = str
    iam_role: object = ""
    rights: str = ""

    def let_in(self) -> list[str]:
        """Makes the users that are missing, and gives each what it needs; the names."""
        if self.rights:
            self._execute(self.rights)
        if self.pipeline:
            self._make(self.pipeline)
            self._execute("privileges/pipeline.sql", self.pipeline)
        if self.reader:
            self._make(self.reader, self.reader_password())
            self._execute("privileges/reader.sql", self.reader)
        return [user for user in (self.pipeline, self.reader) if user]

    def close_to_others(self) -> None:
        """Takes from every user what Redshift lets each do: make tables in `public`, name any role of the warehouse."""
        self._execute("privileges/others.sql")

    def _make(self, user: str, password: str = "") -> None:
        there = self.warehouse.rows("select usename from pg_user where usename = %(user)s", {"user": user})
        # Hashed as Redshift keeps it (docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html): logs hold statements.
        kept = "md5" + hashlib.md5((password + user).encode()).hexdigest() if password else AsIs("disable")  # noqa: S324
        if password or not there:
            verb = "alter" if there else "create"
            self._each([f"{verb} user {quoted(user)} password %(kept)s"], {"kept": kept})

    def _execute(self, file: str, user: str = "public") -> None:
        self._each(split(statement(file)), {"database_user": AsIs(quoted(user)), "iam_role": self.iam_role})

    def _each(self, texts: list[str], parameters: dict[str, object]) -> None:
        with self.warehouse.labelled("migrate").session() as connection, connection.cursor() as cursor:
            connection.autocommit = True
            for text in texts:
                cursor.execute(text, parameters)
