"""Twin of the catalog: the same partitions as in Glue, written by Redshift's own DDL.

For accounts where all access to the catalog goes through Redshift. This DDL runs in
no transaction: each statement is alone on an autocommit connection. The catalog keeps only locations, so the batch is
read from the location, and the number of rows from the batch's manifest in the lake.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date

from psycopg2.sql import Composed
from pydantic import PrivateAttr

from user_behaviour.catalog import redshift_ddl
from user_behaviour.catalog.external_tables import (
    SEEN_CHARACTERS,
    CatalogError,
    Registration,
    batch_of,
    declared_columns,
    shown,
)
from user_behaviour.catalog.partition_catalog import PartitionCatalog, external_schema
from user_behaviour.diagnosis import Diagnosis, judged, unknown
from user_behaviour.lake.dataset import MANIFEST, Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest, RecordError
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table, spelling


class RedshiftExternalTables(PartitionCatalog):
    """The external tables of a catalog that Redshift owns and changes by its own DDL."""

    lake: Lake
    # A batch never changes, so its manifest is read once.
    _rows: dict[str, int] = PrivateAttr(default_factory=dict)

    def define(self, table: Table, dataset: Dataset) -> bool:
        found, declared = self.columns(table), declared_columns(table)
        if found == declared:
            return False
        if not found:
            location = f"{dataset.lake.uri(dataset.table.name)}/"
            self._execute([redshift_ddl.create_table(table, location)])
            return True
        here, days = found[:-1], found[-1:]
        if declared[: len(here)] != here or declared[-1:] != days:
            raise CatalogError(
                f"{table.name} has the columns {shown(found)}, declared are {shown(declared)}; Redshift can only add "
                f"columns at the end. `drop table {table.name}` (the files stay), then `user-behaviour migrate` and "
                "`user-behaviour reconcile --repair`."
            )
        self._execute(redshift_ddl.add_column(table, column) for column in table.columns[len(here) :])
        return True

    def columns(self, table: Table) -> list[tuple[str, str]]:
        rows = self.warehouse.rows(statement("spectrum/columns_seen.sql"), table.identity)
        return [(row["column_name"], spelling(row["column_type"])) for row in rows]

    def self_check(self) -> Iterator[Diagnosis]:
        """Also whose the external schema is: only its owner may change partitions."""
        yield from external_schema(self.warehouse)
        owned = self.warehouse.rows(
            "select usename as owner, current_user as ours from svv_external_schemas "
            "inner join pg_user on esowner = usesysid where schemaname = 'spectrum'"
        )
        if not owned:
            needed = "A run needs the database user to own the external schema, or to be a superuser."
            yield unknown("owner", "of the external schema cannot be seen from here", needed)
        for row in owned:
            owner, ours = row["owner"], row["ours"]
            found = f"{owner} owns the external schema, and only its owner may write partitions"
            remedy = f"As {owner} or a superuser: alter schema spectrum owner to {ours};"
            yield judged("owner", owner == ours, found, remedy)

    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        seen = self.seen(table, span)
        rows = self.lake.at_once(self._rows_at, list(seen.values()))
        found = zip(seen.items(), rows, strict=True)
        return {day: Registration(day, where, batch_of(where), count) for (day, where), count in found}

    def deregister(self, table: Table, days: Sequence[date]) -> None:
        if not days:
            return
        there = self.seen(table, DayRange(min(days), max(days)))
        self._execute(redshift_ddl.drop_partition(table, day) for day in sorted(set(days)) if day in there)

    def _outdated(self, table: Table, wanted: Sequence[Registration]) -> list[Registration]:
        self._rows |= {r.location: r.rows for r in wanted}
        for registration in wanted:
            _require_seen_whole(table, registration)
        there = self._there(table, wanted)
        return [r for r in wanted if there.get(r.day) != r.location]

    def _point(self, table: Table, registrations: Sequence[Registration]) -> dict[date, str]:
        self._execute([redshift_ddl.add_partitions(table, registrations)])
        there = self._there(table, registrations)
        elsewhere = [r for r in registrations if there.get(r.day) != r.location]
        self._execute(redshift_ddl.set_location(table, r) for r in elsewhere)
        return {}

    def _there(self, table: Table, registrations: Sequence[Registration]) -> dict[date, str]:
        days = [r.day for r in registrations]
        return self.seen(table, DayRange(min(days), max(days)))

    def _rows_at(self, location: str) -> int:
        """The rows of the batch at a location; 0 where no batch of the lake lies there."""
        if location not in self._rows:
            root = self.lake.uri(MANIFEST).removesuffix(MANIFEST)
            path = f"{location.removeprefix(root)}{MANIFEST}"
            found = self.lake.read(path) if location.startswith(root) and location.endswith("/") else None
            if found is None:
                return 0
            with suppress(RecordError):
                self._rows[location] = Manifest.from_json(found[0]).rows
        return self._rows.get(location, 0)

    def _execute(self, statements: Iterable[Composed]) -> None:
        """Runs each statement by itself, and goes on from there on a new connection if one was lost.

        Never `with connection:`, by which psycopg2 begins a transaction even under autocommit.
        """
        left = list(statements)

        def attempt() -> None:
            with self.warehouse.session() as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    while left:
                        cursor.execute(left[0])
                        left.pop(0)

        if left:
            self.warehouse.retried(attempt)


def _require_seen_whole(table: Table, registration: Registration) -> None:
    if (size := len(registration.location)) > SEEN_CHARACTERS:
        raise CatalogError(
            f"{table.name}, {registration.day}: the location {registration.location} has {size} characters, and "
            f"svv_external_partitions shows {SEEN_CHARACTERS}: what is registered could not be told. Take a shorter "
            "bucket or prefix (USER_BEHAVIOUR_LAKE), or let Glue be the catalog (USER_BEHAVIOUR_CATALOG)."
        )
