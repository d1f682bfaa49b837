"""The warehouse's own record of the days that it has: a day that was written with no rows is there too."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg2.extensions
from psycopg2.extras import execute_values

from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.warehouse import Warehouse, fetch


@dataclass(frozen=True)
class PublishedDay:
    """What is recorded of a day: its batch and rows, when it was written, when first, and what it was made from."""

    batch_id: str
    rows: int
    written_at: datetime
    first_written_at: datetime
    sources: Mapping[str, str]


def published_days(warehouse: Warehouse, table: str, span: DayRange) -> dict[date, PublishedDay]:
    """The days of the range that were written to the table of this name, and what is recorded of each."""
    return _by_day(warehouse.rows(statement("warehouse/published_days.sql"), {"table": table, **span.parameters()}))


def recorded_days(cursor: psycopg2.extensions.cursor, table: str, span: DayRange) -> dict[date, PublishedDay]:
    """The same, as the cursor's transaction sees it."""
    cursor.execute(statement("warehouse/published_days.sql"), {"table": table, **span.parameters()})
    return _by_day(fetch(cursor))


def published_sources(warehouse: Warehouse, table: str) -> dict[date, dict[str, str]]:
    """Of each day that was written to the table of this name the batches that it was made from, by their tables."""
    rows = warehouse.rows(statement("warehouse/published_sources.sql"), {"table": table})
    return {row["insert_date"]: json.loads(row["sources"]) for row in rows}


def now() -> datetime:
    """The moment as columns of the warehouse have it: without a zone, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def purge_superseded_rows(warehouse: Warehouse, before: datetime) -> int:
    """Removes rows of the metric that were superseded before the moment, which has a zone; says how many."""
    moment = before.astimezone(UTC).replace(tzinfo=None)

    def purge(cursor: psycopg2.extensions.cursor) -> int:
        cursor.execute("lock table audit.writer_lock")  # as whoever changes the metric
        cursor.execute(statement("warehouse/purge_superseded_metric.sql"), {"before": moment})
        return int(cursor.rowcount)

    return warehouse.transaction(purge)


def record_published(
    cursor: psycopg2.extensions.cursor,
    table: str,
    batch_id: str,
    *,
    rows: Mapping[date, int],
    sources: Mapping[date, Mapping[str, str]],
    facts: Mapping[date, Mapping[str, Any]],
    before: Mapping[date, PublishedDay],
    moment: datetime,
) -> None:
    """Records the days of a batch in place of what was recorded of them `before`; exact amounts as texts."""
    for span in ranges(rows):
        cursor.execute(
            "delete from audit.published_partition where table_name = %s and insert_date >= %s and insert_date < %s",
            (table, span.first, span.end),
        )
    first_written = {day: before[day].first_written_at if day in before else moment for day in rows}
    texts = {day: (json.dumps(sources[day]), json.dumps(facts[day], default=str)) for day in rows}
    values = [(table, day, batch_id, moment, n, *texts[day], first_written[day]) for day, n in rows.items()]
    execute_values(
        cursor,
        "insert into audit.published_partition "
        "(table_name, insert_date, batch_id, written_at, row_count, sources, facts, first_written_at) values %s",
        values,
        page_size=1000,
    )


def _by_day(rows: Iterable[Mapping[str, Any]]) -> dict[date, PublishedDay]:
    return {
        row["insert_date"]: PublishedDay(
            row["batch_id"], row["row_count"], row["written_at"], row["first_written_at"], json.loads(row["sources"])
        )
        for row in rows
    }
