"""The source, the local warehouse and Dagster's storage check themselves; logins are refused for real."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.examination import NEEDED_PRIVILEGES
from user_behaviour.instance.self_check import check_storage
from user_behaviour.local.stack import Stack
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.tables.schemas import RAW_PURCHASES
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.databases import elsewhere, execute, new_database
from user_behaviour_tests.doctor.said import marts_are_green, said


@pytest.fixture
def second(stack: Stack) -> Iterator[Callable[[str], str]]:
    """A second role, who may log in and nothing else; its URL for a database."""
    name, password = f"second_{secrets.token_hex(4)}", secrets.token_hex(8)
    admin = elsewhere(stack.endpoints().shop, user="postgres")
    execute(admin, f"create role {name} login password '{password}'")
    yield lambda url: elsewhere(url, user=name, password=password)
    execute(admin, f"drop role {name}")


def source(url: str) -> str:
    return said(PostgresSource(url=url, aws=Aws()).self_check(RAW_PURCHASES.without("batch_id")))


def warehouse(url: str, needed: Mapping[str, Sequence[str]] = NEEDED_PRIVILEGES) -> str:
    return said(PostgresWarehouseByUrl(url=url).self_check(needed))


PURCHASES = """
create schema retail;
create table retail.user_purchase (
    invoice_number varchar(10), stock_code varchar(20), detail varchar(1000), quantity int, invoice_date timestamp,
    unit_price numeric(8, 3), customer_id int, country varchar(20)
)
"""
READABLE = "✓ retail.user_purchase: can be read, with every column that the extraction wants"
AS_DECLARED = (
    "✓ columns: invoice_number varchar(10), stock_code varchar(20), detail varchar(1000), quantity int, "
    "invoice_date timestamp, unit_price decimal(8,3), customer_id int, country varchar(20): are read as they are"
)


def test_the_source_of_the_local_stack_is_green(stack: Stack) -> None:
    assert source(stack.endpoints().shop) == (
        f"✓ login: user_behaviour on shop\n{READABLE}\n{AS_DECLARED}\n"
        "✓ index: user_purchase_invoice_date serves a range of invoice_date"
    )


def test_a_source_without_the_table_a_column_or_the_index_is_told(stack: Stack) -> None:
    create = "Create retail.user_purchase as sql/schema/shop.sql does, as a view if need be, or correct the database."
    with new_database(stack.endpoints().warehouse) as url:
        absent = '✗ retail.user_purchase: relation "retail.user_purchase" does not exist'
        assert source(url).splitlines()[1:] == [absent, f"  {create}"]
        execute(url, PURCHASES)
        assert source(url).splitlines()[1:] == [
            READABLE,
            AS_DECLARED,
            "– index: none on invoice_date: each run reads the whole table",
            "  Better: create index on retail.user_purchase (invoice_date);",
        ]
        execute(url, "alter table retail.user_purchase drop column country")
        absent = '✗ retail.user_purchase: column "country" does not exist'
        assert source(url).splitlines()[1:] == [absent, f"  {create}"]


def test_columns_of_other_types_are_told_and_how_they_will_be_read(stack: Stack) -> None:
    wider = """create schema retail;
        create domain money_amount as numeric(12, 2);
        create table retail.user_purchase (invoice_number char(6), stock_code text, detail varchar(900),
            quantity smallint, invoice_date timestamptz, unit_price double precision, customer_id bigint,
            country varchar(20));
        create view retail.other as select invoice_number::text, stock_code, detail, quantity::numeric,
            invoice_date::date, unit_price::money_amount, customer_id, country from retail.user_purchase"""
    of_that = "any other value holds its day back"
    with new_database(stack.endpoints().warehouse, wider) as url:
        assert source(url).splitlines()[2:-2] == [
            "✓ columns: detail varchar(900), quantity smallint, country varchar(20): are read as they are",
            "– column invoice_number: is character(6), declared is varchar(10): "
            f"is read where varchar(10) holds exactly that value; {of_that}",
            "– column stock_code: is text, declared is varchar(20): "
            f"is read where varchar(20) holds exactly that value; {of_that}",
            "– column invoice_date: is timestamp with time zone, declared is timestamp: is read as the moment in UTC",
            "– column unit_price: is double precision, declared is decimal(8,3): is read as the shortest decimal that "
            f"it is written as, where decimal(8,3) holds exactly that value; {of_that}",
            f"– column customer_id: is bigint, declared is int: is read where int holds exactly that value; {of_that}",
        ]
        swap = "alter table retail.user_purchase rename to before; alter view retail.other rename to user_purchase"
        execute(url, swap)
        assert source(url).splitlines()[3:7] == [
            "– column invoice_number: is text, declared is varchar(10): "
            f"is read where varchar(10) holds exactly that value; {of_that}",
            "– column stock_code: is text, declared is varchar(20): "
            f"is read where varchar(20) holds exactly that value; {of_that}",
            f"– column quantity: is decimal, declared is int: is read where int holds exactly that value; {of_that}",
            "– column invoice_date: is date, declared is timestamp: is read as the day's midnight",
        ]


@pytest.mark.parametrize(
    ("asked", "mark"), [("", "– TLS: sslmode is prefer"), ("?sslmode=verify-full", "✓ TLS: sslmode is verify-full")]
)
def test_a_url_by_which_any_server_would_get_the_password_is_told(stack: Stack, asked: str, mark: str) -> None:
    """Libpq by itself asks for TLS and looks at no certificate; on this machine there is nobody between."""
    url = elsewhere(stack.endpoints().shop, host="nowhere.invalid") + asked
    for told in (source(url), said(check_storage(url))):
        assert told.startswith(mark)
    assert "TLS" not in source(stack.endpoints().shop)


@pytest.mark.parametrize(
    ("parts", "found", "remedy"),
    [
        (
            {"password": "wrong"},
            'password authentication failed for user "user_behaviour"',
            "Correct the user or the password (VARIABLE).",
        ),
        ({"port": "9"}, "Connection refused", "Start the server, or correct host and port (VARIABLE)."),
        (
            {"host": "nowhere.invalid"},
            'could not translate host name "nowhere.invalid"',
            "Correct the host (VARIABLE); private names resolve only inside their VPC.",
        ),
        ({"database": "shopp"}, 'database "shopp" does not exist', "Create it, or correct its name (VARIABLE)."),
    ],
)
def test_a_login_that_fails_says_what_to_correct(stack: Stack, parts: dict[str, str], found: str, remedy: str) -> None:
    url = elsewhere(stack.endpoints().shop, **parts).replace("/shop", f"/{parts.get('database', 'shop')}")
    for told, variable in (
        (source(url), "USER_BEHAVIOUR_SOURCE_URL"),
        (said(check_storage(url)), "USER_BEHAVIOUR_DAGSTER_URL"),
    ):
        assert "✗ login: " in told
        assert found in told
        assert told.endswith(f"\n  {remedy.replace('VARIABLE', variable)}")
        assert urlsplit(stack.endpoints().shop).password not in told


def test_a_second_role_without_select_on_the_source_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with new_database(stack.endpoints().warehouse, PURCHASES) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        remedy = f"grant usage on schema retail to {user}; grant select on retail.user_purchase to {user};"
        for denied, grant in (
            ("schema retail", f"grant usage on schema retail to {user}"),
            ("table user_purchase", f"grant select on retail.user_purchase to {user}"),
        ):
            assert source(as_second).splitlines()[1:] == [
                f"✗ retail.user_purchase: permission denied for {denied}",
                f"  As the owner: {remedy}",
            ]
            execute(url, grant)
        assert READABLE in source(as_second)


def test_the_local_warehouse_is_green(stack: Stack) -> None:
    login, version, *rest = warehouse(stack.endpoints().warehouse).splitlines()
    assert login == "✓ login: user_behaviour on warehouse"
    assert version.startswith("✓ version: PostgreSQL 18.")
    assert rest == [
        "✓ public.user_behavior_metric: user_behaviour may select, insert, delete",
        "✓ audit.published_partition: user_behaviour may select, insert, delete",
        "✓ audit.restatement: user_behaviour may select, insert",
        "✓ audit.superseded_metric: user_behaviour may select, insert, delete",
        *marts_are_green("user_behaviour"),
        "✓ audit.writer_lock: user_behaviour may select, insert, update, delete",
    ]


def test_a_warehouse_without_tables_is_red(stack: Stack) -> None:
    with new_database(stack.endpoints().warehouse) as url:
        assert warehouse(url).splitlines()[2:] == [
            line
            for subject in ("schema audit", "schema marts", "schema intermediate", *NEEDED_PRIVILEGES)
            for line in (f"✗ {subject}: is not there", "  Run `user-behaviour migrate`.")
        ]


def test_a_second_role_on_the_warehouse_is_told_each_grant(stack: Stack, second: Callable[[str], str]) -> None:
    tables = (
        "create table public.user_behavior_metric (customerid int)",
        "create schema audit",
        "create table audit.published_partition (table_name text)",
        "create table audit.restatement (insert_date date)",
        "create table audit.superseded_metric (insert_date date)",
        "create table audit.writer_lock (table_name text)",
    )
    needed = {name: verbs for name, verbs in NEEDED_PRIVILEGES.items() if any(name in table for table in tables)}
    with new_database(stack.endpoints().warehouse, *tables) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        execute(url, f"grant select on public.user_behavior_metric to {user}")
        assert warehouse(as_second, needed).splitlines()[2:] == [
            f"✗ schema audit: {user} may not use it",
            f"  As the owner: grant usage on schema audit to {user};",
            f"✗ public.user_behavior_metric: {user} may not insert, delete",
            f"  As the owner: grant insert, delete on public.user_behavior_metric to {user};",
            "– audit.published_partition: cannot be seen without its schema",
            f"  As the owner: grant select, insert, delete on audit.published_partition to {user};",
            "– audit.restatement: cannot be seen without its schema",
            f"  As the owner: grant select, insert on audit.restatement to {user};",
            "– audit.superseded_metric: cannot be seen without its schema",
            f"  As the owner: grant select, insert, delete on audit.superseded_metric to {user};",
            "– audit.writer_lock: cannot be seen without its schema",
            f"  As the owner: grant select, insert, update, delete on audit.writer_lock to {user};",
        ]
        audit = "audit.published_partition, audit.restatement, audit.superseded_metric"
        tables_of_runs = f"public.user_behavior_metric, {audit}"
        execute(
            url, f"grant usage on schema audit to {user}", f"grant select, insert, delete on {tables_of_runs} to {user}"
        )
        assert warehouse(as_second, needed).splitlines()[2:] == [
            f"✓ public.user_behavior_metric: {user} may select, insert, delete",
            f"✓ audit.published_partition: {user} may select, insert, delete",
            f"✓ audit.restatement: {user} may select, insert",
            f"✓ audit.superseded_metric: {user} may select, insert, delete",
            f"✗ audit.writer_lock: {user} may not select, insert, update, delete",
            f"  As the owner: grant select, insert, update, delete on audit.writer_lock to {user};",
        ]


def test_dagsters_storage_is_green_before_and_after_its_tables(stack: Stack) -> None:
    with new_database(stack.endpoints().warehouse) as url:
        assert said(check_storage(url.replace("postgresql://", "postgresql+psycopg2://"))).splitlines() == [
            f"✓ login: user_behaviour on {urlsplit(url).path[1:]}",
            "✓ tables: are not there yet; Dagster may create them",
            "✓ connections: 100 at most",
        ]
        execute(url, "create table runs (id int)", "create table event_logs (id int)")
        assert said(check_storage(url)).splitlines()[1] == "✓ tables: are there"


def test_a_storage_in_which_nothing_may_be_created_is_red(stack: Stack, second: Callable[[str], str]) -> None:
    with new_database(stack.endpoints().warehouse) as url:
        as_second = second(url)
        user = urlsplit(as_second).username
        execute(elsewhere(url, user="postgres"), f"alter role {user} connection limit 5")
        assert said(check_storage(as_second)).splitlines()[1:] == [
            f"✗ tables: are not there, and {user} may not create them",
            f"  As the owner: grant create on schema public to {user};",
            "– connections: 5 at most",
            "  Better: 50, as each run and each process of Dagster keeps some.",
        ]
