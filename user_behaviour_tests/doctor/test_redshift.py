"""Redshift checks itself over the production connection: green after the migrations, each red with its remedy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from user_behaviour.doctor.examination import NEEDED_PRIVILEGES, migrations
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import RedshiftDrift
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import OwnRedshift, own_redshift
from user_behaviour_tests.doctor.said import marts_are_green, said
from user_behaviour_tests.migrations import IDS

SETTINGS = "USER_BEHAVIOUR_REDSHIFT_HOST, …_PORT, …_DATABASE, …_USER, …_PASSWORD or …_WORKGROUP or …_CLUSTER"


def found(warehouse: RedshiftWarehouse, **otherwise: str) -> str:
    return said(warehouse.model_copy(update=otherwise).self_check(NEEDED_PRIVILEGES))


@pytest.fixture(scope="module")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[OwnRedshift]:
    """Of this module alone, which migrates it and takes the migrations back."""
    with own_redshift(stack, cloud) as redshift:
        yield redshift


@pytest.fixture
def migrated(redshift: OwnRedshift) -> Iterator[OwnRedshift]:
    redshift.migrations.apply()
    yield redshift
    redshift.migrations.roll_back(len(IDS))


def test_a_migrated_redshift_is_green_but_for_what_only_a_copy_shows_and_nothing_is_written(
    migrated: OwnRedshift,
) -> None:
    before = len(migrated.stand_in.statements)
    login, tls, version, isolation, *rest = found(migrated.warehouse).splitlines()
    user = login.removeprefix("✓ login: ").partition(" on ")[0]
    assert (login, tls, version) == (
        f"✓ login: {user} on {migrated.stand_in.database}",
        "✓ TLS: TLSv1.3, certificate and name are verified",
        "✓ version: Redshift 1.0.0 (a stand-in)",
    )
    assert isolation.startswith("✓ isolation: ")
    assert rest == [
        f"✓ temporary tables: {user} may create them, as scans of external tables do",
        "– IAM role: default: only a COPY or a scan shows whether Redshift may use it",
        "  It must be associated with the cluster or namespace, read and write the lake, and read the Glue catalog.",
        f"✓ public.user_behavior_metric: {user} may select, insert, delete",
        f"✓ audit.published_partition: {user} may select, insert, delete",
        f"✓ audit.restatement: {user} may select, insert",
        f"✓ audit.superseded_metric: {user} may select, insert, delete",
        *marts_are_green(user),
        f"✓ audit.writer_lock: {user} may select, insert, update, delete",
    ]
    assert {one.text.split()[0].lower() for one in migrated.stand_in.statements[before:]} == {"set", "select"}


def test_a_redshift_that_was_not_migrated_is_red(redshift: OwnRedshift) -> None:
    for table in NEEDED_PRIVILEGES:
        assert f"✗ {table}: is not there\n  Run `user-behaviour migrate`." in found(redshift.warehouse)


OTHER_CA = "Name the bundle of the authority that signed the server: USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE."


@pytest.mark.parametrize(
    ("otherwise", "text", "remedy"),
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
    redshift: OwnRedshift, tmp_path: Path, otherwise: dict[str, str], text: str, remedy: str
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    if bundle := otherwise.get("ca_bundle"):
        otherwise = {"ca_bundle": str(tmp_path / bundle)}
    told = found(redshift.warehouse, **otherwise)
    assert told.startswith("✗ login: ")
    assert text in told
    assert told.endswith(f"\n  {remedy}")
    assert "cAnArY" not in told


def test_migrations_that_are_pending_are_red_with_the_command(redshift: OwnRedshift) -> None:
    drift = RedshiftDrift(redshift.warehouse, redshift.migrations, glue_database="elsewhere")
    assert said(migrations(drift)) == "\n".join(
        f"✗ drift: Migration {name} is pending\n  Apply it with `user-behaviour migrate`." for name in IDS
    )
