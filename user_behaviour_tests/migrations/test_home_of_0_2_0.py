"""A home and a warehouse of version 0.2.0 go on: nothing is lost, nothing is applied twice, old batches stay readable.

What that version left is in `of_0_2_0/` and in the constants below, as it was found in a home and a checkout of that
version. None of it is made by the code of today, so that a change of a table, a manifest or a migration shows here.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.local.state_file import free_port
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, STAGED_PURCHASES
from user_behaviour.tables.statements import split
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import own_redshift
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.databases import new_database
from user_behaviour_tests.migrations import IDS

OF_0_2_0 = Path(__file__).parent / "of_0_2_0"
DAY, PARTITION, BATCH = date(2010, 12, 1), "insert_date=2010-12-01", "8f3a1315"
TABLES = {
    "staged_purchases": "spectrum.user_purchase_staging",
    "classified_reviews": "spectrum.movie_review_clean_stage",
}
# What `up` wrote on the database when it had applied the migrations: the digest of all their texts.
COMMENT = "schema 24fb906f0d627ce5953c533c11c50c531ce4ef70088e70fa486dfefe93857bef"
PARQUET = {
    "staged_purchases": pa.schema(
        [
            pa.field("invoice_number", pa.string(), nullable=False),
            pa.field("stock_code", pa.string(), nullable=False),
            pa.field("detail", pa.string()),
            pa.field("quantity", pa.int32(), nullable=False),
            pa.field("invoice_date", pa.timestamp("us"), nullable=False),
            pa.field("unit_price", pa.decimal128(8, 3), nullable=False),
            pa.field("customer_id", pa.int32()),
            pa.field("country", pa.string(), nullable=False),
            pa.field("batch_id", pa.string(), nullable=False),
        ]
    ),
    # As Spark wrote it: most columns may be null.
    "classified_reviews": pa.schema(
        [
            pa.field("cid", pa.string()),
            pa.field("positive_review", pa.bool_()),
            pa.field("classifier", pa.string(), nullable=False),
            pa.field("classifier_version", pa.string(), nullable=False),
            pa.field("source_file", pa.string()),
            pa.field("line_number", pa.int32()),
            pa.field("batch_id", pa.string(), nullable=False),
        ]
    ),
}


def execute(warehouse: Warehouse, text: str, parameters: dict[str, str] | None = None) -> None:
    warehouse.transaction(lambda cursor: cursor.execute(text, parameters))


def make_ledger(warehouse: Warehouse, dialect: str) -> None:
    """The ledger of a warehouse that was migrated."""
    for text in split((OF_0_2_0 / "ledger.sql").read_text()):
        execute(warehouse, text)
    with (OF_0_2_0 / "ledger.csv").open() as file:
        for number, row in enumerate(csv.DictReader(file)):
            values = {
                **row,
                "digest": row[dialect],
                "log_id": f"aed9ea23-{number}",
                "at": f"2026-11-26 01:05:4{number}",
            }
            log = "%(log_id)s, %(hash)s, %(id)s, 'apply', 'user_behaviour', 'vm', %(digest)s, %(at)s"
            execute(warehouse, f"insert into audit._yoyo_log values ({log})", values)
            execute(warehouse, "insert into audit._yoyo_migration values (%(hash)s, %(id)s, %(at)s)", values)


def log_of_0_2_0(warehouse: Warehouse) -> list[dict[str, Any]]:
    return warehouse.rows("select * from audit._yoyo_log where id like 'aed9ea23-%' order by id")


def contents(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables that runs write."""
    own = ("public.user_behavior_metric", "audit.published_partition", "spectrum.registered_partition")
    return {table: warehouse.rows(f"select * from {table} order by 1, 2") for table in (*own, *TABLES.values())}


def put_into_lake(lake: Path, warehouse: Warehouse) -> None:
    """The day's batches, with the rows that the warehouse has of them; their manifests and their pointers."""
    for dataset, schema in PARQUET.items():
        partition = lake / dataset / PARTITION
        (partition / BATCH).mkdir(parents=True)
        rows = warehouse.rows(f"select {', '.join(schema.names)} from {TABLES[dataset]} order by 1, 2")
        file = partition / BATCH / "part-00000.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), file)
        values = {"dataset": dataset, "rows": len(rows), "size": file.stat().st_size}
        for name in (f"{BATCH}/_manifest.json", "_current.json"):
            (partition / name).write_text((OF_0_2_0 / "manifest.json").read_text() % values)


