"""The doctor on the databases: the source, the local warehouse, Dagster's storage; logins refused for real."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.doctor.dagster_storage import examine_dagster_storage
from user_behaviour.doctor.external_tables import examine_external_tables
from user_behaviour.doctor.findings import Finding
from user_behaviour.doctor.source import examine_source
from user_behaviour.doctor.warehouse import examine_warehouse
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl

Told = tuple[str, bool | None, str, str]


def told(findings: Iterable[Finding]) -> list[Told]:
    return [(finding.subject, finding.ok, finding.found, finding.remedy) for finding in findings]


def execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)


@contextmanager
def database(url: str, *statements: str) -> Iterator[str]:
    """A new database on the server of the URL, with what the statements make in it."""
    name = f"doctor_{secrets.token_hex(4)}"
    execute(url, f"create database {name}")
    made = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    try:
        execute(made, *statements)
        yield made
    finally:
        execute(url, f"drop database {name} with (force)")


def elsewhere(url: str, **parts: str) -> str:
    """The URL with another user, password, host or port."""
    split = urlsplit(url)
    found = {"user": split.username, "password": split.password, "host": split.hostname, "port": split.port, **parts}
    return urlunsplit(split._replace(netloc="{user}:{password}@{host}:{port}".format(**found)))


PURCHASES = """
create schema retail;
create table retail.user_purchase (
    invoice_number varchar(10), stock_code varchar(20), detail varchar(1000), quantity int, invoice_date timestamp,
    unit_price numeric(8, 3), customer_id int, country varchar(20)
)
"""


def test_the_source_of_the_local_stack_is_green(stack: Stack) -> None:
    assert told(examine_source(PostgresSource(url=stack.endpoints().shop, aws=Aws()))) == [
        ("login", True, "user_behaviour on shop", ""),
        ("retail.user_purchase", True, "can be read, with every column that the extraction wants", ""),
        ("index", True, "user_purchase_invoice_date serves a range of invoice_date", ""),
    ]


def test_a_source_without_the_table_a_column_or_the_index_is_told(stack: Stack) -> None:
    with database(stack.endpoints().shop) as url:
        assert told(examine_source(PostgresSource(url=url, aws=Aws())))[1:] == [
            (
                "retail.user_purchase",
                False,
                'relation "retail.user_purchase" does not exist',
                "Create retail.user_purchase as sql/schema/shop.sql does, as a view if need be, or correct the "
                "database.",
            )
        ]
        execute(url, PURCHASES)
        assert told(examine_source(PostgresSource(url=url, aws=Aws())))[2:] == [
            (
                "index",
                None,
                "none on invoice_date: each run reads the whole table",
                "Better: create index on retail.user_purchase (invoice_date);",
            )
        ]
        execute(url, "alter table retail.user_purchase drop column country")
        assert told(examine_source(PostgresSource(url=url, aws=Aws())))[1][1:3] == (
            False,
            'column "country" does not exist',
        )


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
    ],
)
def test_a_login_that_fails_says_what_to_correct(stack: Stack, parts: dict[str, str], found: str, remedy: str) -> None:
    url = elsewhere(stack.endpoints().shop, **parts)
    ((subject, ok, said, advice),) = told(examine_source(PostgresSource(url=url, aws=Aws())))
    assert (subject, ok, advice) == ("login", False, remedy)
    assert found in said
    assert stack.endpoints().shop.split(":")[2].split("@")[0] not in said


def test_a_database_that_is_not_there_is_told(stack: Stack) -> None:
    url = stack.endpoints().shop.replace("/shop", "/shopp")
    ((_, ok, found, remedy),) = told(examine_source(PostgresSource(url=url, aws=Aws())))
    assert (ok, remedy) == (False, "Create it, or correct its name (USER_BEHAVIOUR_SOURCE_URL).")
    assert 'database "shopp" does not exist' in found


@pytest.fixture
def second(stack: Stack) -> Iterator[Callable[[str], str]]:
    """A second role, who may log in and nothing else; its URL for a database."""
    name, password = f"second_{secrets.token_hex(4)}", secrets.token_hex(8)
    admin = elsewhere(stack.endpoints().shop, user="postgres")
    execute(admin, f"create role {name} login password '{password}'")
    yield lambda url: elsewhere(url, user=name, password=password)
    execute(admin, f"drop role {name}")


def test_a_second_role_without_select_on_the_source_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with database(stack.endpoints().shop, PURCHASES) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        remedy = (
            f"As the owner: grant usage on schema retail to {user}; grant select on retail.user_purchase to {user};"
        )
        assert told(examine_source(PostgresSource(url=as_second, aws=Aws())))[1] == (
            "retail.user_purchase",
            False,
            "permission denied for schema retail",
            remedy,
        )
        execute(url, f"grant usage on schema retail to {user}")
        assert (
            told(examine_source(PostgresSource(url=as_second, aws=Aws())))[1][2]
            == "permission denied for table user_purchase"
        )
        execute(url, f"grant select on retail.user_purchase to {user}")
        assert told(examine_source(PostgresSource(url=as_second, aws=Aws())))[1][1] is True


def test_the_local_warehouse_is_green(stack: Stack) -> None:
    found = told(examine_warehouse(PostgresWarehouseByUrl(url=stack.endpoints().warehouse)))
    assert found[0] == ("login", True, "user_behaviour on warehouse", "")
    assert found[1][2].startswith("PostgreSQL 18.")
    assert found[2:] == [
        ("public.user_behavior_metric", True, "user_behaviour may select, insert, delete", ""),
        ("audit.published_partition", True, "user_behaviour may select, insert, delete", ""),
        ("audit.writer_lock", True, "user_behaviour may select, insert, update, delete", ""),
    ]


def test_a_warehouse_without_tables_is_red(stack: Stack) -> None:
    with database(stack.endpoints().warehouse) as url:
        assert [one for one in told(examine_warehouse(PostgresWarehouseByUrl(url=url))) if not one[1]] == [
            ("schema audit", False, "is not there", "Run `user-behaviour migrate`."),
            ("public.user_behavior_metric", False, "is not there", "Run `user-behaviour migrate`."),
            ("audit.published_partition", False, "is not there", "Run `user-behaviour migrate`."),
            ("audit.writer_lock", False, "is not there", "Run `user-behaviour migrate`."),
        ]


def test_a_second_role_on_the_warehouse_is_told_each_grant(stack: Stack, second: Callable[[str], str]) -> None:
    tables = (
        "create table public.user_behavior_metric (customerid int)",
        "create schema audit",
        "create table audit.published_partition (table_name text)",
        "create table audit.writer_lock (table_name text)",
    )
    with database(stack.endpoints().warehouse, *tables) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        execute(url, f"grant select on public.user_behavior_metric to {user}")
        assert [one for one in told(examine_warehouse(PostgresWarehouseByUrl(url=as_second))) if not one[1]] == [
            ("schema audit", False, f"{user} may not use it", f"As the owner: grant usage on schema audit to {user};"),
            (
                "public.user_behavior_metric",
                False,
                f"{user} may not insert, delete",
                f"As the owner: grant insert, delete on public.user_behavior_metric to {user};",
            ),
            (
                "audit.published_partition",
                None,
                "cannot be seen without its schema",
                f"As the owner: grant select, insert, delete on audit.published_partition to {user};",
            ),
            (
                "audit.writer_lock",
                None,
                "cannot be seen without its schema",
                f"As the owner: grant select, insert, update, delete on audit.writer_lock to {user};",
            ),
        ]
        execute(
            url,
            f"grant usage on schema audit to {user}",
            f"grant select, insert, delete on public.user_behavior_metric, audit.published_partition to {user}",
        )
        assert [one for one in told(examine_warehouse(PostgresWarehouseByUrl(url=as_second))) if not one[1]] == [
            (
                "audit.writer_lock",
                False,
                f"{user} may not select, insert, update, delete",
                f"As the owner: grant select, insert, update, delete on audit.writer_lock to {user};",
            )
        ]


def test_local_external_tables_are_compared_with_the_schemas(stack: Stack) -> None:
    good, lake = PostgresWarehouseByUrl(url=stack.endpoints().warehouse), LocalLake(root=str(stack.home / "lake"))
    assert told(examine_external_tables(PostgresExternalTables(warehouse=good), lake, good)) == [
        ("spectrum.user_purchase_staging", True, "is as declared", ""),
        ("spectrum.movie_review_clean_stage", True, "is as declared", ""),
    ]
    with database(stack.endpoints().warehouse) as url:
        bare = PostgresWarehouseByUrl(url=url)
        assert told(examine_external_tables(PostgresExternalTables(warehouse=bare), lake, bare))[0] == (
            "spectrum.user_purchase_staging",
            False,
            "spectrum.user_purchase_staging does not exist",
            "The migrations make it: `user-behaviour migrate`.",
        )


def test_dagsters_storage_is_green_before_and_after_its_tables(stack: Stack) -> None:
    with database(stack.endpoints().dagster) as url:
        name = urlsplit(url).path[1:]
        assert told(examine_dagster_storage(url.replace("postgresql://", "postgresql+psycopg2://"))) == [
            ("login", True, f"user_behaviour on {name}", ""),
            ("tables", True, "are not there yet; Dagster may create them", ""),
            ("connections", True, "100 at most", ""),
        ]
        execute(url, "create table runs (id int)", "create table event_logs (id int)")
        assert told(examine_dagster_storage(url))[1] == ("tables", True, "are there", "")


def test_a_storage_in_which_nothing_may_be_created_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with database(stack.endpoints().dagster) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        execute(elsewhere(stack.endpoints().dagster, user="postgres"), f"alter role {user} connection limit 5")
        assert told(examine_dagster_storage(as_second))[1:] == [
            (
                "tables",
                False,
                f"are not there, and {user} may not create them",
                f"As the owner: grant create on schema public to {user};",
            ),
            ("connections", None, "5 at most", "Better: 50, as each run and each process of Dagster keeps some."),
        ]
