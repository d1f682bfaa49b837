"""The external table IO manager: points partitions of an external table at the current batches of a lake data set.

Takes `ExternalPartitions`; gives `RegisteredPartitions`. It moves no rows.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import dagster as dg

from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.io_managers.publishing import Outcome, days_to_read, days_to_write, finish, table_of
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.lake import Lake
from user_behaviour.recipes import ExternalPartitions, RegisteredPartitions
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table


class ExternalTableIOManager(dg.ConfigurableIOManager):
    """Registers partitions of an external table."""

    lake: Lake
    external_tables: ExternalTables

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Registers every day that the data set has; the others are held back."""
        if not isinstance(obj, ExternalPartitions):
            raise TypeError(
                f"{context.asset_key.to_user_string()} returned {type(obj).__name__}; an external table takes "
                "ExternalPartitions."
            )
        table = table_of(context.asset_key, context.definition_metadata)
        outcome = Outcome(held_back={day: error.reasons for day, error in obj.of.missing.items()})
        days = [day for day in days_to_write(context) if day in obj.of.by_day]
        if days:
            dataset = self.lake.dataset(
                Table(obj.of.dataset, "", table.columns, partition_column=table.partition_column)
            )
            for day, registration in self.external_tables.register(table, dataset, days).items():
                outcome.published[day] = {
                    "dagster/partition_row_count": registration.rows,
                    "dagster/uri": registration.location,
                    "batch_id": registration.batch_id,
                }
        finish(context, outcome)

    def load_input(self, context: dg.InputContext) -> RegisteredPartitions:
        """Gives the registered days of the input."""
        upstream = context.upstream_output
        table = table_of(context.asset_key, upstream.definition_metadata if upstream else context.definition_metadata)
        days = days_to_read(context)
        found = self.external_tables.registered(table, DayRange(days[0], days[-1]))
        missing = {day: _missing(table, day) for day in days if day not in found}
        batches = {day: found[day].batch_id for day in days if day in found}
        return RegisteredPartitions(table.name, batches, missing)


def _missing(table: Table, day: date) -> MissingPartitionError:
    return MissingPartitionError(f"Partition {day} of {table.name} is not registered; materialise it first.")
