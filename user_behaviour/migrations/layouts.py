"""What the migrations of the warehouse come to: the tables that are stored in it, and how Redshift stores them.

Written beside the migrations, and not read out of them: a migration may say `alter`. Tests hold each migrated database
to this. The reasons for a layout are in the migration that gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from user_behaviour.tables.schemas import BATCH_ID, EXTERNAL_TABLES, WAREHOUSE_TABLES
from user_behaviour.tables.table import Column, Table


@dataclass(frozen=True)
class Layout:
    """How Redshift stores a table: `distribution` is `ALL`, `EVEN` or `KEY(column)`; every column has an encoding."""

    distribution: str
    encodings: Mapping[str, str]
    sort_key: tuple[str, ...] = ()


def stored(table: Table) -> tuple[Column, ...]:
    """The columns of a table in a database: the partition's day is the last."""
    return (*table.columns, Column(table.partition_column, "date", "the UTC day of the partition", nullable=False))


def _external(table: Table) -> tuple[Column, ...]:
    """An external table has no constraint, and so has the one that stands for it, but for the partition's day."""
    return stored(replace(table, columns=tuple(replace(column, nullable=True) for column in table.columns)))


_TABLE_NAME = Column("table_name", "varchar(127)", "a warehouse table, with its schema", nullable=False)

_WRITER_LOCK = (_TABLE_NAME,)
_PUBLISHED_PARTITION = (
    _TABLE_NAME,
    Column("insert_date", "date", "the published day", nullable=False),
    BATCH_ID,
    Column("written_at", "timestamp", "when the day was written, UTC", nullable=False),
    Column("row_count", "int", "the day's rows", nullable=False),
    Column("sources", "varchar(65535)", "the batches that the day was computed from, JSON", nullable=False),
    Column("facts", "varchar(65535)", "what was counted, JSON", nullable=False),
)
_REGISTERED_PARTITION = (
    Column("table_name", "varchar(127)", "an external table, with its schema", nullable=False),
    Column("insert_date", "date", "the registered day", nullable=False),
    Column("location", "varchar(1024)", "the batch's prefix in the lake", nullable=False),
    BATCH_ID,
    Column("row_count", "int", "the batch's rows", nullable=False),
    Column("registered_at", "timestamp", "when the day was registered, UTC", nullable=False),
)

REDSHIFT_TABLES: Mapping[str, tuple[Column, ...]] = {
    "audit.writer_lock": _WRITER_LOCK,
    "audit.published_partition": _PUBLISHED_PARTITION,
    **{table.name: stored(table) for table in WAREHOUSE_TABLES},
}

POSTGRES_TABLES: Mapping[str, tuple[Column, ...]] = {
    **REDSHIFT_TABLES,
    "spectrum.registered_partition": _REGISTERED_PARTITION,
    **{table.name: _external(table) for table in EXTERNAL_TABLES},
}

LAYOUTS: Mapping[str, Layout] = {
    "audit.writer_lock": Layout("ALL", {"table_name": "raw"}),
    "audit.published_partition": Layout(
        "EVEN",
        {
            "table_name": "raw",
            "insert_date": "az64",
            "batch_id": "zstd",
            "written_at": "az64",
            "row_count": "az64",
            "sources": "zstd",
            "facts": "zstd",
        },
        sort_key=("table_name", "insert_date"),
    ),
    "public.user_behavior_metric": Layout(
        "KEY(customerid)",
        {
            "customerid": "az64",
            "amount_spent": "az64",
            "review_score": "az64",
            "review_count": "az64",
            "batch_id": "zstd",
            "insert_date": "raw",
        },
        sort_key=("insert_date",),
    ),
}
