"""External tables: DDL that goes to Glue, and rows as Glue and S3 have them at the moment of the statement."""

from datetime import date
from typing import Any

import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift.conftest import DAYS, Bucket, Connect, buyers


def add(lake: Bucket, *days: str, option: str = "if not exists ", batch: str = "b1") -> str:
    places = " ".join(f"partition (insert_date='{d}') location '{lake.uri(f'buyers/{d}/{batch}/')}'" for d in days)
    return f"alter table spectrum.buyers add {option}{places}"


def customers(sql: cursor, condition: str = "true") -> list[tuple[Any, ...]]:
    sql.execute(f"select customer, insert_date::varchar from spectrum.buyers where {condition} order by customer")
    return sql.fetchall()


def test_add_if_not_exists_does_not_move_a_partition_and_set_location_does(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html. Before it is there it has no rows, and no error."""
    assert customers(sql) == []
    lake.put(f"buyers/{DAYS[0]}/b2/part.parquet", buyers(9))
    sql.execute(add(lake, DAYS[0]))
    sql.execute(add(lake, DAYS[0], batch="b2"))
    assert customers(sql) == [(1, DAYS[0])]
    with pytest.raises(errors.InternalError_, match="already exists"):
        sql.execute(add(lake, DAYS[0], option="", batch="b2"))
    moved = f"alter table spectrum.buyers partition (insert_date='{DAYS[0]}') set location"
    sql.execute(f"{moved} '{lake.uri(f'buyers/{DAYS[0]}/b2/')}'")
    assert customers(sql) == [(9, DAYS[0])]
    for change in ("partition (insert_date='2010-12-02') set location 's3://b/x/'", "drop partition (insert_date='1')"):
        with pytest.raises(errors.InternalError_, match="EntityNotFoundException"):
            sql.execute(f"alter table spectrum.buyers {change}")
    sql.execute(f"alter table spectrum.buyers drop partition (insert_date='{DAYS[0]}')")
    assert customers(sql) == []


@pytest.mark.usefixtures("sql", "lake")
def test_the_first_look_at_an_external_table_is_refused_in_a_read_only_transaction(connect: Connect) -> None:
    connection = connect()
    connection.set_session(readonly=True, autocommit=False)
    with connection.cursor() as sql:
        with pytest.raises(errors.InternalError_, match=r"incorporate external table .*transaction is read-only"):
            customers(sql)
        connection.rollback()
        connection.set_session(readonly=False)
        assert customers(sql) == []
        connection.rollback()
        connection.set_session(readonly=True)
        assert customers(sql) == []


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
        "create external table spectrum.t (a int) partitioned by (d date) stored as parquet location 's3://b/t/'",
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


def test_external_tables_are_made_once_and_their_partition_is_no_column_of_their_files(
    sql: cursor, lake: Bucket
) -> None:
    create = "create external table spectrum.{} (a int{}) partitioned by (d date) stored as parquet location 's3://b/'"
    with pytest.raises(errors.DuplicateTable):
        sql.execute(create.format("buyers", ""))
    with pytest.raises(errors.DuplicateColumn):
        sql.execute(create.format("t", ", d date"))
    with pytest.raises(errors.UndefinedTable):
        sql.execute("select * from spectrum.t")


def test_the_catalog_is_read_anew_by_each_statement_also_within_a_transaction(
    connect: Connect, sql: cursor, lake: Bucket
) -> None:
    """Spectrum reads outside the snapshot: what Glue says now, from the files that are there now."""
    sql.execute(add(lake, DAYS[0]))
    sql.execute("create table t (a int)")
    with connect().cursor() as inside:
        inside.execute("select count(*) from t")  # takes the snapshot
        assert customers(inside) == [(1, DAYS[0])]
        sql.execute(add(lake, DAYS[1]))
        lake.put(f"buyers/{DAYS[0]}/b1/part.parquet", buyers(4, 5))
        assert customers(inside) == [(2, DAYS[1]), (4, DAYS[0]), (5, DAYS[0])]


def test_only_partitions_that_a_literal_lets_through_are_scanned(
    redshift: RedshiftStandIn, sql: cursor, lake: Bucket
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-performance.html: the partition column."""
    sql.execute(add(lake, *DAYS))
    conditions = {
        "insert_date >= '2010-12-02'::date and insert_date < '2010-12-03'": ("2010-12-02",),
        "buyers.insert_date = '2010-12-01' and customer > 0": ("2010-12-01",),
        "insert_date between '2010-12-02' and '2010-12-03' and (customer = 1 or true)": DAYS[1:],
        "insert_date = '2010-12-01' or customer = 3": DAYS,
        "cast(insert_date as varchar) = '2010-12-01'": DAYS,
        "customer = 1": DAYS,
    }
    redshift.scans.clear()
    for condition in conditions:
        customers(sql, condition)
    assert [set(scan.qualified) for scan in redshift.scans] == [set(days) for days in conditions.values()]


def test_pruning_looks_at_the_select_that_the_table_stands_in(
    redshift: RedshiftStandIn, sql: cursor, lake: Bucket
) -> None:
    sql.execute(add(lake, *DAYS))
    redshift.scans.clear()
    sql.execute(
        """
        with one as (select customer from spectrum.buyers where insert_date = '2010-12-01'),
        rest as (select b.customer from spectrum.buyers as b where b.insert_date > %(day)s group by customer)
        select customer from one union all select customer from rest
        union all select 10 * customer from spectrum.buyers
        where exists (select 1 from spectrum.buyers i where i.insert_date = '2010-12-02' and i.customer > 1)
        order by 1
        """,
        {"day": date(2010, 12, 2)},
    )
    assert sql.fetchall() == [(1,), (3,), (10,), (20,), (30,)]
    assert [set(scan.qualified) for scan in redshift.scans] == [{DAYS[0]}, {DAYS[2]}, set(DAYS), {DAYS[1]}]


def test_folders_are_read_at_any_depth_but_for_some_names_and_what_is_no_parquet_fails(
    sql: cursor, lake: Bucket
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html: names that begin . _ # or end with ~.

    It scans subfolders; nothing says that those of a running Spark job are left out.
    """
    for name in ("_SUCCESS", "_part.parquet", ".part.parquet.crc", "#part.parquet", "part.parquet~"):
        lake.put(f"buyers/{DAYS[0]}/b1/{name}", b"no Parquet")
    lake.put(f"buyers/{DAYS[0]}/b1/_temporary/0/part.parquet", buyers(7))
    sql.execute(add(lake, DAYS[0]))
    assert customers(sql) == [(1, DAYS[0]), (7, DAYS[0])]
    lake.put(f"buyers/{DAYS[0]}/b1/notes.txt", b"no Parquet")
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error"):
        customers(sql)


def test_columns_go_by_name_long_text_is_cut_and_a_new_column_is_null(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html: text too long is cut, by bytes."""
    swapped = buyers(1, country="Österreich").select(["country", "customer"])
    lake.put(f"buyers/{DAYS[0]}/b1/part.parquet", swapped)
    sql.execute(add(lake, DAYS[0]))
    sql.execute("alter table spectrum.buyers add column vip boolean")
    sql.execute("select customer, country, vip, insert_date from spectrum.buyers")
    assert sql.fetchall() == [(1, "Öster", None, date(2010, 12, 1))]


def test_external_tables_are_only_read(sql: cursor, lake: Bucket) -> None:
    for statement in ("delete from spectrum.buyers", "create view v as select * from spectrum.buyers"):
        with pytest.raises(errors.FeatureNotSupported):
            sql.execute(statement)
