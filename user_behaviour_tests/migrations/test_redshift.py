"""The migrations of Redshift on the stand-in: up and down, outside of transactions where they must, and their drift."""

import re
from collections.abc import Iterator

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations.migrations import MIGRATIONS, MigrationError, Migrations
from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import GLUE, OwnRedshift, own_redshift
from user_behaviour_tests.migrations import IDS

METRIC = "public.user_behavior_metric"


@pytest.fixture(scope="module")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[OwnRedshift]:
    with own_redshift(stack, cloud) as redshift:
        yield redshift


@pytest.fixture
def migrated(redshift: OwnRedshift) -> Iterator[OwnRedshift]:
    """With its external tables; taken back at the end."""
    redshift.migrate()
    yield redshift
    redshift.migrations.roll_back(len(IDS))


def test_redshift_goes_up_and_down_and_up_again(redshift: OwnRedshift) -> None:
    audit = ("published_partition", "restatement", "superseded_metric", "writer_lock")
    made = {*(f"audit.{table}" for table in audit), *(table.name for table in WAREHOUSE_TABLES)}
    external = "select schemaname, databasename from svv_external_schemas"
    for _ in (1, 2):
        assert (redshift.migrations.apply(), redshift.tables()) == (IDS, made)
        assert redshift.warehouse.rows(external) == [{"schemaname": "spectrum", "databasename": GLUE}]
        assert redshift.migrations.apply() == ()
        assert (redshift.migrations.roll_back(len(IDS)), redshift.tables()) == (IDS[::-1], set())
        assert redshift.warehouse.rows(external) == []


def test_another_layout_is_reported_property_by_property(migrated: OwnRedshift) -> None:
    assert migrated.findings() == []
    text = (MIGRATIONS / "redshift" / f"{IDS[2]}.sql").read_text()
    for there, instead in (
        ("diststyle key distkey (customerid)", "diststyle even"),
        ("compound sortkey (insert_date)", "compound sortkey (customerid, insert_date)"),
        ("amount_spent decimal(18, 5) not null encode az64", "amount_spent decimal(18, 5) not null encode zstd"),
        ("insert_date date not null encode raw", "insert_date date not null encode az64"),
    ):
        assert there in text
        text = text.replace(there, instead)
    migrated.execute(f"drop table {METRIC}")
    migrated.execute(text)
    migrated.execute("drop table audit.writer_lock")
    migrated.execute("create table audit.writer_lock (table_name varchar(127) not null)")  # Redshift lays it out itself
    assert migrated.findings() == [
        "Table audit.writer_lock is distributed AUTO(ALL), and not ALL.",
        f"Table {METRIC} is distributed EVEN, and not KEY(customerid).",
        f"Table {METRIC} is sorted by customerid, insert_date, and not by insert_date.",
        f"Column amount_spent of table {METRIC} is encoded zstd, and not az64.",
        f"Column insert_date of table {METRIC} is encoded az64, and not raw.",
    ]


def test_an_external_table_or_schema_that_differs_or_is_missing(migrated: OwnRedshift, cloud: Cloud) -> None:
    cloud.aws.client("glue").delete_table(DatabaseName=GLUE, Name="movie_review_clean_stage")
    missing = "The external table spectrum.movie_review_clean_stage is missing; `user-behaviour migrate` defines it."
    elsewhere = f"The external schema spectrum shows the Glue database {GLUE}, and not other."
    assert (migrated.findings(), migrated.findings("other")) == ([missing], [elsewhere, missing])
    migrated.migrate()
    assert migrated.findings() == []


def test_the_external_schema_is_made_in_no_transaction_by_the_role_of_the_deployment(redshift: OwnRedshift) -> None:
    role = "arn:aws:iam::123456789012:role/spectrum"
    values = {"glue_database": GLUE, "iam_role": RoleParameter(role)}
    migrations = Migrations(redshift.warehouse, MIGRATIONS / "redshift", parameters=values)
    mark = len(redshift.stand_in.statements)
    migrations.apply()
    executed = redshift.stand_in.statements[mark:]
    assert {
        match[0]: statement.in_transaction
        for statement in executed
        if (match := re.search(r"create (external schema|table (audit\.[pw]|public)\S+)", statement.text))
    } == {
        "create table audit.writer_lock": True,
        "create table audit.published_partition": True,
        "create external schema": False,
        f"create table {METRIC}": True,
    }
    assert any(f"iam_role '{role}'" in statement.text for statement in executed)
    migrations.roll_back(len(IDS))


def test_a_migration_that_fails_leaves_nothing_on_redshift(migrated: OwnRedshift) -> None:
    migrated.migrations.roll_back(len(IDS) - 2)
    migrated.execute(f"create table {METRIC} (customerid int)")
    with pytest.raises(MigrationError, match='relation "user_behavior_metric" already exists'):
        migrated.migrations.apply()
    assert migrated.migrations.pending() == IDS[2:]
    migrated.execute(f"drop table {METRIC}")
    assert migrated.migrations.apply() == IDS[2:]