def record(url: str, lake: Path, place: Path) -> None:
    """What Dagster was told of the registrations, by a storage of Dagster's own."""
    url = url.replace("postgresql://", "postgresql+psycopg2://")
    (place / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{url}'}}}}")
    with dg.DagsterInstance.from_config(str(place)) as instance:
        for dataset, table in TABLES.items():
            metadata = {"dagster/uri": f"file://{lake / dataset / PARTITION / BATCH}/", "batch_id": BATCH}
            instance.report_runless_asset_event(
                dg.AssetMaterialization(table.split("."), partition=DAY.isoformat(), metadata=metadata)
            )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home as version 0.2.0 leaves it, with one day in it."""
    with temporary_home() as path:
        path.mkdir(mode=0o711)  # the server may run as another user
        (path / "dagster").mkdir()
        shutil.copy(OF_0_2_0 / "dagster.yaml", path / "dagster")
        (path / "stack.json").touch(0o600)
        (path / "stack.json").write_text(json.dumps({"port": free_port(), "password": "of-version-0-2-0"}))
        (tmp_path / "nothing" / "migrations" / "postgres").mkdir(parents=True)
        urls = Stack(path, sql=tmp_path / "nothing").up()  # the server with its role, and databases that are empty
        warehouse = PostgresWarehouseByUrl(url=urls.warehouse)
        execute(warehouse, "drop schema audit cascade")
        make_ledger(warehouse, "postgres")
        execute(warehouse, (OF_0_2_0 / "warehouse.sql").read_text(), {"lake": f"file://{path}/lake"})
        execute(warehouse, f"comment on database warehouse is '{COMMENT}'")
        put_into_lake(path / "lake", warehouse)
        record(urls.dagster, path / "lake", tmp_path)
        yield Home(path)


def test_a_home_goes_on_after_one_command(home: Home) -> None:
    here = home.deployment()
    stack_json, before, log = (
        (home.path / "stack.json").read_text(),
        contents(here.warehouse),
        log_of_0_2_0(here.warehouse),
    )
    Stack(home.path).down()
    assert home.call("up").returncode == 0
    assert home.call("reconcile").stdout == "Every place says the same of every day.\n"
    count = len(here.migrations.files())
    assert home.call("migrate").stdout == f"The warehouse is up to date: 0 of {count} migrations were new.\n"
    assert home.call("migrate", "--check").returncode == 0
    assert home.call("query", "select amount_spent from user_behavior_metric", "--csv").stdout.split()[1:] == [
        "64.50000"
    ]
    assert (home.path / "stack.json").read_text() == stack_json
    # What version 0.2.0 did not know is null, in the warehouse and in its batches, but for a day's first writing.
    after = before | {
        "spectrum.movie_review_clean_stage": [
            {**row, "probability": None} for row in before["spectrum.movie_review_clean_stage"]
        ],
        "audit.published_partition": [
            {**row, "first_written_at": row["written_at"]} for row in before["audit.published_partition"]
        ],
    }
    assert (contents(here.warehouse), log_of_0_2_0(here.warehouse)) == (after, log)
    for table in (STAGED_PURCHASES, CLASSIFIED_REVIEWS):
        dataset = here.lake.dataset(table)
        read = pa.Table.from_batches(dataset.read(dataset.current(DAY))).to_pylist()
        assert [{**row, "insert_date": DAY} for row in read] == after[TABLES[table.name]]
    # 0.2.0 named another module here, and Dagster starts with this file.
    assert "module: user_behaviour.local.planned_events" in (home.path / "dagster" / "dagster.yaml").read_text()


def test_who_only_reads_sees_what_migrate_made_while_the_server_ran_on(home: Home) -> None:
    """Only `up` gave rights: `query` of a mart, and `query --as-of`, were refused after `migrate`."""
    assert home.call("migrate").returncode == 0
    assert home.call("query", "select count(*) from marts.dim_date", "--csv").stdout.split() == ["count", "1"]


def test_a_redshift_goes_on(stack: Stack, cloud: Cloud) -> None:
    with own_redshift(stack, cloud) as redshift:
        redshift.migrate()
        redshift.migrations.roll_back(len(IDS[3:]))  # to what that version had
        for table in ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"):
            redshift.execute(f"drop table audit.{table}")
        make_ledger(redshift.warehouse, "redshift")
        log = log_of_0_2_0(redshift.warehouse)
        assert redshift.migrations.apply() == IDS[3:]
        assert redshift.findings() == []
        assert (redshift.migrations.roll_back(len(IDS)), redshift.migrations.apply()) == (IDS[::-1], IDS)
        assert log_of_0_2_0(redshift.warehouse) == log


def test_a_ledger_that_was_only_begun_is_made_whole(stack: Stack) -> None:
    """Version 0.2.0 made the table of the lock first, and could be killed then."""
    with new_database(stack.endpoints().warehouse) as url:
        warehouse = PostgresWarehouseByUrl(url=url)
        execute(warehouse, "create schema audit; create table audit.yoyo_lock (locked int, ctime timestamp, pid int)")
        assert Migrations(warehouse, MIGRATIONS / "postgres").apply() == IDS
