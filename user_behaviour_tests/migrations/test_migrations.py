"""Migrations on real servers: each applied once and whole, taken back, by one process at a time; and `migrate`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations import yoyo_backend
from user_behaviour.migrations.migrations import MIGRATIONS, MigrationError, Migrations, migration_files
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour_tests.databases import new_database

IDS = ("0001.audit", "0002.spectrum", "0003.user_behavior_metric")


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """An empty database of the test's own."""
    with new_database(stack) as url:
        yield url


@pytest.fixture
def warehouse(url: str) -> PostgresWarehouse:
    return PostgresWarehouseByUrl(url=url)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two migrations of a table `noted`, and the way back."""
    write(tmp_path, "0001.noted", "create table public.noted (n int);", back="drop table public.noted;")
    write(
        tmp_path, "0002.row", "insert into noted values (1); insert into noted values (2);", back="delete from noted;"
    )
    return tmp_path


def write(directory: Path, id: str, text: str, *, back: str | None = None) -> None:  # noqa: A002
    (directory / f"{id}.sql").write_text(text)
    if back is not None:
        (directory / f"{id}.rollback.sql").write_text(back)


def numbers(warehouse: PostgresWarehouse) -> list[Any]:
    return [row["n"] for row in warehouse.rows("select n from noted order by n")]


def schemas(warehouse: PostgresWarehouse) -> list[Any]:
    found = warehouse.rows("select nspname from pg_namespace where nspname !~ '^(pg_|information_)' order by nspname")
    return [row["nspname"] for row in found]


def tables(warehouse: PostgresWarehouse) -> list[Any]:
    """The tables, less the ledger's."""
    found = warehouse.rows(
        "select schemaname || '.' || tablename as t from pg_tables where schemaname in ('audit', 'public', 'spectrum') "
        "and tablename !~ '^_?yoyo_' order by 1"
    )
    return [row["t"] for row in found]


def test_both_dialects_have_the_same_migrations_each_with_its_way_back() -> None:
    for dialect in ("postgres", "redshift"):
        files = migration_files(MIGRATIONS / dialect)
        assert tuple(file.id for file in files) == IDS
        assert [file.id for file in files if not file.rollback_path.is_file()] == []
        assert len(list((MIGRATIONS / dialect).glob("*.sql"))) == 2 * len(IDS)


def test_the_local_warehouse_goes_up_and_down_and_up_again(warehouse: PostgresWarehouse) -> None:
    migrations = Migrations(warehouse, MIGRATIONS / "postgres")
    made = [
        "audit.published_partition",
        "audit.writer_lock",
        "public.user_behavior_metric",
        "spectrum.movie_review_clean_stage",
        "spectrum.registered_partition",
        "spectrum.user_purchase_staging",
    ]
    assert (migrations.apply(), tables(warehouse)) == (IDS, made)
    assert (migrations.roll_back(3), tables(warehouse)) == (IDS[::-1], [])
    assert schemas(warehouse) == ["audit", "public"]
    assert (migrations.apply(), tables(warehouse)) == (IDS, made)
    assert migrations.apply() == ()


def test_looking_changes_nothing(warehouse: PostgresWarehouse) -> None:
    migrations = Migrations(warehouse, MIGRATIONS / "postgres")
    assert (migrations.applied(), migrations.pending()) == ((), IDS)
    assert schemas(warehouse) == ["public"]


def test_each_migration_is_reported_when_it_is_done(warehouse: PostgresWarehouse, files: Path) -> None:
    write(files, "0003.typo", "insert into noted values ('three');")
    reported: list[str] = []
    with pytest.raises(MigrationError):
        Migrations(warehouse, files).apply(reported.append)
    assert reported == ["0001.noted is applied.", "0002.row is applied."]
    assert [migration.id for migration in Migrations(warehouse, files).applied()] == ["0001.noted", "0002.row"]


def test_a_migration_that_fails_leaves_nothing_and_is_named(warehouse: PostgresWarehouse, files: Path) -> None:
    write(files, "0003.half", "insert into noted values (3);\n-- the typo\ninsert into noted\nvalues ('four');")
    with pytest.raises(MigrationError) as raised:
        Migrations(warehouse, files).apply()
    assert str(raised.value) == (
        f'{files}/0003.half.sql is refused by the warehouse: invalid input syntax for type integer: "four" '
        "(in: insert into noted values ('four');).\nNothing of it was kept; mend the file, and migrate again."
    )
    assert numbers(warehouse) == [1, 2]
    write(files, "0003.half", "insert into noted values (3);")
    assert Migrations(warehouse, files).apply() == ("0003.half",)
    assert numbers(warehouse) == [1, 2, 3]


def test_a_rollback_that_fails_leaves_nothing_and_is_named(warehouse: PostgresWarehouse, files: Path) -> None:
    write(files, "0002.row", "insert into noted values (1);", back="delete from noted; drop table nowhere;")
    Migrations(warehouse, files).apply()
    with pytest.raises(MigrationError, match=r'0002\.row\.rollback\.sql is refused .* "nowhere" does not exist'):
        Migrations(warehouse, files).roll_back()
    assert numbers(warehouse) == [1]
    assert Migrations(warehouse, files).pending() == ()


