"""How Redshift sees partitions, and how they are registered without transactions or locks: in Glue, or by its own DDL.

Read the batch in force, write the partition, read the batch in force again, and write once more where it changed
meanwhile. Whoever writes last has read the pointer after writing, so what stays registered is the batch in force. A
twin adds a few methods.
"""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import psycopg2

from user_behaviour.catalog.external_tables import CatalogError, ExternalTables, Registration, misfits, registration
from user_behaviour.diagnosis import Diagnosis, bad, good, in_short, judged
from user_behaviour.lake.dataset import Dataset
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse

MOST_PARTITIONS = 100
"""As many partitions as one call of Glue, or one ALTER TABLE, may add."""
ROUNDS = 20


class PartitionCatalog(ExternalTables):
    """Partitions that are written one call at a time, by several runs at once."""

    warehouse: Warehouse

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """As the role says, a hundred days at a time: a failure leaves the hundreds before it registered.

        Batches that are not registered yet must fit first, by their record and footers or else by their rows: the
        warehouse would cut a text that is too long, and misread a type that is not the declared one, without a word.
        `CatalogError` names days refused.
        """
        days = sorted(set(days))
        done: dict[date, Registration] = {}
        refused: dict[date, str] = {}
        for start in range(0, len(days), MOST_PARTITIONS):
            registered, failed = self._register(table, dataset, days[start : start + MOST_PARTITIONS])
            done |= registered
            refused |= failed
        if refused:
            raise CatalogError(_refusal(table, refused))
        return done

    def _register(
        self, table: Table, dataset: Dataset, days: Sequence[date]
    ) -> tuple[dict[date, Registration], dict[date, str]]:
        done: dict[date, Registration] = {}
        refused: dict[date, str] = {}
        for _ in range(ROUNDS):
            manifests = {manifest.day: manifest for manifest in dataset.in_force(days)}
            wanted = [registration(dataset, manifest) for manifest in manifests.values()]
            outdated = self._outdated(table, wanted)
            for error in misfits(table, dataset, [manifests[r.day] for r in outdated]).values():
                raise error
            refused |= self._point(table, outdated) if outdated else {}
            done |= {r.day: r for r in wanted}
            written = {r.day: r.batch_id for r in outdated if r.day not in refused}
            now = dataset.manifests(list(written))
            days = [day for day, batch_id in written.items() if day not in now or now[day].batch_id != batch_id]
            if not days:
                return done, refused
        raise CatalogError(
            f"{table.name}, {days[0]}: the batch in force changed {ROUNDS} times while it was being registered; "
            "something publishes this day without end. Find it, then register the day again."
        )

    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        rows = self.warehouse.rows(statement("spectrum/partitions_seen.sql"), table.identity)
        found = {_day(table, row["partition_values"]): row["location"] for row in rows}
        return {day: location for day, location in sorted(found.items()) if span.first <= day < span.end}

    @abstractmethod
    def _outdated(self, table: Table, wanted: Sequence[Registration]) -> list[Registration]:
        """Those of the registrations, at most `MOST_PARTITIONS`, that the catalog does not have exactly so."""

    @abstractmethod
    def _point(self, table: Table, registrations: Sequence[Registration]) -> dict[date, str]:
        """Creates the partitions, or points them elsewhere; gives the reason of each day that was refused for good."""


def external_schema(warehouse: Warehouse, database: str | None = None) -> Iterator[Diagnosis]:
    """Whether the external schema is there, shows `database` of Glue, and can list its partitions."""
    schemas = warehouse.rows(statement("drift/external_schema.sql"))
    if not schemas:
        yield bad("schema spectrum", "Redshift has no such external schema", "Run `user-behaviour migrate`.")
        return
    (shows,) = schemas[0].values()
    remedy = "Correct USER_BEHAVIOUR_GLUE_DATABASE, or `user-behaviour migrate --to 0001.audit` and `migrate`."
    is_it = database in (None, shows)
    found = f"shows the Glue database {shows}" + ("" if is_it else f", and not {database}")
    yield judged("schema spectrum", is_it, found, remedy)
    try:
        warehouse.rows("select location from svv_external_partitions where schemaname = 'spectrum' limit 1")
    except psycopg2.Error as error:
        yield bad("partitions in Redshift", in_short(error), _READ_GLUE)
    else:
        yield good("partitions in Redshift", "can be listed")


_READ_GLUE = (
    "Let the schema's IAM role read Glue: glue:GetDatabase, GetDatabases, GetTable, GetTables, GetPartition, "
    "GetPartitions, BatchGetPartition."
)


def _refusal(table: Table, refused: Mapping[date, str]) -> str:
    said = "; ".join(f"{day}: {reason}" for day, reason in sorted(refused.items())[:5])
    more = f"; and {len(refused) - 5} more days" if len(refused) > 5 else ""
    return (
        f"{len(refused)} partitions of {table.name} could not be registered ({said}{more}). The days not named are "
        "registered; remove the cause and run these again."
    )


def _day(table: Table, values: str) -> date:
    """The day in the partition's values, which Redshift shows as a list in JSON: `["2010-12-01"]`."""
    try:
        (value,) = json.loads(values)
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise CatalogError(
            f"Redshift shows a partition of {table.name} with the values {values!r}; expected is one day as "
            '["2010-12-01"]. Drop the partition: `alter table … drop partition (…)`.'
        ) from error
