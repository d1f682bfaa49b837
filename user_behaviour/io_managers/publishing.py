"""How the output of a run over many days is recorded: good days get their metadata, bad days are held back.

A day that is held back gets no materialization, and the other days go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg

from user_behaviour.io_managers.partition_keys import step_of
from user_behaviour.lake.conformity import AUDIT_COLUMN

PREVIEW_ROWS = 5
PREVIEW = "preview"
ROWS = "dagster/partition_row_count"
LINEAGE = "dagster/column_lineage"
# The partitions that an output covers. Dagster has no public way to say that they are fewer than those of its run
# (dagster-io/dagster issues 17836 and 21072); it reads them from here after the IO manager has returned.
COVERED = "_asset_partitions_subset"


class UnknownDagsterError(Exception):
    """The Dagster in use keeps the partitions of an output somewhere else: no day could be held back."""


@dataclass
class Outcome:
    """What became of the days of one output: metadata of the published ones, reasons of the ones held back."""

    published: dict[date, dict[str, Any]] = field(default_factory=dict)
    held_back: dict[date, Sequence[str]] = field(default_factory=dict)


def require_narrowing(context: dg.OutputContext) -> None:
    """Raises `UnknownDagsterError` where `record_outcome` could not hold a day back; called before anything is written.

    An attribute that is not there any more could be set all the same, and days held back would be recorded as good.
    """
    if not hasattr(context, COVERED):
        raise UnknownDagsterError(
            f"An output of Dagster {dg.__version__} has no attribute {COVERED}, by which a day is held back from what "
            "Dagster records. Nothing was written; install the version of Dagster that pyproject.toml asks for, or "
            f"find where this one keeps the partitions of an output, and correct {__name__}."
        )


def record_outcome(context: dg.OutputContext, partitions: Mapping[str, Sequence[date]], outcome: Outcome) -> None:
    """Gives every published partition its metadata and takes those held back out of what Dagster records.

    `partitions` are the days of each key; a partition is published when all its days are. Raises `dagster.Failure`
    where none was. Of a context that was built by hand nothing is recorded.
    """
    for day, reasons in outcome.held_back.items():
        context.log.error("%s of %s is held back: %s", day, context.asset_key.to_user_string(), "; ".join(reasons))
    published = {
        key: _of_partition({day: outcome.published[day] for day in days})
        for key, days in partitions.items()
        if all(day in outcome.published for day in days)
    }
    if not published:
        day, reasons = next(iter(outcome.held_back.items()))
        more = len(outcome.held_back) - 1
        raise dg.Failure(
            f"{day}: {'; '.join(reasons)}" + (f" ({more} more days likewise)" if more else ""), allow_retries=False
        )
    if outcome.held_back:
        setattr(context, COVERED, context.asset_partitions_def.subset_with_partition_keys(list(published)))
    if (step := step_of(context)) is None:
        return
    # The run, and not what Dagster derives from versions of code and inputs: sources have none, so that a day that was
    # landed again would seem unchanged to what is made from it.
    step.set_data_version(context.asset_key, dg.DataVersion(context.run_id))
    # Dagster's pages read a table's column lineage from its newest materialization only.
    if lineage := (context.definition_metadata or {}).get(LINEAGE):
        published[list(published)[-1]][LINEAGE] = lineage
    for key, metadata in published.items():
        step.add_asset_metadata(asset_key=context.asset_key, metadata=metadata, partition_key=key)


def _of_partition(by_day: Mapping[date, Mapping[str, Any]]) -> dict[str, Any]:
    """The metadata of a partition: that of its one day; or the rows of all its days, and the rest by day."""
    newest = dict(by_day[max(by_day)])
    if len(by_day) == 1:
        return newest
    texts = {str(day): {n: v for n, v in found.items() if n != PREVIEW} for day, found in by_day.items()}
    shown = {name: newest[name] for name in (PREVIEW, "batch_id") if name in newest}
    return {ROWS: sum(found[ROWS] for found in by_day.values()), "days": dg.MetadataValue.json(texts), **shown}


def plottable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as metadata, but for nulls: an exact amount becomes a float, since Dagster plots ints and floats."""
    known = {name: value for name, value in facts.items() if value is not None}
    numbers = {name: float(value) if isinstance(value, Decimal) else value for name, value in known.items()}
    return {name: value if isinstance(value, int | float) else str(value) for name, value in numbers.items()}


def business_first(names: Iterable[str]) -> list[str]:
    """The columns of a preview, by which its rows are sorted too: the batch, which is the same in all, comes last."""
    return sorted(names, key=lambda name: name == AUDIT_COLUMN)


def preview(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """A few rows as a table in Markdown; long texts are cut."""

    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        text = " ".join(text.split()).replace("|", "\\|")
        return text if len(text) <= 60 else f"{text[:59]}…"

    if not rows:
        return dg.MetadataValue.md("(no rows)")
    head = business_first(rows[0])
    lines = [" | ".join(map(cell, head)), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell(row[name]) for name in head) for row in rows[:PREVIEW_ROWS]]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))
