"""External tables are read from Glue and S3 at the moment of the statement."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift.conftest import Bucket, Connect
from user_behaviour_tests.cloud.redshift.external_lake import DAYS, add, buyers, customers


def test_the_catalog_is_read_anew_by_each_statement_also_within_a_transaction(
    connect: Connect, sql: cursor, lake: Bucket, cloud: Cloud
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
    table = cloud.aws.client("glue").get_table(DatabaseName=lake.name.replace("-", "_"), Name="buyers")["Table"]
    assert [column["Type"] for column in table["StorageDescriptor"]["Columns"]] == ["int", "varchar(6)"]
    assert table["Parameters"]["numRows"] == "3"


def test_only_partitions_that_a_literal_lets_through_are_scanned(
    redshift: RedshiftStandIn, sql: cursor, lake: Bucket
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-performance.html: the partition column."""
    sql.execute(add(lake, *DAYS))
    conditions = {
        "insert_date >= '2010-12-02'::date and insert_date < '2010-12-03'": ("2010-12-02",),
        "buyers.insert_date = '2010-12-01' and customer > 0": ("2010-12-01",),
        "insert_date between date '2010-12-02' and '2010-12-03' and (customer = 1 or true)": DAYS[1:],
        "insert_date in ('2010-12-01', '2010-12-03')": ("2010-12-01", "2010-12-03"),
        "insert_date = '2010-12-01' or customer = 3": DAYS,
        "cast(insert_date as varchar) = '2010-12-01'": DAYS,
        "customer = 1": DAYS,
    }
    redshift.scans.clear()
    for condition in conditions:
        customers(sql, condition)
    assert [set(scan.qualified) for scan in redshift.scans] == [set(days) for days in conditions.values()]
    sql.execute(
        "select total_partitions, qualified_partitions from sys_external_query_detail order by query_id limit 1"
    )
    assert sql.fetchall() == [(3, 1)]


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


@pytest.mark.parametrize("name", ["_SUCCESS", "_part.parquet", ".part.parquet.crc", "#part.parquet", "part.parquet~"])
def test_some_names_are_not_read(sql: cursor, lake: Bucket, name: str) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html: names that begin . _ # or end with ~."""
    lake.put(f"buyers/{DAYS[0]}/b1/{name}", b"no Parquet")
    sql.execute(add(lake, DAYS[0]))
    assert customers(sql) == [(1, DAYS[0])]


def test_folders_are_read_at_any_depth_and_what_is_no_parquet_fails(sql: cursor, lake: Bucket) -> None:
    """c-spectrum-external-tables.html scans subfolders; nothing says that those of a running Spark job are left out."""
    lake.put(f"buyers/{DAYS[0]}/b1/_temporary/0/part.parquet", buyers(7))
    sql.execute(add(lake, DAYS[0]))
    assert customers(sql) == [(1, DAYS[0]), (7, DAYS[0])]
    lake.put(f"buyers/{DAYS[0]}/b1/notes.txt", b"no Parquet")
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error"):
        customers(sql)


def test_a_location_may_be_a_manifest(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html."""
    lake.manifest("day.manifest", {"url": lake.uri(f"buyers/{DAYS[1]}/b1/part.parquet"), "mandatory": True})
    sql.execute(
        f"alter table spectrum.buyers add partition (insert_date='{DAYS[0]}') location '{lake.uri('day.manifest')}'"
    )
    assert customers(sql) == [(2, DAYS[0])]


def test_a_type_that_is_not_the_declared_one_fails_the_scan_and_is_logged(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html, Incompatible data formats."""
    wide = pa.table({"customer": pa.array([1], pa.int64()), "country": pa.array(["France"])})
    lake.put(f"buyers/{DAYS[0]}/b1/part.parquet", wide)
    sql.execute(add(lake, DAYS[0]))
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error"):
        customers(sql)
    sql.execute("select message from svl_s3log where query = pg_last_query_id() order by query, segment, slice")
    ((message,),) = sql.fetchall()
    uri = lake.uri(f"buyers/{DAYS[0]}/b1/part.parquet")
    assert f"has an incompatible Parquet schema for column '{uri}.customer'. Column type: INTEGER" in message
    sql.execute("select trim(file_location), trim(column_name), error_code from sys_external_query_error")
    assert sql.fetchall() == [(uri, "customer", 15007)]


def test_columns_go_by_name_long_text_is_cut_and_a_new_column_is_null(sql: cursor, lake: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html: text too long is cut, by bytes."""
    swapped = buyers(1, country="Österreich").select(["country", "customer"])
    lake.put(f"buyers/{DAYS[0]}/b1/part.parquet", swapped)
    sql.execute(add(lake, DAYS[0]))
    sql.execute("alter table spectrum.buyers add column vip boolean")
    sql.execute('select customer, country, vip, insert_date, "$path" from spectrum.buyers')
    path = lake.uri(f"buyers/{DAYS[0]}/b1/part.parquet")
    assert sql.fetchall() == [(1, "Öster", None, date(2010, 12, 1), path)]


def test_external_tables_join_with_local_ones_in_every_kind_of_statement(
    sql: cursor, lake: Bucket, bucket: Bucket
) -> None:
    sql.execute(add(lake, *DAYS))
    sql.execute("create temp table known as select b.customer from spectrum.buyers b where insert_date < '2010-12-03'")
    sql.execute(
        "insert into known (customer) select buyers.customer + 10 from spectrum.buyers, known where buyers.customer = 3"
    )
    sql.execute("delete from known using spectrum.buyers where known.customer = buyers.customer")
    sql.execute("select customer from known order by 1")
    assert sql.fetchall() == [(13,), (13,)]
    sql.execute(
        f"unload ('select customer, insert_date from spectrum.buyers where insert_date = ''{DAYS[1]}''') "
        f"to '{bucket.uri('out/')}' iam_role default format parquet"
    )
    assert bucket.keys("out/") == ["out/0000_part_00.parquet"]
    with pytest.raises(errors.FeatureNotSupported):
        sql.execute("delete from spectrum.buyers")
