"""Versioned migrations of the warehouse: plain SQL files, applied in the order of their names, each once, by yoyo.

`NNNN.name.sql` makes, `NNNN.name.rollback.sql` takes back; a file is one transaction, unless a comment on top says
`-- transactional: false`. `%(name)s` is a value of the deployment, quoted by the client; a per cent sign is `%%`.
Every process that starts the local stack imports this module, so yoyo and psycopg2 are imported where they are needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from user_behaviour.migrations.yoyo_backend import WarehouseBackend
    from user_behaviour.warehouse.warehouse import Warehouse

MIGRATIONS = Path(__file__).resolve().parents[2] / "sql" / "migrations"
_ROLLBACK = ".rollback.sql"
_SHOWN_CHARACTERS = 160


class MigrationError(Exception):
    """The warehouse cannot be migrated as asked; what is to be done is in the message."""


@dataclass(frozen=True)
class MigrationFile:
    """A migration of this checkout; `id` is the name of the file without its ending."""

    id: str
    path: Path

    @property
    def rollback_path(self) -> Path:
        return self.path.with_name(f"{self.id}{_ROLLBACK}")


@dataclass(frozen=True)
class AppliedMigration:
    """A migration of the database; `digest` is that of the text that was applied, `at` in UTC without a zone."""

    id: str
    at: datetime
    digest: str | None


def digest(path: Path) -> str:
    """SHA-256 of the text of a file, whatever its line ends are."""
    return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()


def migration_files(directory: Path) -> tuple[MigrationFile, ...]:
    """The migrations of a directory, in their order."""
    paths = sorted(path for path in directory.glob("*.sql") if not path.name.endswith(_ROLLBACK))
    return tuple(MigrationFile(path.name.removesuffix(".sql"), path) for path in paths)


def without_comments(statement: str) -> str:
    """The statement on one line, to be shown; a text that looks like a comment goes with the comments."""
    return " ".join(re.sub(r"--[^\n]*", "", statement).split())


class Migrations:
    """The migrations in `directory`, and what the warehouse has of them. Processes that migrate at once queue.

    `parameters` are the values of the files' placeholders. `apply`, `roll_back` and `go_to` give `report` a sentence
    for each migration that is done, and raise `MigrationError`; reading changes nothing in the database.
    """

    def __init__(
        self, warehouse: Warehouse, directory: Path, *, parameters: Mapping[str, object] | None = None
    ) -> None:
        self.directory = directory
        self._warehouse = warehouse.labelled("migrate")
        self._parameters = dict(parameters or {})

    def files(self) -> tuple[MigrationFile, ...]:
        return migration_files(self.directory)

    def applied(self) -> tuple[AppliedMigration, ...]:
        """What the database has, oldest first; also what this checkout does not know."""
        if not self._warehouse.rows(_HAS_LEDGER):
            return ()
        digests = {row["id"]: row["digest"] for row in self._warehouse.rows(_DIGESTS)}
        return tuple(AppliedMigration(**row, digest=digests.get(row["id"])) for row in self._warehouse.rows(_APPLIED))

    def pending(self) -> tuple[str, ...]:
        """The ids of the migrations that `apply` would apply, in that order."""
        applied = {migration.id for migration in self.applied()}
        return tuple(file.id for file in self.files() if file.id not in applied)

    def apply(self, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
        """Applies what is pending; gives the ids."""
        return self._apply([file.id for file in self.files()], report)

    def roll_back(self, count: int = 1, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
        """Takes the last migrations back, the newest first; gives the ids."""
        return self._roll_back(lambda: self.last(count), report)

    def last(self, count: int) -> tuple[str, ...]:
        """What `roll_back` would take back, the newest first."""
        return tuple(reversed(self._applied_ids()[-count:]))

    def newer_than(self, id: str) -> tuple[str, ...]:  # noqa: A002
        """What `go_to` would take back, the newest first."""
        self._require_known([id])
        return tuple(applied for applied in reversed(self._applied_ids()) if applied > id)

    def go_to(self, id: str, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:  # noqa: A002
        """Makes a migration the newest one: takes back those after it, applies what is pending up to it."""
        back = self._roll_back(lambda: self.newer_than(id), report)
        return (*back, *self._apply([file.id for file in self.files() if file.id <= id], report))

    def _apply(self, wanted: Sequence[str], report: Callable[[str], None]) -> tuple[str, ...]:
        with self._begun() as (backend, migrations):
            todo = [m for m in backend.to_apply(migrations) if m.id in wanted]
            for migration in todo:
                self._process(backend, migration, "apply")
                report(f"{migration.id} is applied.")
        return tuple(migration.id for migration in todo)

    def _roll_back(self, chosen: Callable[[], Sequence[str]], report: Callable[[str], None]) -> tuple[str, ...]:
        with self._begun() as (backend, migrations):
            known = {migration.id: migration for migration in migrations}
            todo = chosen()
            self._require_way_back(todo)
            for id_ in todo:
                self._process(backend, known[id_], "rollback")
                report(f"{id_} is taken back.")
        return tuple(todo)

    def _applied_ids(self) -> list[str]:
        return sorted(migration.id for migration in self.applied())

    def _process(self, backend: WarehouseBackend, migration: Any, direction: str) -> None:
        """One migration and its line in the ledger, in one transaction where the migration can be in one."""
        migration.load()
        with _refusals_named(migration, direction):
            if migration.use_transactions:
                with backend.transaction():
                    migration.process_steps(backend, direction)
                    _note(backend, migration, direction)
            else:
                migration.process_steps(backend, direction)
                with backend.transaction():
                    _note(backend, migration, direction)

    def _require_known(self, ids: Sequence[str]) -> None:
        files = [file.id for file in self.files()]
        for id_ in ids:
            if id_ not in files:
                raise MigrationError(
                    f"Migration {id_!r} is not in {self.directory}; choose one of: {', '.join(files)}. "
                    "One that is applied and not there is of a newer version, which can take it back."
                )

    def _require_way_back(self, ids: Sequence[str]) -> None:
        self._require_known(ids)
        for file in self.files():
            if file.id in ids and not file.rollback_path.is_file():
                raise MigrationError(f"Migration {file.id} cannot be taken back: {file.rollback_path} is missing.")

    @contextmanager
    def _begun(self) -> Iterator[tuple[WarehouseBackend, Any]]:
        from psycopg2.errors import QueryCanceled
        from yoyo import read_migrations

        from user_behaviour.migrations.yoyo_backend import LOCK_MINUTES, WarehouseBackend

        try:
            with WarehouseBackend(self._warehouse, self._parameters) as backend, backend.lock():
                backend.ensure_internal_schema_updated()
                yield backend, read_migrations(str(self.directory))
        except QueryCanceled as error:
            raise MigrationError(
                f"Another process has been migrating for more than {LOCK_MINUTES} minutes; wait for it, or end it."
            ) from error


def _note(backend: WarehouseBackend, migration: Any, direction: str) -> None:
    backend.log_migration(migration, direction)
    (backend.mark_one if direction == "apply" else backend.unmark_one)(migration, log=False)


@contextmanager
def _refusals_named(migration: Any, direction: str) -> Iterator[None]:
    import psycopg2

    path = Path(migration.path)
    file = path if direction == "apply" else path.with_name(f"{migration.id}{_ROLLBACK}")
    kept = "Nothing of it was kept" if migration.use_transactions else "It is no transaction: its first part may stay"
    try:
        yield
    except psycopg2.Error as error:
        query = error.cursor.query if error.cursor else None
        raise MigrationError(
            f"{file} is refused by the warehouse: {str(error).splitlines()[0]} "
            f"(in: {_in_short(query)}).\n{kept}; mend the file, and migrate again."
        ) from error
    except KeyError as error:
        raise MigrationError(f"{file} asks for %({error.args[0]})s, which this deployment does not give.") from error


def _in_short(query: bytes | None) -> str:
    return without_comments((query or b"").decode(errors="replace"))[:_SHOWN_CHARACTERS] or "the connection"


_HAS_LEDGER = "select tablename from pg_tables where schemaname = 'audit' and tablename = '_yoyo_migration'"
_APPLIED = """
select migration_id as id, applied_at_utc as at from audit._yoyo_migration order by applied_at_utc, migration_id
"""
_DIGESTS = """
select migration_id as id, "comment" as digest from audit._yoyo_log where operation = 'apply' order by created_at_utc
"""
