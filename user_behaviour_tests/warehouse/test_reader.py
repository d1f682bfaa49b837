"""The user by whom `query` works: reads what is published, and fails at whatever would write, on both warehouses."""

import contextlib
import re

import psycopg2
import pytest

from user_behaviour.commands.questions import answer
from user_behaviour.doctor.examination import READ
from user_behaviour.local.roles import EmbeddedWarehouse
from user_behaviour.local.stack import Stack
from user_behaviour.warehouse.warehouse import NoReaderError
from user_behaviour_tests.doctor.said import said
from user_behaviour_tests.warehouse.conftest import DELETE, KEPT, OWNER, ROLE, Twin, users_of


def test_the_reader_reads_what_is_published(twin: Twin) -> None:
    sql = "select customerid, amount_spent from public.user_behavior_metric, spectrum.user_purchase_staging"

    assert answer(twin.warehouse.reader(), sql) == (["customerid", "amount_spent"], [])
    assert answer(twin.warehouse.reader(), KEPT) == (["rows"], [(1,)])


def test_rights_are_given_anew_to_whom_has_them_and_for_the_tables_of_a_later_migration(on_redshift: Twin) -> None:
    on_redshift.execute("create table audit.of_a_later_migration (day date)")
    users = users_of(on_redshift, "IAMR:Pipeline")

    assert users.let_in() == users.let_in() == ["IAMR:Pipeline", "user_behaviour_reader"]

    may = "select has_table_privilege('IAMR:Pipeline', 'audit.of_a_later_migration', 'select') as may"
    assert on_redshift.warehouse.rows(may) == [{"may": True}]
    assert answer(on_redshift.warehouse.reader(), KEPT) == (["rows"], [(1,)])


ATTACKS = [
    DELETE,
    f"commit; {DELETE}",
    f"rollback; begin read write; {DELETE}; commit",
    f"commit; set session authorization {OWNER}; begin read write; {DELETE}; commit",
    f"commit; set role {OWNER}; begin read write; {DELETE}; commit",
    "commit; begin read write; update public.user_behavior_metric set review_count = 9; commit",
    "commit; begin read write; insert into audit.writer_lock values ('x'); commit",
    "commit; begin read write; lock table audit.writer_lock; commit",
    "commit; begin read write; drop table public.user_behavior_metric; commit",
    "commit; begin read write; create table public.mine (n int); commit",
    "commit; begin read write; create schema mine; commit",
    f"commit; begin read write; grant {OWNER} to user_behaviour_reader; commit",
    "select * from audit.writer_lock",
    "commit; begin read write; delete from audit.superseded_metric; commit",
    "commit; begin read write; update audit.restatement set cause = 'none'; commit",
    "commit; begin read write; create table audit.mine (n int); commit",
]
ATTACKS_ON_POSTGRESQL = [
    "commit; begin read write; alter table public.user_behavior_metric owner to user_behaviour_reader; commit",
    "commit; begin read write; truncate public.user_behavior_metric; commit",
    "commit; begin read write; copy (select 1) to program 'touch /tmp/written'; commit",
    "commit; begin read write; copy (select 1) to '/tmp/written'; commit",
    "commit; begin read write; select lo_import('/etc/hostname'); commit",
    "commit; begin read write; select lo_create(0); commit",
    "commit; begin read write; select lo_creat(-1); commit",
    "commit; begin read write; select lo_from_bytea(0, 'a text'); commit",
    "commit; begin read write; alter role user_behaviour_reader superuser; commit",
    "commit; begin read write; do $$ begin delete from public.user_behavior_metric; end $$; commit",
    "select pg_read_file('PG_VERSION')",
]
UNLOADS = ["{}", "commit; {}", "commit; begin read write; {}; commit"]


@pytest.mark.parametrize("sql", ATTACKS)
def test_a_text_that_would_write_fails_and_changes_nothing(twin: Twin, sql: str) -> None:
    """`commit; begin read write; delete …` once deleted: a read-only transaction is a courtesy, a user is a right."""
    require_refused(twin, sql)


