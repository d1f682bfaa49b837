"""Role: the catalog of external tables, which says at which batch of the lake each partition of a table points.

Of two runs the later one never leaves the older batch behind: whoever registers looks up the batch in force after it
holds the partition, or, where a catalog has nothing to hold, once more after it has written (`partition_catalog`).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
import pyarrow as pa

from user_behaviour.diagnosis import Diagnosis, bad, good, judged
from user_behaviour.lake.conformity import SchemaError, require_footer, require_storable
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table, spelling
from user_behaviour.warehouse.warehouse import Warehouse

ALL_DAYS = DayRange(date.min, date.max - timedelta(days=1))


class CatalogError(Exception):
    """The catalog refused, or has a table otherwise than it is declared."""


@dataclass(frozen=True)
class Registration:
    """A partition as the catalog has it; `location` ends with `/`."""

    day: date
    location: str
    batch_id: str
    rows: int


class ExternalTables(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The catalog of external tables: their definitions, and the batch at which each partition points."""

    @abstractmethod
    def define(self, table: Table, dataset: Dataset) -> bool:
        """Creates the table over the data set, or brings it up to its declared columns; True if anything changed.

        Partitions stay as they are. Raises `CatalogError` where the table differs in a way that cannot be changed.
        """

    @abstractmethod
    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """Points the partitions of the days at the batches in force; the days must be in the data set.

        Raises `SchemaError` where the rows of a day do not fit the table.
        """

    @abstractmethod
    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        """The registered partitions of a range of days."""

    @abstractmethod
    def deregister(self, table: Table, days: Sequence[date]) -> None:
        """Takes the partitions of the days out of the catalog; the lake keeps its files. Days without one are fine."""

    @abstractmethod
    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        """The location of each partition as the warehouse sees it, cut to the first `SEEN_CHARACTERS`."""

    @abstractmethod
    def columns(self, table: Table) -> list[tuple[str, str]]:
        """Name and type of each column that the catalog has, the partition's day last; none: the table is not there."""

    def self_check(self) -> Iterator[Diagnosis]:
        """What there is to say about the catalog as a whole."""
        return iter(())

    def check_table(self, table: Table, warehouse: Warehouse) -> Iterator[Diagnosis]:
        """Compares a table with its declaration, and reads its newest partition through the warehouse."""
        found, declared = self.columns(table), declared_columns(table)
        if not found:
            yield bad(table.name, "is not there", "`user-behaviour migrate` makes it.")
        elif found != declared:
            said = f"has the columns {shown(found)}; declared are {shown(declared)}"
            yield bad(table.name, said, "`user-behaviour migrate` brings it there, where that can be changed.")
        else:
            yield good(table.name, "is as declared")
            yield self._newest(table, warehouse)

    def _newest(self, table: Table, warehouse: Warehouse) -> Diagnosis:
        subject = f"{table.name} rows"
        if not (seen := self.seen(table, ALL_DAYS)):
            return good(subject, "no partition is registered yet")
        newest = max(seen)
        span = DayRange(newest, newest)
        registered = self.registered(table, span).get(newest)
        expected = registered.rows if registered else 0
        rows = sum(rows_shown(warehouse, table, span).get(newest, {}).values())
        is_so = registered is not None and rows == expected
        found = f"{newest} shows {rows:,}, registered are {expected:,}"
        return judged(subject, is_so, found, "`user-behaviour reconcile` says which place is wrong.")


def registration(dataset: Dataset, manifest: Manifest) -> Registration:
    """The partition that points at a batch."""
    directory = dataset.batch_directory(manifest.day, manifest.batch_id)
    return Registration(manifest.day, f"{dataset.lake.uri(directory)}/", manifest.batch_id, manifest.rows)


def batch_of(location: str) -> str:
    """The batch at which a location points: its last part."""
    return location.rstrip("/").rpartition("/")[2]


def fitting_rows(table: Table, dataset: Dataset, manifest: Manifest) -> Iterator[pa.RecordBatch]:
    """The rows of a batch as a stream; raises `SchemaError` where they do not fit the external table."""
    is_proven = fits_by_its_record(table, dataset, manifest)
    for batch in dataset.read(manifest):
        rows = batch.select(list(table.column_names))
        if not is_proven:
            require_storable(rows, table, str(manifest.day))
        yield rows


def fits_by_its_record(table: Table, dataset: Dataset, manifest: Manifest) -> bool:
    """Whether what was recorded of a batch when it was written, and its footers, prove that it fits the external table.

    False where that says nothing, of a batch of release 0.3.0 or before, or where a text may be too long: the rows
    tell. Raises `SchemaError` where the footers do not fit.
    """
    texts = {column.name: column.max_bytes for column in table.columns if column.max_bytes is not None}
    is_proven = all(manifest.longest_texts.get(name, most + 1) <= most for name, most in texts.items())
    if is_proven:
        for footer in dataset.footers(manifest):
            require_footer(footer, table, manifest.day)
    return is_proven


def misfits(table: Table, dataset: Dataset, manifests: Sequence[Manifest]) -> dict[date, SchemaError]:
    """Why rows do not fit the external table, of each batch whose rows do not."""

    def misfit(manifest: Manifest) -> SchemaError | None:
        try:
            if not fits_by_its_record(table, dataset, manifest):
                for _ in fitting_rows(table, dataset, manifest):
                    pass
        except SchemaError as error:
            return error
        return None

    found = dataset.lake.at_once(misfit, manifests)
    return {manifest.day: error for manifest, error in zip(manifests, found, strict=True) if error}


def rows_shown(warehouse: Warehouse, table: Table, span: DayRange) -> dict[date, dict[str, int]]:
    """The rows of a range of days that a query finds, counted by day and batch.

    Redshift shows no error where it cannot see a file, only fewer rows.
    """
    shown: dict[date, dict[str, int]] = {}
    for row in warehouse.rows(statement("{schema}/{table}_rows.sql".format(**table.identity)), span.parameters()):
        shown.setdefault(row["insert_date"], {})[row["batch_id"]] = row["row_count"]
    return shown


def declared_columns(table: Table) -> list[tuple[str, str]]:
    """Name and type of each column, the partition's day last."""
    return [*((column.name, spelling(column.type)) for column in table.columns), (table.partition_column, "date")]


def shown(columns: Sequence[tuple[str, str]]) -> str:
    """Columns in a sentence."""
    return f"({', '.join(' '.join(column) for column in columns)})"


SEEN_CHARACTERS = 128
"""svv_external_partitions shows no more: docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html"""
