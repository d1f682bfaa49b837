"""What the IO managers share: outputs and inputs read from Dagster's contexts, and which types go in and out.

An IO manager stores and loads days of a table. It knows no asset: the table is what the asset declares.
"""

import re
from abc import abstractmethod
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import uuid4

import dagster as dg

from user_behaviour.io_managers.partition_keys import WrongDaysError, days_by_key, given, require_not_its_own, step_of
from user_behaviour.io_managers.publishing import Outcome, record_outcome, require_narrowing
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, Table

# Not any name: in the lake it is part of a path that Spark and Redshift read as `name=value`.
_COLUMN = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Output:
    """Days of a table to be stored, as the batch of one attempt of one run.

    `partitions` are the days of each partition key, in order. `runs` are the run and those that it goes on from: by an
    automatic retry, or re-executed from its failure.
    """

    label: str
    table: Table
    partitions: Mapping[str, Sequence[date]]
    batch_id: str
    runs: Sequence[str]

    @property
    def days(self) -> list[date]:
        """The days of all partitions, in order."""
        return [day for days in self.partitions.values() for day in days]

    def parameters(self, span: DayRange) -> dict[str, Any]:
        """Those of every statement of a recipe."""
        return {**span.parameters(), "batch_id": self.batch_id}

    def whole(self, held_back: Container[date]) -> list[date]:
        """The days of those partitions of which no day is held back, in order."""
        good = (days for days in self.partitions.values() if not any(day in held_back for day in days))
        return [day for days in good for day in days]

    def require_days(self, name: str, given: Iterable[date]) -> None:
        """Raises `WrongDaysError` where an input of that name was not asked for a day of the output."""
        if absent := sorted({*self.days} - {*given}):
            raise WrongDaysError(
                f"{self.table.name} is to have {absent[0]}, which was not asked of {name}. Nothing was published; "
                "choose a partition mapping by which every day that is written is read."
            )


@dataclass(frozen=True)
class Input:
    """Days of a table to be loaded, in order, as a value of the type `kind`."""

    label: str
    table: Table
    days: Sequence[date]
    kind: type


class PartitionedIOManager(dg.ConfigurableIOManager):
    """Stores and loads one day or many of an asset. `takes` and `gives` are types, as `named` names them."""

    takes: ClassVar[Sequence[str]]
    gives: ClassVar[Sequence[str]]

    @abstractmethod
    def write(self, output: Output, value: Any) -> Outcome:
        """Stores the days; says of each what was published, or why it is held back."""

    @abstractmethod
    def read(self, wanted: Input) -> Any:
        """Loads the days as the type that is wanted."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Stores and records every day of the output that can be published.

        Raises `TypeError` for a value of a type that is not among `takes`, `NotWholeDaysError` for partitions that are
        not whole days, `dagster.Failure` where every day is held back, `UnknownDagsterError`, and what `write` raises.
        """
        if not context.has_asset_key:
            raise TypeError(
                f"{type(self).__name__} stores assets, and this output is none; give it another io_manager_key."
            )
        asset, step = context.asset_key.to_user_string(), step_of(context)
        if {*self.takes}.isdisjoint(map(named, type(obj).__mro__)):
            raise TypeError(
                f"{asset} returned {type(obj).__name__}; {type(self).__name__} takes one of: {', '.join(self.takes)}."
            )
        require_narrowing(context)
        # A context that was built by hand has no run of its own.
        run_id, attempt = (step.run_id, step.previous_attempt_count) if step else (str(uuid4()), 0)
        runs = (run_id, step.dagster_run.get_parent_run_id(), step.dagster_run.get_root_run_id()) if step else (run_id,)
        output = Output(
            label=f"{asset} {run_id}",
            table=table_of(context.asset_key, context.definition_metadata),
            partitions=days_by_key(context),
            batch_id=f"{run_id}-{attempt + 1}" if attempt else run_id,
            runs=[name for name in runs if name],
        )
        record_outcome(context, output.partitions, self.write(output, obj))

    def load_input(self, context: dg.InputContext) -> Any:
        """Gives the days of the input as the type that the asset's parameter is annotated with.

        Raises `TypeError` for a type that is not among `gives`, `NotWholeDaysError` for partitions that are not whole
        days, `WrongDaysError` for days that the run itself replaces, and what `read` raises.
        """
        asset = context.asset_key.to_user_string()
        kind: Any = given(lambda: context.dagster_type.typing_type)
        if named(kind) not in self.gives:
            raise TypeError(
                f"{type(self).__name__} cannot give {asset} as {kind}; annotate the parameter with one of: "
                f"{', '.join(self.gives)}."
            )
        upstream = context.upstream_output
        metadata = upstream.definition_metadata if upstream else context.definition_metadata
        days = [day for days in days_by_key(context).values() for day in days]
        require_not_its_own(context, days)
        step = step_of(context)
        label = f"{asset} {step.run_id}" if step else asset
        return self.read(Input(label, table_of(context.asset_key, metadata), days, kind))


def named(kind: Any) -> str:
    """A type by its package, where that is not ours, and its name; so one can be meant that is not imported."""
    if not isinstance(kind, type):
        return str(kind)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}".removeprefix("user_behaviour.")


def table_of(asset_key: dg.AssetKey, metadata: Mapping[str, Any] | None) -> Table:
    """The table that an asset declares: `dagster/column_schema`, and `partition_expr` where it is not insert_date.

    The name is `dagster/table_name` where there is one, else the asset key. Raises
    `dagster.DagsterInvalidDefinitionError` where no columns are declared, or `partition_expr` names no column of dates.
    """
    metadata = metadata or {}
    schema = _value(metadata.get("dagster/column_schema"))
    if not isinstance(schema, dg.TableSchema):
        raise dg.DagsterInvalidDefinitionError(
            f"Asset {asset_key.to_user_string()} declares no columns; give it the metadata dagster/column_schema."
        )
    partition_column = str(_value(metadata.get("partition_expr")) or "insert_date")
    declared = {column.name: column.type for column in schema.columns}
    if declared.get(partition_column, "date").lower() != "date" or not _COLUMN.fullmatch(partition_column):
        raise dg.DagsterInvalidDefinitionError(
            f"Asset {asset_key.to_user_string()}: partition_expr is {partition_column!r}"
            f"{' of type ' + declared[partition_column] if partition_column in declared else ''}; it must be the name "
            "of one column of type date, in letters, digits and '_'."
        )
    columns = tuple(
        Column(c.name, c.type, c.description or "", nullable=c.constraints.nullable)
        for c in schema.columns
        if c.name != partition_column
    )
    name = str(_value(metadata.get("dagster/table_name")) or asset_key.to_user_string())
    return Table(name=name, description="", columns=columns, partition_column=partition_column)


def _value(found: Any) -> Any:
    """Definition metadata is normalised by Dagster in some places and not in others."""
    return found.value if isinstance(found, dg.MetadataValue) else found
