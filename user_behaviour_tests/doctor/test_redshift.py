"""Redshift checks itself over the production connection: green after the migrations, each red with its remedy."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from user_behaviour.doctor.examination import NEEDED, migrations
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import RedshiftDrift
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.doctor.told import Told, told

SETTINGS = "USER_BEHAVIOUR_REDSHIFT_HOST, …_PORT, …_DATABASE, …_USER, …_PASSWORD or …_WORKGROUP or …_CLUSTER"


def found(warehouse: RedshiftWarehouse, **otherwise: str) -> list[Told]:
    return told(warehouse.model_copy(update=otherwise).self_check(NEEDED))


@pytest.fixture(scope="module")
def own_redshift(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Of this module alone, which migrates it and takes the migrations back."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


@pytest.fixture
def warehouse(own_redshift: RedshiftStandIn, cloud: Cloud) -> RedshiftWarehouse:
    return warehouse_on(own_redshift, S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub"))


@pytest.fixture
def applied(warehouse: RedshiftWarehouse) -> Iterator[Migrations]:
    values = {"glue_database": f"doctor_{secrets.token_hex(4)}", "iam_role": RoleParameter("default")}
    migrations = Migrations(warehouse, MIGRATIONS / "redshift", parameters=values)
    migrations.apply()
    yield migrations
    migrations.roll_back(len(migrations.applied()))


def test_a_migrated_redshift_is_green_but_for_what_only_a_copy_shows_and_nothing_is_written(
    own_redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, applied: Migrations
) -> None:
    before = len(own_redshift.statements)
    said = found(warehouse)
    user = said[0][2].partition(" on ")[0]
    assert said.pop(3)[:2] == ("isolation", True)
    assert said == [
        ("login", True, f"{user} on {own_redshift.database}", ""),
        ("TLS", True, "TLSv1.3, certificate and name are verified", ""),
        ("version", True, "Redshift 1.0.0 (a stand-in)", ""),
        ("temporary tables", True, f"{user} may create them, as scans of external tables do", ""),
        (
            "IAM role",
            None,
            "default: only a COPY or a scan shows whether Redshift may use it",
            "It must be associated with the cluster or namespace, read and write the lake, and read the Glue catalog.",
        ),
        ("public.user_behavior_metric", True, f"{user} may select, insert, delete", ""),
        ("audit.published_partition", True, f"{user} may select, insert, delete", ""),
        ("audit.writer_lock", True, f"{user} may select, insert, update, delete", ""),
    ]
    assert {one.text.split()[0].lower() for one in own_redshift.statements[before:]} == {"set", "select"}


def test_a_redshift_that_was_not_migrated_is_red(warehouse: RedshiftWarehouse) -> None:
    assert [one for one in found(warehouse) if one[1] is False and not one[0].startswith("schema")] == [
        (table, False, "is not there", "Run `user-behaviour migrate`.") for table in NEEDED
    ]


OTHER_CA = "Name the bundle of the authority that signed the server: USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE."


@pytest.mark.parametrize(
    ("otherwise", "said", "remedy"),
    [
        (
            {"user": "awsuser", "password": "cAnArY"},
            'password authentication failed for user "awsuser"',
            f"Correct the user or the password ({SETTINGS}).",
        ),
        ({"database": "devv"}, 'database "devv" does not exist', f"Create it, or correct its name ({SETTINGS})."),
        (
            {"host": "127.0.0.1"},
            "does not match host name",
            f"Use the endpoint's own name as the host ({SETTINGS}), and no alias.",
        ),
        ({"ca_bundle": "other.pem"}, "certificate verify failed", OTHER_CA),
        (
            {"ca_bundle": "absent.pem"},
            "root certificate file",
            "Name a file that exists: USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE.",
        ),
    ],
)
def test_a_login_that_fails_says_what_to_correct_and_no_password(
    warehouse: RedshiftWarehouse, tmp_path: Path, otherwise: dict[str, str], said: str, remedy: str
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    if bundle := otherwise.get("ca_bundle"):
        otherwise = {"ca_bundle": str(tmp_path / bundle)}
    ((subject, ok, text, advice),) = found(warehouse, **otherwise)
    assert (subject, ok, advice) == ("login", False, remedy)
    assert said in text
    assert "cAnArY" not in text


def test_migrations_that_are_pending_are_red_with_the_command(
    warehouse: RedshiftWarehouse, applied: Migrations
) -> None:
    drift = RedshiftDrift(warehouse, applied, glue_database="elsewhere")
    applied.roll_back(3)
    assert told(migrations(drift)) == [
        ("drift", False, f"Migration {name} is pending", "Apply it with `user-behaviour migrate`.")
        for name in ("0001.audit", "0002.spectrum", "0003.user_behavior_metric")
    ]
