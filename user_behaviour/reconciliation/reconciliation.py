"""Asks every place what it has of an external table, and puts right what can be put right without a run."""

import json
from collections.abc import Collection, Mapping, Sequence
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
from user_behaviour.reconciliation.comparison import Difference, DifferenceKind, Remedy, TableState
from user_behaviour.reconciliation.recorded import record, recorded_batches
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import LAKE_TABLE_OF, USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Reconciliation:
    """The places to ask. Without a `warehouse` the metric is not asked, without an `instance` Dagster is not."""

    lake: Lake
    external_tables: ExternalTables
    warehouse: Warehouse | None = None
    instance: dg.DagsterInstance | None = None

    def unreadable(self, lake_table: Table, span: DayRange) -> list[Difference]:
        """The days of a data set of the lake whose records cannot be read."""
        dataset = self.lake.dataset(lake_table)
        days = [day for day in dataset.days() if span.first <= day < span.end]
        found = zip(days, self.lake.at_once(lambda day: unreadable(dataset, day), days), strict=True)
        return [
            Difference(lake_table.name, day, DifferenceKind.UNREADABLE, error.found, Remedy.RESTORE)
            for day, error in found
            if error
        ]

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
        recorded = recorded_batches(self.instance, table, span) if self.instance else None
        catalog = self.external_tables.registered(table, span)
        found = dataset.locations([day for day in dataset.days() if span.first <= day < span.end])
        manifests = {day: location.manifest for day, location in found.by_day.items()}
        return TableState(
            table=table.name,
            lake_table=lake_table.name,
            metric_asset=USER_BEHAVIOR_METRIC.name.replace(".", "/"),
            prefix=prefix,
            in_force={day: manifest.batch_id for day, manifest in manifests.items()},
            catalog=catalog,
            holes=_holes(dataset, [r for r in catalog.values() if r.location.startswith(prefix)], manifests),
            seen=seen,
            moving={day for day in before.keys() | catalog.keys() if before.get(day) != catalog.get(day)},
            unreadable={day for day, error in found.missing.items() if isinstance(error, UnreadableRecordError)},
            metric=self._metric(table),
            recorded=recorded,
        )

    def restore(self, lake_table: Table, differences: Sequence[Difference]) -> list[Difference]:
        """Restores what `unreadable` found of the data set, and returns it."""
        restored = [difference for difference in differences if difference.table == lake_table.name]
        for difference in restored:
            restore(self.lake.dataset(lake_table), difference.day)
        return restored

    def repair(self, table: Table, differences: Sequence[Difference]) -> list[Difference]:
        """Repairs the differences that need no run, and returns them. That may bring up others: compare again."""
        repaired = [
            difference for difference in differences if difference.table == table.name and difference.repairable
        ]
        by_remedy = {remedy: sorted({f.day for f in repaired if f.remedy is remedy}) for remedy in Remedy}
        if days := by_remedy[Remedy.REGISTER]:
            refused = self._registered(table, days)
            repaired = [difference for difference in repaired if difference.day not in refused]
        if days := by_remedy[Remedy.DEREGISTER]:
            self.external_tables.deregister(table, days)
        if self.instance and (days := by_remedy[Remedy.RECORD]):
            found = self.external_tables.registered(table, DayRange(days[0], days[-1]))
            for day in days:
                if day in found:
                    record(self.instance, table, found[day])
        return repaired

    def _registered(self, table: Table, days: Sequence[date]) -> Collection[date]:
        """Registers the days whose rows fit the table, and gives the others; a run of these says what does not fit."""
        dataset = self.lake.dataset(LAKE_TABLE_OF[table.name])
        try:
            self.external_tables.register(table, dataset, days)
        except SchemaError:
            refused = misfits(table, dataset, dataset.in_force(days))
            if rest := [day for day in days if day not in refused]:
                self.external_tables.register(table, dataset, rest)
            return refused
        return ()

    def _metric(self, table: Table) -> Mapping[date, str]:
        if self.warehouse is None:
            return {}
        rows = self.warehouse.rows(statement("triggers/published_sources.sql"), {"table": USER_BEHAVIOR_METRIC.name})
        sources = {row["insert_date"]: json.loads(row["sources"]) for row in rows}
        return {day: by_table[table.name] for day, by_table in sources.items() if table.name in by_table}


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
