"""What the migrations of the warehouse come to: the tables that are stored in it, and how Redshift stores them.

Written beside the migrations, and not read out of them: a migration may say `alter`. Tests hold each migrated database
to this. The reasons for a layout are in the migration that gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour.tables.schemas import AUDIT_TABLES, EXTERNAL_TABLES
from user_behaviour.tables.table import Table

Columns = Mapping[str, str]  # names and definitions, in order


@dataclass(frozen=True)
class Layout:
    """How Redshift stores a table: `ALL`, `EVEN` or `KEY(column)`, sorted by what, and how each column is encoded."""

    distribution: str
    sort_key: str
    encodings: tuple[str, ...]


def definition(type_: str, *, nullable: bool) -> str:
    """A column's type and constraint, as in `create table`."""
    return type_ if nullable else f"{type_} not null"


def _stored(table: Table, *, external: bool = False) -> Columns:
    """The columns of a table in a database, the partition's day last; of an external table only that is constrained."""
    columns = {column.name: definition(column.type, nullable=column.nullable or external) for column in table.columns}
    return {**columns, table.partition_column: "date not null"}


REDSHIFT_TABLES: Mapping[str, Columns] = {
    "audit.writer_lock": {"table_name": "varchar(127) not null"},
    "audit.published_partition": {
        "table_name": "varchar(127) not null",
        "insert_date": "date not null",
        "batch_id": "varchar(64) not null",
        "written_at": "timestamp not null",
        "row_count": "int not null",
        "sources": "varchar(65535) not null",
        "facts": "varchar(65535) not null",
        "first_written_at": "timestamp",
    },
    **{table.name: _stored(table) for table in AUDIT_TABLES},
    **{table.name: _stored(table) for table in WAREHOUSE_TABLES},
}

POSTGRES_TABLES: Mapping[str, Columns] = {
    **REDSHIFT_TABLES,
    "spectrum.registered_partition": {
        "table_name": "varchar(127) not null",
        "insert_date": "date not null",
        "location": "varchar(1024) not null",
        "batch_id": "varchar(64) not null",
        "row_count": "int not null",
        "registered_at": "timestamp not null",
    },
    **{table.name: _stored(table, external=True) for table in EXTERNAL_TABLES},
}

LAYOUTS: Mapping[str, Layout] = {
    "audit.writer_lock": Layout("ALL", "nothing", ("raw",)),
    "audit.published_partition": Layout(
        "EVEN", "table_name, insert_date", ("raw", "az64", "zstd", "az64", "az64", "zstd", "zstd", "az64")
    ),
    "audit.restatement": Layout("EVEN", "insert_date", ("az64", "zstd", *9 * ("az64",), "zstd", "raw")),
    "audit.superseded_metric": Layout("EVEN", "insert_date", (*4 * ("az64",), "zstd", "az64", "raw")),
    "public.user_behavior_metric": Layout(
        "KEY(customerid)", "insert_date", ("az64", "az64", "az64", "az64", "zstd", "raw")
    ),
    "marts.dim_customer": Layout("ALL", "customer_id", ("az64", "raw", "zstd", "zstd", "az64")),
    "marts.dim_country": Layout("ALL", "country", ("az64", "raw", "zstd", "az64")),
    "marts.dim_product": Layout("ALL", "stock_code", ("az64", "raw", "zstd", "zstd", "az64")),
    "marts.fact_purchase_line": Layout(
        "KEY(customer_key)", "insert_date", (*4 * ("az64",), "zstd", *4 * ("az64",), "zstd", "raw")
    ),
    "marts.fact_review": Layout(
        "KEY(customer_key)", "insert_date", ("az64", "az64", "raw", "az64", *3 * ("zstd",), "az64", "zstd", "raw")
    ),
    "intermediate.customer_day": Layout("KEY(customer_key)", "insert_date", (*8 * ("az64",), "zstd", "raw")),
}