@pytest.mark.parametrize("sql", ATTACKS_ON_POSTGRESQL)
def test_what_only_postgresql_could_write_fails_too(on_postgres: Twin, sql: str) -> None:
    require_refused(on_postgres, sql)


@pytest.mark.parametrize("twin", ["on_redshift"], indirect=True)
@pytest.mark.parametrize("around", UNLOADS)
def test_nothing_can_be_unloaded_to_s3(twin: Twin, around: str) -> None:
    require_refused(twin, around.format(twin.unload))


def test_what_the_reader_does_to_itself_ends_with_the_query(stack: Stack) -> None:
    """PostgreSQL lets a role change its own password and settings: every later reader was locked out."""
    warehouse = EmbeddedWarehouse(home=str(stack.home))
    role = "alter role user_behaviour_reader"
    with contextlib.suppress(psycopg2.Error):
        answer(
            warehouse.reader(), f"commit; begin read write; {role} password 'x'; {role} set datestyle='German'; commit"
        )
    assert answer(warehouse.reader(), "select date '2010-12-01'::text as day") == (["day"], [("2010-12-01",)])


def require_refused(twin: Twin, sql: str) -> None:
    before = twin.state()
    with pytest.raises(psycopg2.Error) as caught:
        answer(twin.warehouse.reader(), sql)
    assert re.search("permission denied|must be owner|read-only|unrecognized|Only roles with", str(caught.value))
    assert twin.state() == before


def test_the_doctor_is_content_with_a_reader_who_only_reads(twin: Twin) -> None:
    login, *found = said(twin.warehouse.reader_check(READ)).splitlines()
    assert login.startswith("✓ login: user_behaviour_reader on ")
    assert found == [
        *(f"✓ {table}: user_behaviour_reader may select" for table in READ),
        "✓ reads only: user_behaviour_reader may change nothing",
    ]


def test_the_doctor_says_what_a_reader_may_do_beyond_reading(twin: Twin) -> None:
    wrong = ["insert, delete on audit.writer_lock", "create on schema public"]
    twin.execute(*(f"grant {right} to user_behaviour_reader" for right in wrong))
    if twin.unload:
        twin.execute(f"grant assumerole on '{ROLE}' to user_behaviour_reader for copy, unload")
    try:
        *_, found, remedy = said(twin.warehouse.reader_check(READ)).splitlines()
    finally:
        twin.execute(*(f"revoke {right} from user_behaviour_reader" for right in wrong))
    assert found == (
        "✗ reads only: no: user_behaviour_reader may create in public, delete on audit.writer_lock, "
        "insert on audit.writer_lock" + (f", unload to S3 by {ROLE}" if twin.unload else "")
    )
    assert remedy.endswith("docs/aws.md says how.")


def test_a_warehouse_without_a_reader_says_so_and_asks_nothing(on_redshift: Twin) -> None:
    without = on_redshift.warehouse.model_copy(update={"reader_password": ""})

    with pytest.raises(
        NoReaderError, match=r"make one as docs/aws\.md says, and set USER_BEHAVIOUR_REDSHIFT_READER_PASS"
    ):
        without.reader()
    assert said(without.reader_check(READ)).splitlines()[0].startswith("✗ login: No user of Redshift who can only read")


def test_a_reader_whose_password_is_wrong_names_his_own_settings(on_redshift: Twin) -> None:
    wrong = on_redshift.warehouse.model_copy(update={"reader_password": "cAnArY"})

    found, remedy = said(wrong.reader_check(READ)).splitlines()
    assert found.endswith('FATAL:  password authentication failed for user "user_behaviour_reader"')
    assert remedy == ("  Correct the user or the password (USER_BEHAVIOUR_REDSHIFT_READER_USER, …_READER_PASSWORD).")
