"""The migrations of Redshift on the stand-in: up and down, outside of transactions where they must, and their drift."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.migrations.migrations import MIGRATIONS, MigrationError, Migrations
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import GLUE, OwnRedshift, own_redshift

METRIC = "public.user_behavior_metric"
IDS = ("0001.audit", "0002.spectrum", "0003.user_behavior_metric")


@pytest.fixture(scope="module")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[OwnRedshift]:
    with own_redshift(stack, cloud) as redshift:
        yield redshift


@pytest.fixture
def migrated(redshift: OwnRedshift) -> OwnRedshift:
    redshift.migrate()
    return redshift


def test_redshift_goes_up_and_down_and_up_again(redshift: OwnRedshift) -> None:
    made = {"audit.published_partition", "audit.writer_lock", METRIC}
    assert (redshift.migrations.apply(), redshift.tables()) == (IDS, made)
    assert (redshift.migrations.roll_back(3), redshift.tables()) == (IDS[::-1], set())
    assert redshift.warehouse.rows("select schemaname from svv_external_schemas") == []
    assert (redshift.migrations.apply(), redshift.tables()) == (IDS, made)
    assert redshift.warehouse.rows("select schemaname, databasename from svv_external_schemas") == [
        {"schemaname": "spectrum", "databasename": GLUE}
    ]
    assert redshift.migrations.apply() == ()


def test_what_the_migrations_make_is_what_the_schemas_and_layouts_declare(migrated: OwnRedshift) -> None:
    assert migrated.findings() == []


def test_another_layout_is_reported_property_by_property(migrated: OwnRedshift) -> None:
    text = (MIGRATIONS / "redshift" / f"{IDS[-1]}.sql").read_text()
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
    assert migrated.findings() == [
        f"Table {METRIC} is distributed EVEN, and not KEY(customerid).",
        f"Table {METRIC} is sorted by customerid, insert_date, and not by insert_date.",
        f"Column amount_spent of table {METRIC} is encoded zstd, and not az64.",
        f"Column insert_date of table {METRIC} is encoded az64, and not raw.",
    ]
    migrated.migrations.roll_back()
    migrated.migrations.apply()


def test_a_table_that_redshift_lays_out_by_itself_is_reported(migrated: OwnRedshift) -> None:
    migrated.execute("drop table audit.writer_lock")
    migrated.execute("create table audit.writer_lock (table_name varchar(127) not null)")
    assert migrated.findings() == ["Table audit.writer_lock is distributed AUTO(ALL), and not ALL."]
    migrated.migrations.go_to("0001.audit")
    migrated.migrations.roll_back()
    migrated.migrations.apply()


def test_an_external_table_that_differs_or_is_missing(migrated: OwnRedshift, cloud: Cloud) -> None:
    glue = cloud.aws.client("glue")
    glue.delete_table(DatabaseName=GLUE, Name="movie_review_clean_stage")
    assert migrated.findings() == [
        "The external table spectrum.movie_review_clean_stage is missing; `user-behaviour migrate` defines it."
    ]
    migrated.migrate()
    assert migrated.findings() == []


def test_an_external_schema_on_another_glue_database(migrated: OwnRedshift) -> None:
    assert migrated.findings("other") == [
        f"The external schema spectrum shows the Glue database {GLUE}, and not other."
    ]


def test_the_external_schema_is_made_in_no_transaction_and_the_rest_in_one(redshift: OwnRedshift) -> None:
    redshift.migrations.roll_back(3)
    mark = len(redshift.stand_in.statements)
    redshift.migrations.apply()
    made = {
        match[0]: statement.in_transaction
        for statement in redshift.stand_in.statements[mark:]
        if (match := re.search(r"create (external schema|table (audit\.[pw]|public)\S+)", statement.text))
    }
    assert made == {
        "create table audit.writer_lock": True,
        "create table audit.published_partition": True,
        "create external schema": False,
        f"create table {METRIC}": True,
    }


def test_a_role_by_its_arn_is_quoted(redshift: OwnRedshift) -> None:
    redshift.migrations.go_to("0001.audit")
    role = "arn:aws:iam::123456789012:role/spectrum"
    mark = len(redshift.stand_in.statements)
    migrations = Migrations(
        redshift.warehouse, MIGRATIONS / "redshift", parameters={"glue_database": GLUE, "iam_role": RoleParameter(role)}
    )
    migrations.apply()
    assert any(f"iam_role '{role}'" in statement.text for statement in redshift.stand_in.statements[mark:])


def test_a_migration_that_fails_leaves_nothing_on_redshift(migrated: OwnRedshift) -> None:
    migrated.migrations.roll_back()
    migrated.execute(f"create table {METRIC} (customerid int)")
    with pytest.raises(MigrationError, match='relation "user_behavior_metric" already exists'):
        migrated.migrations.apply()
    assert migrated.migrations.pending() == (IDS[-1],)
    migrated.execute(f"drop table {METRIC}")
    assert migrated.migrations.apply() == (IDS[-1],)
