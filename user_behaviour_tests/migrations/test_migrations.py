"""Migrations on a real server: each applied once and whole, taken back, by one process at a time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations import migrations as module
from user_behaviour.migrations.migrations import BOTH, MIGRATIONS, MigrationError, Migrations
from user_behaviour.tables.marts import MARTS
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour_tests.databases import new_database
from user_behaviour_tests.migrations import IDS


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """An empty database of the test's own."""
    with new_database(stack.endpoints().warehouse) as url:
        yield url


@pytest.fixture
def warehouse(url: str) -> PostgresWarehouse:
    return PostgresWarehouseByUrl(url=url)


@pytest.fixture
def migrations(warehouse: PostgresWarehouse, tmp_path: Path) -> Migrations:
    """Two migrations of a table `noted`, and the way back; none is applied."""
    migrations = Migrations(warehouse, tmp_path)
    write(migrations, "0001.noted", "create table public.noted (n int);", back="drop table public.noted;")
    two_rows = "insert into noted values (1); insert into noted values (2);"
    write(migrations, "0002.row", two_rows, back="delete from noted;")
    return migrations


def write(migrations: Migrations, id: str, text: str, *, back: str | None = None) -> None:  # noqa: A002
    (migrations.directory / f"{id}.sql").write_text(text)
    if back is not None:
        (migrations.directory / f"{id}.rollback.sql").write_text(back)


def values(warehouse: PostgresWarehouse, sql: str = "select n from noted order by n") -> list[Any]:
    """The only column of a query."""
    return [value for row in warehouse.rows(sql) for value in row.values()]


def test_both_dialects_have_the_same_migrations_each_with_its_way_back(warehouse: PostgresWarehouse) -> None:
    names = [f"{id_}.{ending}" for id_ in IDS for ending in ("rollback.sql", "sql")]
    for dialect in ("postgres", "redshift"):
        files = [file.name for directory in (dialect, BOTH) for file in (MIGRATIONS / directory).glob("*.sql")]
        assert sorted(files) == names
        assert tuple(Migrations(warehouse, MIGRATIONS / dialect).files()) == IDS


def test_the_local_warehouse_goes_up_and_down_and_up_again(warehouse: PostgresWarehouse) -> None:
    migrations = Migrations(warehouse, MIGRATIONS / "postgres")
    schemas = "select nspname from pg_namespace where nspname !~ '^(pg_|information_)' order by 1"
    tables = "select schemaname || '.' || tablename from pg_tables where schemaname !~ '^(pg_|inf)' order by 1"
    assert (migrations.applied(), migrations.pending()) == ((), IDS)
    assert values(warehouse, schemas) == ["public"]  # to look makes nothing
    assert migrations.apply() == IDS
    made = values(warehouse, tables)
    ledger = ["audit._yoyo_log", "audit._yoyo_migration", "audit._yoyo_version", "audit.yoyo_lock"]
    assert sorted(set(made) - set(ledger)) == [
        "audit.published_partition",
        "audit.restatement",
        "audit.superseded_metric",
        "audit.writer_lock",
        *sorted(table.name for table in MARTS),
        "public.user_behavior_metric",
        "spectrum.movie_review_clean_stage",
        "spectrum.registered_partition",
        "spectrum.user_purchase_staging",
    ]
    assert (migrations.roll_back(len(IDS)), values(warehouse, tables)) == (IDS[::-1], ledger)
    assert values(warehouse, schemas) == ["audit", "intermediate", "marts", "public", "staging"]
    assert (migrations.apply(), values(warehouse, tables)) == (IDS, made)
    assert migrations.apply() == ()


