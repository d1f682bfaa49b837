"""What the IO managers share: outputs and inputs read from Dagster's contexts, and which types go in and out.

An IO manager stores and loads days of a table. It knows no asset: the table is what the asset declares.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import dagster as dg

from user_behaviour.io_managers.publishing import Outcome, finish, require_narrowing
from user_behaviour.tables.days import days_of
from user_behaviour.tables.table import Column, Table


@dataclass(frozen=True)
class Output:
    """Days of a table to be stored, in order, as the batch of one attempt of one run.

    `runs` are the run and those that it goes on from: by an automatic retry, or re-executed from its failure.
    """

    label: str
    table: Table
    days: Sequence[date]
    batch_id: str
    runs: Sequence[str]


@dataclass(frozen=True)
class Input:
    """Days of a table to be loaded, in order, as a value of the type `kind`."""

    label: str
    table: Table
    days: Sequence[date]
    kind: type


class PartitionedIOManager(dg.ConfigurableIOManager):
    """Stores and loads one day or many of an asset. `takes` and `gives` are types, by the names that people know."""

    takes: ClassVar[Mapping[str, type]]
    gives: ClassVar[Mapping[str, type]]

    @abstractmethod
    def write(self, output: Output, value: Any) -> Outcome:
        """Stores the days; says of each what was published, or why it is held back."""

    @abstractmethod
    def read(self, wanted: Input) -> Any:
        """Loads the days as the type that is wanted."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Stores and records every day of the output that can be published.

        Raises `TypeError` for a value of a type that is not among `takes`, `dagster.Failure` where every day is held
        back, `UnknownDagsterError`, and what `write` raises.
        """
        asset, run = context.asset_key.to_user_string(), context.step_context.dagster_run
        if not isinstance(obj, tuple(self.takes.values())):
            raise TypeError(
                f"{asset} returned {type(obj).__name__}; {type(self).__name__} takes one of: {', '.join(self.takes)}."
            )
        require_narrowing(context)
        attempt = context.step_context.previous_attempt_count
        runs = (run.run_id, run.get_parent_run_id(), run.get_root_run_id())
        output = Output(
            label=f"{asset} {run.run_id}",
            table=table_of(context.asset_key, context.definition_metadata),
            days=sorted(days_of(context.asset_partition_keys)),
            batch_id=f"{run.run_id}-{attempt + 1}" if attempt else run.run_id,
            runs=[name for name in runs if name],
        )
        finish(context, self.write(output, obj))

    def load_input(self, context: dg.InputContext) -> Any:
        """Gives the days of the input as the type that the asset's parameter is annotated with.

        Raises `TypeError` for a type that is not among `gives`, and what `read` raises.
        """
        asset, kind = context.asset_key.to_user_string(), context.dagster_type.typing_type
        if kind not in self.gives.values():
            raise TypeError(
                f"{type(self).__name__} cannot give {asset} as {kind}; annotate the parameter with one of: "
                f"{', '.join(self.gives)}."
            )
        upstream = context.upstream_output
        metadata = upstream.definition_metadata if upstream else context.definition_metadata
        days = sorted(days_of(context.asset_partition_keys))
        return self.read(Input(_reader(context), table_of(context.asset_key, metadata), days, kind))


def table_of(asset_key: dg.AssetKey, metadata: Mapping[str, Any] | None) -> Table:
    """The table that an asset declares: `dagster/column_schema`, and `partition_expr` where it is not insert_date.

    The name is `dagster/table_name` where there is one, else the asset key. Raises
    `dagster.DagsterInvalidDefinitionError` where no columns are declared.
    """
    metadata = metadata or {}
    schema = _plain(metadata.get("dagster/column_schema"))
    if not isinstance(schema, dg.TableSchema):
        raise dg.DagsterInvalidDefinitionError(
            f"Asset {asset_key.to_user_string()} declares no columns; give it the metadata dagster/column_schema."
        )
    partition_column = str(_plain(metadata.get("partition_expr")) or "insert_date")
    columns = tuple(
        Column(c.name, c.type, c.description or "", nullable=c.constraints.nullable)
        for c in schema.columns
        if c.name != partition_column
    )
    name = str(_plain(metadata.get("dagster/table_name")) or asset_key.to_user_string())
    return Table(name=name, description="", columns=columns, partition_column=partition_column)


def _plain(value: Any) -> Any:
    """Definition metadata is normalised by Dagster in some places and not in others."""
    return value.value if isinstance(value, dg.MetadataValue) else value


def _reader(context: dg.InputContext) -> str:
    """The label of a read: the asset that is read, and the run, if there is one."""
    try:
        run = context.step_context.run_id
    except dg.DagsterInvariantViolationError:
        run = ""
    return f"{context.asset_key.to_user_string()} {run}".strip()
