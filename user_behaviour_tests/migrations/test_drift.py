"""Drift, finding by finding: a migrated database, one thing changed, and the sentences about it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import PostgresDrift
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour_tests.databases import new_database
from user_behaviour_tests.migrations import IDS

METRIC = "public.user_behavior_metric"


@pytest.fixture
def warehouse(stack: Stack) -> Iterator[PostgresWarehouse]:
    """A migrated database of the test's own."""
    with new_database(stack.endpoints().warehouse) as url:
        warehouse = PostgresWarehouseByUrl(url=url)
        Migrations(warehouse, MIGRATIONS / "postgres").apply()
        yield warehouse


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the migrations, to be changed."""
    return shutil.copytree(MIGRATIONS, tmp_path / "files") / "postgres"


def findings(warehouse: PostgresWarehouse, directory: Path = MIGRATIONS / "postgres") -> list[str]:
    """What is found, with … for each moment."""
    found = PostgresDrift(warehouse, Migrations(warehouse, directory)).findings()
    return [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "…", finding) for finding in found]


def test_every_difference_is_a_sentence(warehouse: PostgresWarehouse) -> None:
    assert findings(warehouse) == []
    change = f"""
        drop table audit.writer_lock;
        alter table {METRIC} rename batch_id to batch;
        alter table {METRIC} alter amount_spent type decimal(18, 2), alter review_score drop not null;
        alter table spectrum.registered_partition drop batch_id, add batch_id varchar(64) not null;
        alter table spectrum.movie_review_clean_stage alter cid set not null
    """
    warehouse.transaction(lambda cursor: cursor.execute(change))
    assert findings(warehouse) == [
        "Table audit.writer_lock is missing.",
        f"Column amount_spent of table {METRIC} is decimal(18,2) not null, and not decimal(18,5) not null.",
        f"Column review_score of table {METRIC} is int, and not int not null.",
        f"Table {METRIC} lacks the column batch_id varchar(64) not null.",
        f"Table {METRIC} has a column batch, which no migration makes.",
        "The columns of table spectrum.registered_partition are in the order table_name, insert_date, location, "
        "row_count, registered_at, batch_id, and not table_name, insert_date, location, batch_id, row_count, "
        "registered_at.",
        "Column cid of table spectrum.movie_review_clean_stage is varchar(10) not null, and not varchar(10).",
    ]


def test_a_migration_that_is_pending_and_one_that_is_unknown(warehouse: PostgresWarehouse, files: Path) -> None:
    (files / "0003.user_behavior_metric.sql").rename(files / "0003.renamed.sql")
    assert findings(warehouse, files) == [
        "Migration 0003.renamed is pending; apply it with `user-behaviour migrate`.",
        f"Migration 0003.user_behavior_metric was applied on … and is not in {files}: "
        "this version is older than the database.",
    ]


def test_a_migration_that_was_changed_after_it_was_applied(warehouse: PostgresWarehouse, files: Path) -> None:
    with (files / "0003.user_behavior_metric.sql").open("a") as file:
        file.write("-- an afterthought\n")
    # The line ends of another system are no change.
    other = files / "0002.spectrum.sql"
    other.write_bytes(other.read_bytes().replace(b"\n", b"\r\n"))
    assert findings(warehouse, files) == [
        "Migration 0003.user_behavior_metric was changed after it was applied on …; take the change back, and write it "
        "as a new migration."
    ]
    # Applied again, it counts as it is now.
    Migrations(warehouse, files).roll_back(len(IDS) - 2)
    Migrations(warehouse, files).apply()
    assert findings(warehouse, files) == []


def test_of_a_database_without_migrations_only_that_is_said(stack: Stack) -> None:
    with new_database(stack.endpoints().warehouse) as url:
        assert findings(PostgresWarehouseByUrl(url=url)) == [
            f"Migration {id_} is pending; apply it with `user-behaviour migrate`." for id_ in IDS
        ]
