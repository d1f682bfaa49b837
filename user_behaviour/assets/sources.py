"""Stage sources: what others own and we only read. External assets; Dagster shows them and does not run them.

What a run or a sensor sees of the vendor's files is recorded on their asset by the events that are made here.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import dagster as dg

from user_behaviour.assets.declaration import OWNERS
from user_behaviour.partitions import DAILY
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS
from user_behaviour.vendor.drop import DroppedFile

GROUP = "sources"
FILES_CAN_BE_TAKEN = "every_file_can_be_taken"
NAMES_SHOWN = 20

user_purchase = dg.AssetSpec(
    ["shop", "user_purchase"],
    description="A row is a purchase line of the shop, in its PostgreSQL; the shop's system writes it.",
    group_name=GROUP,
    kinds={"postgres"},
    owners=OWNERS,
    metadata={
        "dagster/table_name": "shop.retail.user_purchase",
        "dagster/column_schema": RAW_PURCHASES.without("batch_id").dagster_schema(),
    },
)

movie_review_file = dg.AssetSpec(
    ["vendor", "movie_review_file"],
    description=(
        "A row is a customer's review of a film, in the files `movie_review_YYYY-MM-DD*.csv[.gz]` that the vendor "
        "drops; a partition is the files of a day."
    ),
    group_name=GROUP,
    kinds={"csv"},
    owners=OWNERS,
    partitions_def=DAILY,
    metadata={"dagster/column_schema": RAW_REVIEWS.without("source_file", "line_number", "batch_id").dagster_schema()},
)


def delivery(day: date, files: Sequence[DroppedFile], drop: str) -> dg.AssetMaterialization:
    """What the vendor has delivered for a day, as an event of the external asset."""
    table = ["| name | size | version |", "| --- | --- | --- |"]
    table += [f"| {ascii(file.name)[1:-1]} | {file.size} | {ascii(file.version)[1:-1]} |" for file in files]
    return dg.AssetMaterialization(
        movie_review_file.key,
        partition=day.isoformat(),
        metadata={
            "name": ascii(files[-1].name)[1:-1],
            "size": sum(file.size for file in files),
            "version": ascii(files[-1].version)[1:-1],
            "files": len(files),
            "delivery": dg.MetadataValue.md("\n".join(table)),
            "dagster/uri": drop,
        },
    )


class _Batch(NamedTuple):
    """What Dagster reads of its own `DagsterEventBatchMetadata`, which it does not export."""

    id: str
    is_end: bool


def record_at_once(context: dg.AssetExecutionContext, events: Sequence[dg.AssetMaterialization]) -> None:
    """Logs the events in one write, as Dagster does with a run's own; `log_event` would take seconds for a year."""
    step = context.get_step_execution_context()
    for number, event in enumerate(events, 1):
        batch = _Batch(f"{context.run.run_id} {event.asset_key.to_user_string()}", number == len(events))
        dg.DagsterEvent.asset_materialization(step, event, batch)  # type: ignore[arg-type]


def files_can_be_taken(odd: Mapping[str, str]) -> dg.AssetCheckEvaluation:
    """Whether every file of the drop can be taken, as the result of the check; `odd` says of each other one why."""
    lines = [f"{name!a}: {objection}." for name, objection in sorted(odd.items())[:NAMES_SHOWN]]
    lines += [f"{more} more files cannot be taken."] if (more := len(odd) - NAMES_SHOWN) > 0 else []
    return dg.AssetCheckEvaluation(
        asset_key=movie_review_file.key,
        check_name=FILES_CAN_BE_TAKEN,
        passed=not odd,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(lines) or None,
        metadata={"files": len(odd), "sample": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))},
    )
