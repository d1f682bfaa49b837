"""The external table IO manager: points partitions of an external table at the current batches of a lake data set.

It moves no rows.
"""

from dataclasses import replace
from typing import ClassVar

from user_behaviour.catalog.external_tables import ExternalTables, misfits
from user_behaviour.io_managers.partitioned import Input, Output, PartitionedIOManager, named
from user_behaviour.io_managers.publishing import Outcome
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.lake import Lake
from user_behaviour.recipes import ExternalPartitions, RegisteredPartitions
from user_behaviour.tables.days import DayRange


class ExternalTableIOManager(PartitionedIOManager):
    """Registers partitions of an external table."""

    takes: ClassVar = (named(ExternalPartitions),)
    gives: ClassVar = (named(RegisteredPartitions),)

    lake: Lake
    external_tables: ExternalTables

    def write(self, output: Output, value: ExternalPartitions) -> Outcome:
        """Registers every day that the data set has and whose rows fit the table; the others are held back."""
        table, upstream = output.table, value.of
        output.require_days(upstream.dataset, [*upstream.by_day, *upstream.missing])
        missing = {day: upstream.missing[day].reasons for day in output.days if day in upstream.missing}
        outcome = Outcome(held_back={**missing})
        if days := output.whole(missing):
            dataset = self.lake.dataset(replace(table, name=upstream.dataset))
            try:
                registered = self.external_tables.register(table, dataset, days)
            except SchemaError:
                found = misfits(table, dataset, dataset.in_force(days))
                outcome.held_back |= {day: error.reasons for day, error in found.items()}
                days = output.whole(outcome.held_back)
                registered = self.external_tables.register(table, dataset, days) if days else {}
            for day, registration in registered.items():
                outcome.published[day] = {
                    "dagster/partition_row_count": registration.rows,
                    "dagster/uri": registration.location,
                    "batch_id": registration.batch_id,
                }
        return outcome

    def read(self, wanted: Input) -> RegisteredPartitions:
        """Gives the registered days; says which are missing."""
        name, days = wanted.table.name, wanted.days
        found = self.external_tables.registered(wanted.table, DayRange(days[0], days[-1])) if days else {}
        by_day = {day: found[day] for day in days if day in found}
        missing = {
            day: MissingPartitionError(f"Partition {day} of {name} is not registered; materialise it first.")
            for day in days
            if day not in found
        }
        return RegisteredPartitions(wanted.table, by_day, missing)
