"""The source, the local warehouse and Dagster's storage check themselves; logins are refused for real."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.examination import NEEDED
from user_behaviour.instance.self_check import check_storage
from user_behaviour.local.stack import Stack
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.doctor.told import Told, not_good, told

MIGRATE = "Run `user-behaviour migrate`."


def execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)


@contextmanager
def database(stack: Stack, *statements: str) -> Iterator[str]:
    """A new database, with what the statements make in it; dropped by the superuser, whoever is still leaving it."""
    url, name = stack.endpoints().warehouse, f"doctor_{secrets.token_hex(4)}"
    execute(url, f"create database {name}")
    made = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    try:
        execute(made, *statements)
        yield made
    finally:
        execute(elsewhere(url, user="postgres"), f"drop database {name} with (force)")


def elsewhere(url: str, **parts: str) -> str:
    """The URL with another user, password, host or port."""
    split = urlsplit(url)
    found = {"user": split.username, "password": split.password, "host": split.hostname, "port": split.port, **parts}
    return urlunsplit(split._replace(netloc="{user}:{password}@{host}:{port}".format(**found)))


@pytest.fixture
def second(stack: Stack) -> Iterator[Callable[[str], str]]:
    """A second role, who may log in and nothing else; its URL for a database."""
    name, password = f"second_{secrets.token_hex(4)}", secrets.token_hex(8)
    admin = elsewhere(stack.endpoints().shop, user="postgres")
    execute(admin, f"create role {name} login password '{password}'")
    yield lambda url: elsewhere(url, user=name, password=password)
    execute(admin, f"drop role {name}")


def source(url: str) -> list[Told]:
    return told(PostgresSource(url=url, aws=Aws()).self_check())


def warehouse(url: str) -> list[Told]:
    return told(PostgresWarehouseByUrl(url=url).self_check(NEEDED))


PURCHASES = """
create schema retail;
create table retail.user_purchase (
    invoice_number varchar(10), stock_code varchar(20), detail varchar(1000), quantity int, invoice_date timestamp,
    unit_price numeric(8, 3), customer_id int, country varchar(20)
)
"""


def test_the_source_of_the_local_stack_is_green(stack: Stack) -> None:
    assert source(stack.endpoints().shop) == [
        ("login", True, "user_behaviour on shop", ""),
        ("retail.user_purchase", True, "can be read, with every column that the extraction wants", ""),
        ("index", True, "user_purchase_invoice_date serves a range of invoice_date", ""),
    ]


def test_a_source_without_the_table_a_column_or_the_index_is_told(stack: Stack) -> None:
    create = "Create retail.user_purchase as sql/schema/shop.sql does, as a view if need be, or correct the database."
    index = "Better: create index on retail.user_purchase (invoice_date);"
    with database(stack) as url:
        absent = 'relation "retail.user_purchase" does not exist'
        assert source(url)[1:] == [("retail.user_purchase", False, absent, create)]
        execute(url, PURCHASES)
        assert source(url)[2:] == [("index", None, "none on invoice_date: each run reads the whole table", index)]
        execute(url, "alter table retail.user_purchase drop column country")
        assert source(url)[1:] == [("retail.user_purchase", False, 'column "country" does not exist', create)]


@pytest.mark.parametrize(
    ("parts", "found", "remedy"),
    [
        (
            {"password": "wrong"},
            'password authentication failed for user "user_behaviour"',
            "Correct the user or the password (USER_BEHAVIOUR_SOURCE_URL).",
        ),
        (
            {"port": "9"},
            "Connection refused",
            "Start the server, or correct host and port (USER_BEHAVIOUR_SOURCE_URL).",
        ),
        (
            {"host": "nowhere.invalid"},
            'could not translate host name "nowhere.invalid"',
            "Correct the host (USER_BEHAVIOUR_SOURCE_URL); private names resolve only inside their VPC.",
        ),
        (
            {"database": "shopp"},
            'database "shopp" does not exist',
            "Create it, or correct its name (USER_BEHAVIOUR_SOURCE_URL).",
        ),
    ],
)
def test_a_login_that_fails_says_what_to_correct(stack: Stack, parts: dict[str, str], found: str, remedy: str) -> None:
    url = elsewhere(stack.endpoints().shop, **parts).replace("/shop", f"/{parts.get('database', 'shop')}")
    ((subject, ok, said, advice),) = source(url)
    assert (subject, ok, advice) == ("login", False, remedy)
    assert found in said
    assert stack.endpoints().shop.split(":")[2].split("@")[0] not in said


def test_a_second_role_without_select_on_the_source_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with database(stack, PURCHASES) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        grant = f"As the owner: grant usage on schema retail to {user}; grant select on retail.user_purchase to {user};"
        denied = "permission denied for schema retail"
        assert source(as_second)[1:] == [("retail.user_purchase", False, denied, grant)]
        execute(url, f"grant usage on schema retail to {user}")
        denied = "permission denied for table user_purchase"
        assert source(as_second)[1:] == [("retail.user_purchase", False, denied, grant)]
        execute(url, f"grant select on retail.user_purchase to {user}")
        assert source(as_second)[1][1] is True


def test_the_local_warehouse_is_green(stack: Stack) -> None:
    login, version, *rest = warehouse(stack.endpoints().warehouse)
    assert login == ("login", True, "user_behaviour on warehouse", "")
    assert version[2].startswith("PostgreSQL 18.")
    assert rest == [
        ("public.user_behavior_metric", True, "user_behaviour may select, insert, delete", ""),
        ("audit.published_partition", True, "user_behaviour may select, insert, delete", ""),
        ("audit.writer_lock", True, "user_behaviour may select, insert, update, delete", ""),
    ]


def test_a_warehouse_without_tables_is_red(stack: Stack) -> None:
    with database(stack) as url:
        assert not_good(PostgresWarehouseByUrl(url=url).self_check(NEEDED)) == [
            ("schema audit", False, "is not there", MIGRATE),
            ("public.user_behavior_metric", False, "is not there", MIGRATE),
            ("audit.published_partition", False, "is not there", MIGRATE),
            ("audit.writer_lock", False, "is not there", MIGRATE),
        ]


def test_a_second_role_on_the_warehouse_is_told_each_grant(stack: Stack, second: Callable[[str], str]) -> None:
    tables = (
        "create table public.user_behavior_metric (customerid int)",
        "create schema audit",
        "create table audit.published_partition (table_name text)",
        "create table audit.writer_lock (table_name text)",
    )
    with database(stack, *tables) as url:
        as_second = PostgresWarehouseByUrl(url=second(url))
        user = urlsplit(second(url)).username
        owner, unseen = "As the owner: grant", "cannot be seen without its schema"
        execute(url, f"grant select on public.user_behavior_metric to {user}")
        assert not_good(as_second.self_check(NEEDED)) == [
            ("schema audit", False, f"{user} may not use it", f"{owner} usage on schema audit to {user};"),
            (
                "public.user_behavior_metric",
                False,
                f"{user} may not insert, delete",
                f"{owner} insert, delete on public.user_behavior_metric to {user};",
            ),
            (
                "audit.published_partition",
                None,
                unseen,
                f"{owner} select, insert, delete on audit.published_partition to {user};",
            ),
            (
                "audit.writer_lock",
                None,
                unseen,
                f"{owner} select, insert, update, delete on audit.writer_lock to {user};",
            ),
        ]
        execute(
            url,
            f"grant usage on schema audit to {user}",
            f"grant select, insert, delete on public.user_behavior_metric, audit.published_partition to {user}",
        )
        assert not_good(as_second.self_check(NEEDED)) == [
            (
                "audit.writer_lock",
                False,
                f"{user} may not select, insert, update, delete",
                f"{owner} select, insert, update, delete on audit.writer_lock to {user};",
            )
        ]


def test_dagsters_storage_is_green_before_and_after_its_tables(stack: Stack) -> None:
    with database(stack) as url:
        name = urlsplit(url).path[1:]
        assert told(check_storage(url.replace("postgresql://", "postgresql+psycopg2://"))) == [
            ("login", True, f"user_behaviour on {name}", ""),
            ("tables", True, "are not there yet; Dagster may create them", ""),
            ("connections", True, "100 at most", ""),
        ]
        execute(url, "create table runs (id int)", "create table event_logs (id int)")
        assert told(check_storage(url))[1] == ("tables", True, "are there", "")


def test_a_storage_in_which_nothing_may_be_created_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with database(stack) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        execute(elsewhere(url, user="postgres"), f"alter role {user} connection limit 5")
        assert told(check_storage(as_second))[1:] == [
            (
                "tables",
                False,
                f"are not there, and {user} may not create them",
                f"As the owner: grant create on schema public to {user};",
            ),
            ("connections", None, "5 at most", "Better: 50, as each run and each process of Dagster keeps some."),
        ]


def test_a_login_to_dagsters_storage_that_fails_names_its_setting(stack: Stack) -> None:
    url = elsewhere(stack.endpoints().dagster, port="9")
    ((subject, ok, _, remedy),) = told(check_storage(url))
    assert (subject, ok) == ("login", False)
    assert remedy == "Start the server, or correct host and port (USER_BEHAVIOUR_DAGSTER_URL)."
