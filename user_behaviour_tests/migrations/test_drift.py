"""Drift, finding by finding: a migrated database, one thing changed by hand, and the sentence about it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import PostgresDrift
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.databases import new_database

METRIC = "public.user_behavior_metric"


@pytest.fixture
def warehouse(stack: Stack) -> Iterator[PostgresWarehouse]:
    """A migrated database of the test's own."""
    with new_database(stack) as url:
        warehouse = PostgresWarehouseByUrl(url=url)
        Migrations(warehouse, MIGRATIONS / "postgres").apply()
        yield warehouse


def execute(warehouse: Warehouse, sql: str) -> None:
    warehouse.transaction(lambda cursor: cursor.execute(sql))


def findings(warehouse: Warehouse, directory: Path = MIGRATIONS / "postgres") -> list[str]:
    """What is found, with … for each moment."""
    found = PostgresDrift(warehouse, Migrations(warehouse, directory)).findings()
    return [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "…", finding) for finding in found]


def test_what_the_migrations_make_is_what_the_schemas_declare(warehouse: PostgresWarehouse) -> None:
    assert findings(warehouse) == []


def test_a_column_that_is_missing_and_one_too_many(warehouse: PostgresWarehouse) -> None:
    execute(warehouse, f"alter table {METRIC} rename batch_id to batch")
    assert findings(warehouse) == [
        f"Table {METRIC} lacks the column batch_id varchar(64).",
        f"Table {METRIC} has a column batch, which no migration makes.",
    ]


def test_a_column_of_another_type_or_nullability(warehouse: PostgresWarehouse) -> None:
    execute(warehouse, f"alter table {METRIC} alter amount_spent type decimal(18, 2), alter review_score drop not null")
    execute(warehouse, "alter table spectrum.movie_review_clean_stage alter cid set not null")
    assert findings(warehouse) == [
        f"Column amount_spent of table {METRIC} is decimal(18,2), and not decimal(18,5).",
        f"Column review_score of table {METRIC} may be null; declared is: is not null.",
        "Column cid of table spectrum.movie_review_clean_stage is not null; declared is: may be null.",
    ]


def test_columns_in_another_order(warehouse: PostgresWarehouse) -> None:
    execute(warehouse, f"alter table {METRIC} drop batch_id; alter table {METRIC} add batch_id varchar(64) not null")
    assert findings(warehouse) == [
        f"The columns of table {METRIC} are in the order customerid, amount_spent, review_score, review_count, "
        "insert_date, batch_id; "
        "declared is customerid, amount_spent, review_score, review_count, batch_id, insert_date."
    ]


def test_a_missing_table(warehouse: PostgresWarehouse) -> None:
    execute(warehouse, "drop table audit.writer_lock")
    assert findings(warehouse) == ["Table audit.writer_lock is missing."]


def test_a_migration_that_is_pending_and_one_that_is_unknown(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    directory = shutil.copytree(MIGRATIONS / "postgres", tmp_path / "older")
    (directory / "0003.user_behavior_metric.sql").rename(directory / "0003.renamed.sql")
    assert findings(warehouse, directory) == [
        "Migration 0003.renamed is pending; apply it with `user-behaviour migrate`.",
        f"Migration 0003.user_behavior_metric was applied on … and is not in {directory}: "
        "this version is older than the database.",
    ]


def test_a_migration_that_was_changed_after_it_was_applied(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    directory = shutil.copytree(MIGRATIONS / "postgres", tmp_path / "changed")
    with (directory / "0001.audit.sql").open("a") as file:
        file.write("-- an afterthought\n")
    # The line ends of another system are no change.
    other = directory / "0002.spectrum.sql"
    other.write_bytes(other.read_bytes().replace(b"\n", b"\r\n"))
    assert findings(warehouse, directory) == [
        "Migration 0001.audit was changed after it was applied on …; take the change back, and write it as a new "
        "migration."
    ]


def test_a_migration_that_is_applied_again_counts_as_it_is_now(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    directory = shutil.copytree(MIGRATIONS / "postgres", tmp_path / "changed")
    with (directory / "0003.user_behavior_metric.sql").open("a") as file:
        file.write("-- an afterthought\n")
    migrations = Migrations(warehouse, directory)
    migrations.roll_back()
    migrations.apply()
    assert findings(warehouse, directory) == []


def test_of_a_database_without_migrations_only_that_is_said(stack: Stack) -> None:
    with new_database(stack) as url:
        assert findings(PostgresWarehouseByUrl(url=url)) == [
            "Migration 0001.audit is pending; apply it with `user-behaviour migrate`.",
            "Migration 0002.spectrum is pending; apply it with `user-behaviour migrate`.",
            "Migration 0003.user_behavior_metric is pending; apply it with `user-behaviour migrate`.",
        ]
