"""What the IO managers share: the batch of a run, the table of an asset, and the close of a run over many days.

A run's bad days are held back: they get no materialization and the other days go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from user_behaviour.tables.days import days_of
from user_behaviour.tables.table import Column, Table

PREVIEW_ROWS = 5
LINEAGE = "dagster/column_lineage"


@dataclass
class Outcome:
    """What became of the days of one output: metadata of the published ones, reasons of the ones held back."""

    published: dict[date, dict[str, Any]] = field(default_factory=dict)
    held_back: dict[date, Sequence[str]] = field(default_factory=dict)


def batch_id_of(context: dg.OutputContext) -> str:
    """The id of the batch that this attempt of this run writes."""
    attempt = context.step_context.previous_attempt_count
    return f"{context.run_id}-{attempt + 1}" if attempt else context.run_id


def earlier_runs(context: dg.OutputContext) -> tuple[str, ...]:
    """The run and those that it goes on from: by an automatic retry, or when it was re-executed from its failure."""
    run = context.step_context.dagster_run
    return tuple(name for name in (run.run_id, run.get_parent_run_id(), run.get_root_run_id()) if name)


def days_to_write(context: dg.OutputContext) -> list[date]:
    """The days of the output, in order."""
    return sorted(days_of(context.asset_partition_keys))


def days_to_read(context: dg.InputContext) -> list[date]:
    """The days of the input, in order."""
    return sorted(days_of(context.asset_partition_keys))


def table_of(asset_key: dg.AssetKey, metadata: Mapping[str, Any] | None) -> Table:
    """The table that an asset declares: `dagster/column_schema`, and `partition_expr` where it is not insert_date.

    The name is `dagster/table_name` where there is one, else the asset key.
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


def finish(context: dg.OutputContext, outcome: Outcome) -> None:
    """Gives every published day its metadata and takes the days held back out of what Dagster records.

    Raises `dagster.Failure` where no day of the run was published.
    """
    for day, reasons in outcome.held_back.items():
        context.log.error("%s of %s is held back: %s", day, context.asset_key.to_user_string(), "; ".join(reasons))
    if not outcome.published:
        day, reasons = next(iter(outcome.held_back.items()))
        more = len(outcome.held_back) - 1
        raise dg.Failure(
            f"{day}: {'; '.join(reasons)}" + (f" ({more} more days likewise)" if more else ""), allow_retries=False
        )
    # The run, and not what Dagster derives from versions of code and inputs: sources have none, so that a day that was
    # landed again would seem unchanged to what is made from it.
    context.step_context.set_data_version(context.asset_key, dg.DataVersion(context.run_id))
    # Dagster's pages read a table's column lineage from its newest materialization only.
    if lineage := (context.definition_metadata or {}).get(LINEAGE):
        outcome.published[max(outcome.published)][LINEAGE] = lineage
    for day, metadata in outcome.published.items():
        context.step_context.add_asset_metadata(
            asset_key=context.asset_key, metadata=metadata, partition_key=day.isoformat()
        )
    if outcome.held_back:
        # Dagster has no public way to say that an output covers fewer partitions than its run
        # (dagster-io/dagster issues 17836 and 21072); it reads them from the context once the IO manager is through.
        context._asset_partitions_subset = context.asset_partitions_def.subset_with_partition_keys(
            [day.isoformat() for day in outcome.published]
        )


def preview(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """A few rows as a table in Markdown; long texts are cut."""

    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        text = " ".join(text.split()).replace("|", "\\|")
        return text if len(text) <= 60 else f"{text[:59]}…"

    if not rows:
        return dg.MetadataValue.md("(no rows)")
    head = list(rows[0])
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell(row[name]) for name in head) for row in rows[:PREVIEW_ROWS]]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def _plain(value: Any) -> Any:
    """Definition metadata is normalised by Dagster in some places and not in others."""
    return value.value if isinstance(value, dg.MetadataValue) else value