def test_what_no_transaction_holds_runs_outside_of_one(warehouse: PostgresWarehouse, files: Path) -> None:
    write(files, "0003.vacuum", "-- transactional: false\nvacuum noted;", back="vacuum noted;")
    migrations = Migrations(warehouse, files)
    assert migrations.apply()[-1] == "0003.vacuum"
    assert migrations.roll_back() == ("0003.vacuum",)
    write(files, "0003.vacuum", "vacuum noted;")
    with pytest.raises(MigrationError, match="VACUUM cannot run inside a transaction block"):
        migrations.apply()


def test_a_failure_outside_of_a_transaction_says_that_a_part_may_stay(
    warehouse: PostgresWarehouse, files: Path
) -> None:
    write(
        files, "0003.loose", "-- transactional: false\ninsert into noted values (3);\ninsert into nowhere values (4);"
    )
    with pytest.raises(MigrationError, match="It is no transaction: its first part may stay"):
        Migrations(warehouse, files).apply()
    assert Migrations(warehouse, files).pending() == ("0003.loose",)


def test_values_of_the_deployment_are_quoted(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    write(tmp_path, "0001.words", "create table words (w text); insert into words values (%(word)s), ('100 %%');")
    word = "it's \\' %s; drop table words; --"
    Migrations(warehouse, tmp_path, parameters={"word": word}).apply()
    assert warehouse.rows("select w from words") == [{"w": word}, {"w": "100 %"}]


def test_a_value_that_the_deployment_lacks_is_named(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    write(tmp_path, "0001.words", "select %(word)s;")
    with pytest.raises(MigrationError, match=r"0001\.words\.sql asks for %\(word\)s, which this deployment does not"):
        Migrations(warehouse, tmp_path).apply()


def test_going_to_a_migration_works_in_both_directions(warehouse: PostgresWarehouse, files: Path) -> None:
    migrations = Migrations(warehouse, files)
    assert migrations.go_to("0001.noted") == ("0001.noted",)
    assert migrations.go_to("0002.row") == ("0002.row",)
    assert migrations.newer_than("0001.noted") == ("0002.row",)
    assert migrations.go_to("0001.noted") == ("0002.row",)
    assert numbers(warehouse) == []


def test_what_cannot_be_taken_back_is_refused(warehouse: PostgresWarehouse, files: Path) -> None:
    migrations = Migrations(warehouse, files)
    write(files, "0003.one_way", "insert into noted values (3);")
    migrations.apply()
    with pytest.raises(
        MigrationError, match=r"0003\.one_way cannot be taken back: .*0003\.one_way\.rollback\.sql is mis"
    ):
        migrations.roll_back()
    (files / "0003.one_way.sql").unlink()
    with pytest.raises(MigrationError, match=r"'0003\.one_way' is not in .*; choose one of: 0001\.noted, 0002\.row"):
        migrations.roll_back(2)
    assert numbers(warehouse) == [1, 2, 3]


_APPLY = (
    "import sys, pathlib; from user_behaviour.migrations.migrations import Migrations; "
    "from user_behaviour.warehouse.warehouse import PostgresWarehouse; "
    "print(len(Migrations(PostgresWarehouse(lambda: sys.argv[1]), pathlib.Path(sys.argv[2])).apply()))"
)


def test_processes_that_migrate_at_once_apply_each_migration_once(
    url: str, warehouse: PostgresWarehouse, files: Path
) -> None:
    """The first of them also makes the ledger."""
    calls = [
        subprocess.Popen([sys.executable, "-c", _APPLY, url, str(files)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert sorted(call.communicate(timeout=60)[0].strip() for call in calls) == ["0", "0", "2"]
    assert numbers(warehouse) == [1, 2]


_DIE_WITH_THE_LOCK = (
    "import os, sys; from user_behaviour.migrations.yoyo_backend import WarehouseBackend; "
    "from user_behaviour.warehouse.warehouse import PostgresWarehouse; "
    "backend = WarehouseBackend(PostgresWarehouse(lambda: sys.argv[1]), {}); "
    "backend.lock().__enter__(); print('locked', flush=True); os.kill(os.getpid(), 9)"
)


def test_a_process_that_is_killed_leaves_no_lock(url: str, warehouse: PostgresWarehouse, files: Path) -> None:
    call = [sys.executable, "-c", _DIE_WITH_THE_LOCK, url]
    killed = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (killed.returncode, killed.stdout) == (-9, "locked\n")
    assert len(Migrations(warehouse, files).apply()) == 2


def test_waiting_for_another_process_ends(
    warehouse: PostgresWarehouse, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Migrations(warehouse, files).apply()
    monkeypatch.setattr(yoyo_backend, "LOCK_MINUTES", 0.001)
    with closing(warehouse.connect()) as other, other.cursor() as cursor:
        cursor.execute("lock table audit.yoyo_lock")
        with pytest.raises(MigrationError, match="Another process has been migrating for more than"):
            Migrations(warehouse, files).apply()