OUTSIDE = "-- Why.\n\n-- transactional: false\n"
REFUSED = {
    "insert into noted values (3);\n-- the typo\ninsert into noted\nvalues ('four');": (
        "invalid input syntax for type integer: \"four\" (in: insert into noted values ('four')).\n"
        "Nothing of it was kept"
    ),
    "insert into noted values (3); vacuum noted; -- transactional: false": (
        "VACUUM cannot run inside a transaction block (in: vacuum noted).\nNothing of it was kept"
    ),
    f"{OUTSIDE}insert into noted values (3);\nvacuum nowhere;": (
        'relation "nowhere" does not exist (in: vacuum nowhere).\nIt is no transaction: its first part may stay'
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=["inside", "not on top", "outside"])
def test_what_is_refused_is_named_with_what_was_kept_and_is_tried_again(
    warehouse: PostgresWarehouse, migrations: Migrations, text: str, message: str
) -> None:
    write(migrations, "0003.bad", text)
    reported: list[str] = []
    with pytest.raises(MigrationError) as raised:
        migrations.apply(reported.append)
    refused = f"{migrations.directory}/0003.bad.sql is refused by the warehouse: "
    assert str(raised.value) == f"{refused}{message}; correct the file, and migrate again."
    assert reported == ["0001.noted is applied.", "0002.row is applied."]
    assert migrations.applied() == ("0001.noted", "0002.row")
    assert values(warehouse) == ([1, 2, 3] if text.startswith(OUTSIDE) else [1, 2])
    write(migrations, "0003.bad", f"{OUTSIDE}vacuum noted;", back="vacuum noted;")
    assert (migrations.apply(), migrations.roll_back(1)) == (("0003.bad",), ("0003.bad",))


def test_what_cannot_be_taken_back_is_refused(warehouse: PostgresWarehouse, migrations: Migrations) -> None:
    write(migrations, "0003.more", "insert into noted values (3);", back="delete from noted; drop table nowhere;")
    migrations.apply()
    with pytest.raises(MigrationError, match=r'0003\.more\.rollback\.sql is refused .* "nowhere" does not exist'):
        migrations.roll_back(2)
    (migrations.directory / "0003.more.rollback.sql").unlink()
    with pytest.raises(MigrationError, match=r"0003\.more cannot be taken back: .*\.rollback\.sql is missing"):
        migrations.roll_back(2)
    (migrations.directory / "0003.more.sql").unlink()
    with pytest.raises(MigrationError, match=r"'0003\.more' is not in .*; choose one of: 0001\.noted, 0002\.row"):
        migrations.roll_back(2)
    assert (migrations.pending(), values(warehouse)) == ((), [1, 2, 3])


def test_quotes_comments_and_values_of_the_deployment_stay_what_they_are(
    warehouse: PostgresWarehouse, migrations: Migrations
) -> None:
    text = """-- 5 % of them; end
        create table words as select %(word)s as a, '100 %%; it''s --' as "b;c"; /* '; */
        create function two() returns int as $body$ select 1; select 2; $body$ language sql; -- the end;"""
    write(migrations, "0003.words", text)
    with pytest.raises(MigrationError, match=r"0003\.words\.sql asks for %\(word\)s, which this deployment lacks"):
        migrations.apply()
    word = "it's \\' %s; drop table words; --"
    Migrations(warehouse, migrations.directory, parameters={"word": word}).apply()
    assert warehouse.rows("select *, two() from words") == [{"a": word, "b;c": "100 %; it's --", "two": 2}]


def test_going_to_a_migration_works_in_both_directions(warehouse: PostgresWarehouse, migrations: Migrations) -> None:
    assert migrations.go_to("0001.noted") == ("0001.noted",)
    assert migrations.go_to("0002.row") == ("0002.row",)
    assert migrations.newer_than("0001.noted") == ("0002.row",)
    assert migrations.go_to("0001.noted") == ("0002.row",)
    assert values(warehouse) == []


def process(url: str, migrations: Migrations, act: str) -> subprocess.Popen[str]:
    """Another process, with its own `migrations` of the same files and database."""
    program = (
        "import os, sys; from pathlib import Path; from user_behaviour.migrations.migrations import Migrations; "
        "from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl; "
        f"migrations = Migrations(PostgresWarehouseByUrl(url=sys.argv[1]), Path(sys.argv[2])); {act}"
    )
    call = [sys.executable, "-c", program, url, str(migrations.directory)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True)


def test_processes_that_migrate_at_once_apply_each_migration_once(
    url: str, warehouse: PostgresWarehouse, migrations: Migrations
) -> None:
    """The first of them also makes the ledger."""
    calls = [process(url, migrations, "print(len(migrations.apply()))") for _ in range(3)]
    assert sorted(call.communicate(timeout=60)[0].strip() for call in calls) == ["0", "0", "2"]
    assert values(warehouse) == [1, 2]


def test_a_process_that_is_killed_leaves_no_lock(
    url: str, warehouse: PostgresWarehouse, migrations: Migrations
) -> None:
    with process(url, migrations, "migrations.apply(lambda _: os.kill(os.getpid(), 9))") as killed:
        assert killed.wait(timeout=60) == -9
    assert (migrations.apply(), values(warehouse)) == (("0002.row",), [1, 2])


def test_waiting_for_another_process_ends(
    warehouse: PostgresWarehouse, migrations: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.apply()
    monkeypatch.setattr(module, "LOCK_MINUTES", 0.001)
    with closing(warehouse.connect()) as other, other.cursor() as cursor:
        cursor.execute("lock table audit.yoyo_lock")
        with pytest.raises(MigrationError, match="Another process has been migrating for more than"):
            migrations.apply()
