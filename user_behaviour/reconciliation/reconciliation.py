"""Asks every place what it has of an external table, and puts right what can be put right without a run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from user_behaviour.catalog.external_tables import ExternalTables, Registration, misfits
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import UnreadableRecordError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.restoration import restore, unreadable
from user_behaviour.reconciliation.comparison import Difference, DifferenceKind, Remedy, TableState, compare
from user_behaviour.reconciliation.recorded import record, recorded_batches
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF, LAKE_TABLES, USER_BEHAVIOR_METRIC
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import published_sources
from user_behaviour.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Reconciliation:
    """The places to ask. Without a `warehouse` the metric is not asked."""

    lake: Lake
    external_tables: ExternalTables
    instance: dg.DagsterInstance
    warehouse: Warehouse | None = None

    def differences(self, span: DayRange) -> list[Difference]:
        """The days whose records in the lake cannot be read, and those of which the places disagree."""
        unreadable = [one for table in LAKE_TABLES for one in self._unreadable(table, span)]
        return unreadable + [one for table in EXTERNAL_TABLES for one in compare(self.state(table, span))]

    def state(self, table: Table, span: DayRange) -> TableState:
        """What all say of the days of a range.

        The catalog is asked on both sides of the warehouse, so that what a run moves meanwhile is known; the lake last,
        so that the catalog is never taken for newer than the lake.
        """
        lake_table = LAKE_TABLE_OF[table.name]
        dataset = self.lake.dataset(lake_table)
        prefix = f"{self.lake.uri(lake_table.name)}/{lake_table.partition_column}="
        before = self.external_tables.registered(table, span)
        seen = self.external_tables.seen(table, span)
        recorded = recorded_batches(self.instance, table, span)
        catalog = self.external_tables.registered(table, span)
        found = dataset.locations([day for day in dataset.days() if span.first <= day < span.end])
        manifests = {day: location.manifest for day, location in found.by_day.items()}
        in_force = {day: manifest.batch_id for day, manifest in manifests.items()}
        return TableState(
            table=table.name,
            lake_table=lake_table.name,
            metric_and_later=f"key:{USER_BEHAVIOR_METRIC.name.replace('.', '/')}+",
            prefix=prefix,
            in_force=in_force,
            catalog=catalog,
            holes=_holes(dataset, [r for r in catalog.values() if r.location.startswith(prefix)], manifests),
            seen=seen,
            moving={day for day in before.keys() | catalog.keys() if before.get(day) != catalog.get(day)},
            unreadable={day for day, error in found.missing.items() if isinstance(error, UnreadableRecordError)},
            metric=self._metric(table, in_force),
            recorded=recorded,
        )

    def repair(self, differences: Sequence[Difference]) -> list[Difference]:
        """Repairs the differences that need no run, and returns them. That may bring up others: compare again."""
        repaired: list[Difference] = []
        for remedy in Remedy:
            for table in (*LAKE_TABLES, *EXTERNAL_TABLES):
                here = [one for one in differences if (one.table, one.remedy) == (table.name, remedy)]
                if days := sorted({one.day for one in here}):
                    put_right = self._put_right(table, remedy, days)
                    repaired += [one for one in here if one.day in put_right]
        return repaired

    def _put_right(self, table: Table, remedy: Remedy, days: Sequence[date]) -> Collection[date]:
        """Does what is the remedy of the days; gives those that are repaired."""
        match remedy:
            case Remedy.RESTORE:
                for day in days:
                    restore(self.lake.dataset(table), day)
            case Remedy.REGISTER:
                return self._registered(table, days)
            case Remedy.DEREGISTER:
                self.external_tables.deregister(table, days)
            case Remedy.RECORD:
                found = self.external_tables.registered(table, DayRange(days[0], days[-1]))
                for day in days:
                    if day in found:
                        record(self.instance, table, found[day])
            case Remedy.RERUN | Remedy.BY_HAND:
                return ()
        return days

    def _registered(self, table: Table, days: Sequence[date]) -> Collection[date]:
        """Registers the days whose rows fit the table, and gives them; a run of the others says what does not fit."""
        dataset = self.lake.dataset(LAKE_TABLE_OF[table.name])
        try:
            self.external_tables.register(table, dataset, days)
        except SchemaError:
            refused = misfits(table, dataset, dataset.in_force(days))
            days = [day for day in days if day not in refused]
            if days:
                self.external_tables.register(table, dataset, days)
        return days

    def _unreadable(self, lake_table: Table, span: DayRange) -> Iterator[Difference]:
        dataset = self.lake.dataset(lake_table)
        days = [day for day in dataset.days() if span.first <= day < span.end]
        for day, error in zip(days, self.lake.at_once(lambda day: unreadable(dataset, day), days), strict=True):
            if error:
                yield Difference(lake_table.name, day, DifferenceKind.UNREADABLE, error.found, Remedy.RESTORE)

    def _metric(self, table: Table, in_force: Mapping[date, str]) -> Mapping[date, str]:
        """By day the batch that the metric was made from; or a mart, where only that was made from another."""
        found: dict[date, str] = {}
        if self.warehouse is None:
            return found
        for made in WAREHOUSE_TABLES:
            for day, by_table in published_sources(self.warehouse, made.name).items():
                if table.name in by_table and found.get(day, in_force.get(day)) == in_force.get(day):
                    found[day] = by_table[table.name]
        return found


def _holes(dataset: Dataset, catalog: Sequence[Registration], manifests: Mapping[date, Manifest]) -> dict[date, str]:
    """What is wrong with the files of registered batches, for the days of which something is."""

    def look(found: Registration) -> str:
        known = manifests.get(found.day)
        in_force = known is not None and known.batch_id == found.batch_id
        batch = known if in_force else dataset.batch(found.day, found.batch_id)
        if batch is None:
            return "the lake does not have it any more"
        there = set(dataset.lake.list(dataset.batch_directory(found.day, found.batch_id)))
        lost = [file.name for file in batch.files if file.name not in there]
        return f"{len(lost)} of its {len(batch.files)} files are not there: {', '.join(lost[:3])}" if lost else ""

    holes = zip(catalog, dataset.lake.at_once(look, catalog), strict=True)
    return {found.day: hole for found, hole in holes if hole}
