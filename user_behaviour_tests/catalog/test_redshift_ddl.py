"""The DDL of Redshift's external tables against its documented grammar, since linters do not parse it; and its quoting.

Grammar and examples: docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html ("The following options apply only to
external tables"), r_ALTER_TABLE_external-table.html and r_CREATE_EXTERNAL_TABLE.html. The grammar shows `[, ... ]`
between added partitions, the examples separate them by white space; the examples are what runs.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import psycopg2
import pytest
import sqlfluff
from psycopg2.sql import Composed

from user_behaviour.aws.places import PlaceError
from user_behaviour.catalog import redshift_ddl
from user_behaviour.catalog.external_tables import CatalogError, Registration
from user_behaviour.local.stack import Stack
from user_behaviour.tables.schemas import EXTERNAL_TABLES, MOVIE_REVIEW_CLEAN_STAGE, USER_PURCHASE_STAGING
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.redshift_names import UnsafeNameError

D1 = date(2010, 12, 1)
LAKE = "s3://lake/staged_purchases/"

NAME = r'(?:[a-z_][a-z0-9_]*|"[a-z_][a-z0-9_]*")'
TABLE = rf"{NAME}\.{NAME}"  # "External tables must be qualified by an external schema name."
VALUE = r"'[^'\\\n]*'"
PLACE = r"'s3://[^'\\\n/]+/[^'\\\n]*'"  # 's3://bucket/folder' | 's3://bucket/manifest_file'
PARTITION = rf"partition ?\( ?{NAME} ?= ?{VALUE}(?: ?, ?{NAME} ?= ?{VALUE})* ?\)"
PLACED = rf"{PARTITION} location {PLACE}"
TYPE = r"(?:smallint|int|bigint|real|boolean|date|timestamp|decimal\(\d+,\d+\)|char\(\d+\)|varchar\(\d+\))"
COLUMN = rf"{NAME} {TYPE}"
GRAMMAR = {
    "add": rf"alter table {TABLE} add (?:if not exists )?{PLACED}(?: {PLACED})*",
    "set": rf"alter table {TABLE} {PARTITION} set location {PLACE}",
    "drop": rf"alter table {TABLE} drop {PARTITION}",
    # "You can add only one column in each ALTER TABLE statement."
    "column": rf"alter table {TABLE} add (?:column )?{COLUMN}",
    "create": rf"create external table {TABLE} ?\({COLUMN}(?:, {COLUMN})*\) partitioned by \({COLUMN}(?:, {COLUMN})*\) "
    rf"stored as parquet location {PLACE}",
}


def form(statement: str) -> str | None:
    """Which form of the grammar a statement has; None where it has none."""
    text = re.sub(r"\s+", " ", statement.removesuffix(";")).strip()
    return next((name for name, rule in GRAMMAR.items() if re.fullmatch(rule, text, re.IGNORECASE)), None)


@pytest.fixture(scope="module", params=["on", "off"], ids=lambda value: f"standard_conforming_strings_{value}")
def connection(stack: Stack, request: pytest.FixtureRequest) -> Iterator[psycopg2.extensions.connection]:
    """Redshift reports `off`, PostgreSQL `on`; psycopg2 quotes accordingly."""
    options = f"-c standard_conforming_strings={request.param} -c escape_string_warning=off"
    with closing(psycopg2.connect(stack.endpoints().warehouse, options=options)) as made:
        yield made


def at(day: date, batch: str = "one") -> Registration:
    return Registration(day, f"{LAKE}insert_date={day}/{batch}/", batch, 1)


def test_the_examples_of_the_documentation_have_the_form_that_they_show() -> None:
    part = (
        "partition(saledate='2008-0{0}-01')\nlocation 's3://redshift-downloads/tickit/spectrum/saledate=2008-0{0}/'\n"
    )
    parts = "".join(part.format(month) for month in (1, 2, 3))

    assert form(f"alter table spectrum.sales_part\nadd if not exists {part.format(1)};") == "add"
    assert form(f"alter table spectrum.sales_part add if not exists\n{parts};") == "add"
    assert form("alter table spectrum.sales_part\ndrop partition(saledate='2008-01-01');") == "drop"
    moved = "set location\n's3://redshift-downloads/tickit/spectrum/sales_partition/saledate=2008-01-01/'"
    assert form(f"alter table spectrum.sales_part\npartition(saledate='2008-01-01') {moved};") == "set"
    old = "ALTER TABLE spectrum.lineitem_part ADD PARTITION (l_shipdate='1992-01-29') "
    assert form(f"{old}\nLOCATION 's3://spectrum-public/lineitem_partition/l_shipdate=1992-01-29';") == "add"


@pytest.mark.parametrize(
    "statement",
    [
        "alter table spectrum.t add partition if not exists (d='2010-12-01') location 's3://b/d/'",
        "alter table spectrum.t add if not exists partition (d='2010-12-01'::date) location 's3://b/d/'",
        "alter table spectrum.t add if not exists partition (d=E'2010-12-01') location 's3://b/d/'",
        "alter table spectrum.t add if not exists partition (d='2010-12-01')",
        "alter table t add if not exists partition (d='2010-12-01') location 's3://b/d/'",
        "alter table spectrum.t drop if exists partition (d='2010-12-01')",
        "alter table spectrum.t set location 's3://b/d/' partition (d='2010-12-01')",
        "create external table if not exists spectrum.t (a int) partitioned by (d date) stored as parquet location 's3://b/d/'",
        "create external table spectrum.t (a int not null) partitioned by (d date) stored as parquet location 's3://b/d/'",
    ],
)
def test_what_the_grammar_does_not_have_is_told_apart(statement: str) -> None:
    assert form(statement) is None


def test_partitions_are_added_pointed_elsewhere_and_dropped(connection: psycopg2.extensions.connection) -> None:
    said = {
        "add": redshift_ddl.add_partitions(USER_PURCHASE_STAGING, [at(D1), at(D1 + timedelta(days=1))]),
        "set": redshift_ddl.set_location(USER_PURCHASE_STAGING, at(D1, "two")),
        "drop": redshift_ddl.drop_partition(USER_PURCHASE_STAGING, D1),
    }
    table = '"spectrum"."user_purchase_staging"'

    texts = {name: statement.as_string(connection) for name, statement in said.items()}
    assert {name: form(text) for name, text in texts.items()} == {"add": "add", "set": "set", "drop": "drop"}
    assert texts == {
        "add": f"alter table {table} add if not exists "
        """partition ("insert_date"='2010-12-01') location 's3://lake/staged_purchases/insert_date=2010-12-01/one/' """
        """partition ("insert_date"='2010-12-02') location 's3://lake/staged_purchases/insert_date=2010-12-02/one/'""",
        "set": f"""alter table {table} partition ("insert_date"='2010-12-01') """
        "set location 's3://lake/staged_purchases/insert_date=2010-12-01/two/'",
        "drop": f"""alter table {table} drop partition ("insert_date"='2010-12-01')""",
    }


@pytest.mark.parametrize("table", EXTERNAL_TABLES, ids=lambda table: table.name)
def test_tables_are_created_and_get_columns(table: Table, connection: psycopg2.extensions.connection) -> None:
    create = redshift_ddl.create_table(table, LAKE).as_string(connection)
    add = redshift_ddl.add_column(table, Column("weight", "decimal(8, 3)", "")).as_string(connection)

    assert (form(create), form(add)) == ("create", "column")
    assert add.endswith('add column "weight" decimal(8,3)')


def test_the_definition_of_a_table_parses_in_the_redshift_dialect(connection: psycopg2.extensions.connection) -> None:
    create = redshift_ddl.create_table(MOVIE_REVIEW_CLEAN_STAGE, LAKE).as_string(connection)
    assert "create_external_table_statement" in str(sqlfluff.parse(f"{create};\n", dialect="redshift"))


HOSTILE = [
    ("s3://a-lake/x'; drop table public.user_behavior_metric; --/", PlaceError),
    ("s3://a-lake/x\\'); select 42; --/", PlaceError),
    ("s3://a-lake/x\n/", PlaceError),
    ("file:///lake/x/", PlaceError),
    ("s3://a-lake/x", CatalogError),  # a manifest's name
    ("", CatalogError),
]


@pytest.mark.parametrize(("location", "kind"), HOSTILE)
def test_a_location_that_could_end_its_literal_is_refused(location: str, kind: type[Exception]) -> None:
    for statement in (
        lambda: redshift_ddl.create_table(USER_PURCHASE_STAGING, location),
        lambda: redshift_ddl.add_partitions(USER_PURCHASE_STAGING, [replace(at(D1), location=location)]),
        lambda: redshift_ddl.set_location(USER_PURCHASE_STAGING, replace(at(D1), location=location)),
    ):
        with pytest.raises(kind, match="cannot be"):
            statement()


@pytest.mark.parametrize(
    "name", ['spectrum.t" add x', "spectrum.T", "spectrum.", "spectrum.t;--", f"spectrum.{'t' * 128}"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError, match="is no name for Redshift"):
        redshift_ddl.drop_partition(replace(USER_PURCHASE_STAGING, name=name), D1)


def test_a_partition_column_or_a_column_that_is_no_name_is_refused() -> None:
    hostile = replace(USER_PURCHASE_STAGING, partition_column="d') location 's3://x/'--")
    with pytest.raises(UnsafeNameError, match="is no name for Redshift"):
        redshift_ddl.drop_partition(hostile, D1)
    with pytest.raises(UnsafeNameError, match="is no name for Redshift"):
        redshift_ddl.add_column(USER_PURCHASE_STAGING, Column('a" int, "b', "int", ""))


@pytest.mark.parametrize("type_", ["varchar(4)); drop table t; --", "int not null", "binary", "varchar", "text"])
def test_a_type_outside_the_vocabulary_is_refused(type_: str) -> None:
    with pytest.raises(CatalogError, match="which the external tables here do not hold"):
        redshift_ddl.add_column(USER_PURCHASE_STAGING, Column("a", type_, ""))


def test_a_day_is_a_date_and_no_text() -> None:
    """Partition keys come from Dagster's UI; what is no day never becomes a date, and a text is no date."""
    with pytest.raises(AttributeError):
        redshift_ddl.drop_partition(USER_PURCHASE_STAGING, "2010-12-01'); drop table t; --")  # type: ignore[arg-type]


def test_nothing_composed_here_holds_more_than_one_statement(connection: psycopg2.extensions.connection) -> None:
    """Several statements in one request are one transaction, in which this DDL does not run."""
    statements: list[Composed] = [
        redshift_ddl.create_table(USER_PURCHASE_STAGING, LAKE),
        redshift_ddl.add_partitions(USER_PURCHASE_STAGING, [at(D1 + timedelta(days=n)) for n in range(100)]),
        redshift_ddl.drop_partition(USER_PURCHASE_STAGING, D1),
    ]
    assert not [statement for statement in statements if ";" in statement.as_string(connection)]
