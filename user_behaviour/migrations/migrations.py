"""Versioned migrations of the warehouse: plain SQL files, applied in the order of their names, each once.

`NNNN.name.sql` makes, `NNNN.name.rollback.sql` takes back; each is one transaction unless a comment on top of the first
says `-- transactional: false`. `%(name)s` is a value of the deployment, quoted by the client; a per cent sign is `%%`.
"""

import hashlib
import platform
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from user_behaviour.tables.statements import SQL, split, statement
from user_behaviour.warehouse.warehouse import Warehouse

MIGRATIONS = SQL / "migrations"
BOTH = "both"  # beside the directories of the dialects: what either understands
LOCK_MINUTES = 10
_NO_TRANSACTION = re.compile(r"(?:\s*--.*\n)*?\s*-- *transactional: *false\s")
_KEPT = {False: "Nothing of it was kept", True: "It is no transaction: its first part may stay"}  # by autocommit
_DONE = {"apply": "applied", "rollback": "taken back"}


class MigrationError(Exception):
    """The warehouse cannot be migrated as asked; what is to be done is in the message."""


class Migrations:
    """The migrations in `directory` and in `BOTH` beside it, and which the warehouse has by its ledger.

    Processes that migrate at once queue. `parameters` are the values of the files' placeholders. `apply`, `roll_back`
    and `go_to` give `report` a sentence for each migration that is done, and raise `MigrationError`; reading changes
    nothing in the database.
    """

    def __init__(self, warehouse: Warehouse, directory: Path, *, parameters: Mapping[str, object] = {}) -> None:
        self.directory = directory
        self._warehouse = warehouse.labelled("migrate")
        self._parameters = parameters

    def files(self) -> dict[str, Path]:
        """The migrations of this checkout, in order: the file of each by its id, which is the name without `.sql`."""
        both = self.directory.parent / BOTH
        found = (path for directory in (both, self.directory) for path in directory.glob("*.sql"))
        files = {path.name.removesuffix(".sql"): path for path in found}
        if not files and not self.directory.is_dir():
            raise MigrationError(f"{self.directory} is missing, and the migrations with it; install the project whole.")
        return {id_: files[id_] for id_ in sorted(files) if not id_.endswith(".rollback")}

    def digest(self, id: str) -> str:  # noqa: A002
        """SHA-256 of the text that makes a migration, whatever its line ends are."""
        return hashlib.sha256(self.files()[id].read_text(encoding="utf-8").encode()).hexdigest()

    def applied(self) -> tuple[str, ...]:
        """The ids of what the database has, in order; also what this checkout does not know."""
        there = self._warehouse.rows(statement("ledger/exists.sql"))
        rows = self._warehouse.rows(statement("ledger/applied.sql")) if there else []
        return tuple(sorted({row["id"] for row in rows}))

    def pending(self) -> tuple[str, ...]:
        """The ids of the migrations that `apply` would apply, in that order."""
        return tuple(sorted(self.files().keys() - set(self.applied())))

    def last(self, count: int) -> tuple[str, ...]:
        """What `roll_back` would take back, the newest first."""
        return self.applied()[::-1][:count]

    def newer_than(self, id: str) -> tuple[str, ...]:  # noqa: A002
        """What `go_to` would take back, the newest first."""
        self._file(id, "apply")
        return tuple(applied for applied in self.applied()[::-1] if applied > id)

    def apply(self, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
        """Applies what is pending; gives the ids."""
        with self._locked():
            return self._carry_out("apply", self.pending(), report=report)

    def roll_back(self, count: int, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
        """Takes the last migrations back, the newest first; gives the ids."""
        with self._locked():
            return self._carry_out("rollback", self.last(count), report=report)

    def go_to(self, id: str, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:  # noqa: A002
        """Makes a migration the newest one: takes back those after it, applies what is pending up to it."""
        with self._locked():
            taken_back = self._carry_out("rollback", self.newer_than(id), report=report)
            due = [pending for pending in self.pending() if pending <= id]
            return taken_back + self._carry_out("apply", due, report=report)

    def _carry_out(self, operation: str, ids: Sequence[str], *, report: Callable[[str], None]) -> tuple[str, ...]:
        for id_, file in [(id_, self._file(id_, operation)) for id_ in ids]:  # every file is there before one is run
            self._run(operation, id_, file=file)
            report(f"{id_} is {_DONE[operation]}.")
        return tuple(ids)

    def _file(self, id: str, operation: str) -> Path:  # noqa: A002
        if id not in (files := self.files()):
            raise MigrationError(
                f"Migration {id!r} is not in {self.directory}; choose one of: {', '.join(files)}. "
                "One that is applied and not there is of a newer version, which can take it back."
            )
        file = files[id] if operation == "apply" else files[id].with_name(f"{id}.rollback.sql")
        if not file.is_file():
            raise MigrationError(f"Migration {id} cannot be taken back: {file} is missing.")
        return file

    def _run(self, operation: str, id: str, *, file: Path) -> None:  # noqa: A002
        """Executes a file and notes it in the ledger, in one transaction where the migration can be in one."""
        import psycopg2

        with self._warehouse.session() as connection, connection.cursor() as cursor:
            connection.autocommit = bool(_NO_TRANSACTION.match(self.files()[id].read_text(encoding="utf-8")))
            for text in split(file.read_text(encoding="utf-8")):
                try:
                    cursor.execute(text, self._parameters)
                except KeyError as key:
                    raise MigrationError(f"{file} asks for %({key.args[0]})s, which this deployment lacks.") from key
                except psycopg2.Error as error:
                    raise MigrationError(
                        f"{file} is refused by the warehouse: {str(error).splitlines()[0]} "
                        f"(in: {' '.join(text.split())[:160]}).\n"
                        f"{_KEPT[connection.autocommit]}; correct the file, and migrate again."
                    ) from error
            entry = {
                "id": str(uuid.uuid4()),
                "hash": hashlib.sha256(id.encode()).hexdigest(),
                "migration": id,
                "hostname": platform.node(),
                "digest": self.digest(id),
                "now": datetime.now(UTC).replace(tzinfo=None),
            }
            cursor.execute(statement(f"ledger/{operation}.sql"), entry)
            connection.commit()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The ledger's lock, which a session of its own holds: it is gone with the process, however that ends."""
        from psycopg2.errors import DuplicateTable, QueryCanceled, UniqueViolation

        if not self.applied():
            with suppress(DuplicateTable, UniqueViolation):  # then another process made it at this moment
                self._warehouse.transaction(lambda cursor: cursor.execute(statement("ledger/tables.sql")))
        with self._warehouse.session() as holder, holder.cursor() as cursor:
            cursor.execute("set statement_timeout to %s", (int(LOCK_MINUTES * 60_000),))
            try:
                cursor.execute("lock table audit.yoyo_lock")
            except QueryCanceled as error:
                raise MigrationError(
                    f"Another process has been migrating for more than {LOCK_MINUTES} minutes; wait for it, or end it."
                ) from error
            yield
