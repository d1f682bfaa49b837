"""DDL of what is external, and the views that show what came of it in Glue."""

from __future__ import annotations

from datetime import date

import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift.conftest import Bucket, Connect
from user_behaviour_tests.cloud.redshift.external_lake import DAYS, add, buyers, customers


def test_a_partition_has_no_rows_until_it_is_registered(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html: no rows, and no error."""
    assert customers(sql) == []
    sql.execute(add(lake, DAYS[0], DAYS[2]))
    assert customers(sql) == [(1, DAYS[0]), (3, DAYS[2])]
    sql.execute("alter table spectrum.buyers drop partition (insert_date='2010-12-03')")
    assert customers(sql) == [(1, DAYS[0])]


def test_add_if_not_exists_does_not_move_a_partition_and_set_location_does(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html."""
    lake.put(f"buyers/{DAYS[0]}/b2/part.parquet", buyers(9))
    sql.execute(add(lake, DAYS[0]))
    sql.execute(add(lake, DAYS[0], batch="b2"))
    assert customers(sql) == [(1, DAYS[0])]
    with pytest.raises(errors.InternalError_, match="already exists"):
        sql.execute(add(lake, DAYS[0], option="", batch="b2"))
    moved = f"alter table spectrum.buyers partition (insert_date='{DAYS[0]}') set location"
    sql.execute(f"{moved} '{lake.uri(f'buyers/{DAYS[0]}/b2/')}'")
    assert customers(sql) == [(9, DAYS[0])]
    with pytest.raises(errors.InternalError_, match="does not exist"):
        sql.execute(f"alter table spectrum.buyers partition (insert_date='{DAYS[1]}') set location 's3://b/x/'")


def test_one_statement_adds_a_hundred_partitions_at_most(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html: 100 with the Glue catalog."""
    days = [date.fromordinal(date(2011, 1, 1).toordinal() + n).isoformat() for n in range(101)]
    with pytest.raises(errors.ProgramLimitExceeded):
        sql.execute(add(lake, *days))
    sql.execute(add(lake, *days[:100]))
    assert customers(sql) == []


@pytest.mark.parametrize(
    "statement",
    [
        "create external table spectrum.t (a int) stored as parquet location 's3://b/t/'",
        "alter table spectrum.buyers add partition (insert_date='2010-12-01') location 's3://b/x/'",
        "alter table spectrum.buyers drop partition (insert_date='2010-12-01')",
        "alter table spectrum.buyers partition (insert_date='2010-12-01') set location 's3://b/x/'",
        "alter table spectrum.buyers add column more int",
        "drop table spectrum.buyers",
    ],
)
def test_external_ddl_does_not_run_in_a_transaction_nor_beside_another_statement(
    connect: Connect, sql: cursor, lake: Bucket, statement: str
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_SVL_MULTI_STATEMENT_VIOLATIONS.html."""
    with connect().cursor() as inside, pytest.raises(errors.ActiveSqlTransaction, match="inside a transaction block"):
        inside.execute(statement)
    with pytest.raises(errors.ActiveSqlTransaction, match="EXTERNAL TABLE cannot run inside a transaction block"):
        sql.execute(f"select 1; {statement}")


@pytest.mark.parametrize(
    "clause",
    [
        "add partition (insert_date='2010-12-01'::date) location 's3://b/x/'",
        "add partition (insert_date='2010-12-01') location 's3://b/x/', partition (insert_date='2010-12-02') location 's3://b/'",
        "add partition (insert_date=current_date) location 's3://b/x/'",
        "drop if exists partition (insert_date='2010-12-01')",
    ],
)
def test_partition_clauses_take_literals_and_no_commas(sql: cursor, lake: Bucket, clause: str) -> None:
    with pytest.raises(errors.SyntaxError):
        sql.execute(f"alter table spectrum.buyers {clause}")


def test_the_views_show_what_glue_has(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html and its sisters."""
    sql.execute(add(lake, DAYS[1], DAYS[0]))
    sql.execute(
        "select schemaname, tablename, values, location from svv_external_partitions "
        "where schemaname = %s and tablename = %s order by values",
        ("spectrum", "buyers"),
    )
    assert sql.fetchall() == [("spectrum", "buyers", f'["{day}"]', lake.uri(f"buyers/{day}/b1/")) for day in DAYS[:2]]
    sql.execute("select c.columnname, c.external_type, c.part_key from svv_external_columns as c order by columnnum")
    assert sql.fetchall() == [("customer", "int", 0), ("country", "varchar(6)", 0), ("insert_date", "date", 1)]
    sql.execute("select location from pg_catalog.svv_external_tables where tablename = 'buyers'")
    assert sql.fetchall() == [(lake.uri("buyers/"),)]
    sql.execute("select schemaname, databasename, esoptions from svv_external_schemas")
    assert sql.fetchall() == [("spectrum", lake.name.replace("-", "_"), '{"IAM_ROLE": "default"}')]


def test_external_tables_and_schemas_are_made_once_and_dropped(sql: cursor, lake: Bucket) -> None:
    create = "create external table spectrum.buyers (a int) stored as parquet location 's3://b/t/'"
    with pytest.raises(errors.DuplicateTable):
        sql.execute(create)
    with pytest.raises(errors.DuplicateColumn):
        sql.execute(
            "create external table spectrum.t (a int, d date) partitioned by (d date) stored as parquet location 's3://b/'"
        )
    sql.execute("drop table spectrum.buyers")
    with pytest.raises(errors.UndefinedTable):
        sql.execute("select * from spectrum.buyers")
    with pytest.raises(errors.UndefinedTable):
        sql.execute("drop table spectrum.buyers")
    sql.execute("drop schema spectrum")
    sql.execute("select * from svv_external_schemas")
    assert sql.fetchall() == []
