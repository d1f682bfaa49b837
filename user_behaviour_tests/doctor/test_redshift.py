"""The doctor on Redshift, over the production connection: green after the migrations, each red with its remedy."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import trustme

from user_behaviour.doctor.findings import Finding
from user_behaviour.doctor.migrations import examine_migrations
from user_behaviour.doctor.warehouse import examine_warehouse
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import RedshiftDrift
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

Told = tuple[str, bool | None, str, str]
SETTINGS = "USER_BEHAVIOUR_REDSHIFT_HOST, …_PORT, …_DATABASE, …_USER, …_PASSWORD or …_WORKGROUP or …_CLUSTER"
IAM_ROLE = (
    "IAM role",
    None,
    "default: only a COPY or a scan shows whether Redshift may use it",
    "It must be associated with the cluster or namespace, read and write the lake, and read the Glue catalog.",
)


def told(findings: Iterable[Finding]) -> list[Told]:
    return [(finding.subject, finding.ok, finding.found, finding.remedy) for finding in findings]


@pytest.fixture(scope="module")
def own_redshift(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Of this module alone, which migrates it and takes the migrations back."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


@pytest.fixture
def lake(cloud: Cloud) -> S3Lake:
    return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub")


@pytest.fixture
def warehouse(own_redshift: RedshiftStandIn, lake: S3Lake) -> RedshiftWarehouse:
    return warehouse_on(own_redshift, lake)


@pytest.fixture
def migrations(warehouse: RedshiftWarehouse) -> Iterator[Migrations]:
    values = {"glue_database": f"doctor_{secrets.token_hex(4)}", "iam_role": RoleParameter("default")}
    migrations = Migrations(warehouse, MIGRATIONS / "redshift", parameters=values)
    migrations.apply()
    yield migrations
    migrations.roll_back(len(migrations.applied()))


def warehouse_findings(warehouse: RedshiftWarehouse) -> list[Told]:
    return told(examine_warehouse(warehouse))


def test_a_migrated_redshift_is_green_but_for_what_only_a_copy_shows(
    own_redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, migrations: Migrations
) -> None:
    found = warehouse_findings(warehouse)
    user = found[0][2].partition(" on ")[0]
    isolation = found.pop(3)
    assert isolation[:2] == ("isolation", True)
    assert found == [
        ("login", True, f"{user} on {own_redshift.database}", ""),
        ("TLS", True, "TLSv1.3, certificate and name are verified", ""),
        ("version", True, "Redshift 1.0.0 (a stand-in)", ""),
        ("public.user_behavior_metric", True, f"{user} may select, insert, delete", ""),
        ("audit.published_partition", True, f"{user} may select, insert, delete", ""),
        ("audit.writer_lock", True, f"{user} may select, insert, update, delete", ""),
        ("temporary tables", True, f"{user} may create them, as scans of external tables want", ""),
        IAM_ROLE,
    ]


def test_the_doctor_writes_nothing_in_redshift(
    own_redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, migrations: Migrations
) -> None:
    before = len(own_redshift.statements)
    warehouse_findings(warehouse)
    words = {statement.text.split()[0].lower() for statement in own_redshift.statements[before:]}
    assert words == {"set", "select"}


def test_a_redshift_that_was_not_migrated_is_red(warehouse: RedshiftWarehouse) -> None:
    found = warehouse_findings(warehouse)
    assert [one for one in found if one[1] is False and not one[0].startswith("schema")] == [
        ("public.user_behavior_metric", False, "is not there", "Run `user-behaviour migrate`."),
        ("audit.published_partition", False, "is not there", "Run `user-behaviour migrate`."),
        ("audit.writer_lock", False, "is not there", "Run `user-behaviour migrate`."),
    ]


def test_a_wrong_password_is_red_and_not_shown(warehouse: RedshiftWarehouse) -> None:
    wrong = warehouse.model_copy(update={"user": "awsuser", "password": "cAnArY"})
    ((subject, ok, found, remedy),) = warehouse_findings(wrong)
    assert (subject, ok, remedy) == ("login", False, f"Correct the user or the password ({SETTINGS}).")
    assert 'password authentication failed for user "awsuser"' in found
    assert "cAnArY" not in found


def test_a_database_that_is_not_there_is_red(warehouse: RedshiftWarehouse) -> None:
    ((_, ok, found, remedy),) = warehouse_findings(warehouse.model_copy(update={"database": "devv"}))
    assert (ok, remedy) == (False, f"Create it, or correct its name ({SETTINGS}).")
    assert 'database "devv" does not exist' in found


def test_a_certificate_that_another_authority_signed_is_red(warehouse: RedshiftWarehouse, tmp_path: Path) -> None:
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    ((_, ok, found, remedy),) = warehouse_findings(warehouse.model_copy(update={"ca_bundle": str(bundle)}))
    assert ok is False
    assert "certificate verify failed" in found
    assert remedy == ("Name the bundle of the authority that signed the server: USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE.")
    ((_, ok, found, remedy),) = warehouse_findings(
        warehouse.model_copy(update={"ca_bundle": str(tmp_path / "absent.pem")})
    )
    assert (ok, remedy) == (False, "Name a file that exists: USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE.")


def test_a_host_by_another_name_is_red(warehouse: RedshiftWarehouse) -> None:
    ((_, ok, found, remedy),) = warehouse_findings(warehouse.model_copy(update={"host": "127.0.0.1"}))
    assert ok is False
    assert "does not match host name" in found
    assert remedy == f"Use the endpoint's own name as the host ({SETTINGS}), and no alias."


def test_migrations_that_are_pending_are_red_with_the_command(
    warehouse: RedshiftWarehouse, migrations: Migrations
) -> None:
    drift = RedshiftDrift(warehouse, migrations, glue_database="elsewhere")
    migrations.roll_back(3)
    assert told(examine_migrations(drift)) == [
        ("drift", False, f"Migration {name} is pending", "Apply it with `user-behaviour migrate`.")
        for name in ("0001.audit", "0002.spectrum", "0003.user_behavior_metric")
    ]
