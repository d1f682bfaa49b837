"""The doctor on Glue and on what Redshift sees of it: green after `migrate`, each red with its remedy."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.doctor.external_tables import examine_external_tables
from user_behaviour.doctor.findings import Finding
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.policies import host, refusing, simulating, target
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

GOOD = [
    ("Glue database", True, "DATABASE in eu-west-1", ""),
    ("spectrum.user_purchase_staging", True, "is as declared", ""),
    ("spectrum.user_purchase_staging partitions", True, "can be listed", ""),
    ("spectrum.movie_review_clean_stage", True, "is as declared", ""),
    ("spectrum.movie_review_clean_stage partitions", True, "can be listed", ""),
    (
        "write partitions",
        True,
        "allowed: glue:BatchCreatePartition, glue:BatchUpdatePartition, glue:BatchDeletePartition",
        "",
    ),
    ("define tables", True, "allowed: glue:CreateTable, glue:UpdateTable", ""),
    ("schema spectrum", True, "shows the Glue database DATABASE", ""),
    ("partitions in Redshift", True, "can be listed", ""),
]


@dataclass(frozen=True)
class Installation:
    cloud: Cloud
    lake: S3Lake
    warehouse: Warehouse
    tables: GlueExternalTables

    def told(self) -> list[tuple[str, bool | None, str, str]]:
        return told(examine_external_tables(self.tables, self.lake, self.warehouse), self.tables.database)

    def not_good(self) -> list[tuple[str, bool | None, str, str]]:
        return [found for found in self.told() if not found[1]]


def told(findings: Iterable[Finding], database: str) -> list[tuple[str, bool | None, str, str]]:
    return [(f.subject, f.ok, f.found.replace(database, "DATABASE"), f.remedy) for f in findings]


@pytest.fixture(scope="module")
def own_redshift(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Of this module alone, since the external schema is one for all."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


@pytest.fixture
def installation(cloud: Cloud, own_redshift: RedshiftStandIn) -> Iterator[Installation]:
    database = f"doctor_{secrets.token_hex(4)}"
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub")
    warehouse = warehouse_on(own_redshift, lake)
    cloud.aws.client("glue").create_database(DatabaseInput={"Name": database})
    tables = GlueExternalTables(aws=cloud.aws, database=database, warehouse=warehouse)
    for table in EXTERNAL_TABLES:
        tables.define(table, lake.dataset(LAKE_TABLE_OF[table.name]))
    execute(warehouse, f"create external schema spectrum from data catalog database '{database}' iam_role default")
    with cloud.behind(simulating()):
        yield Installation(cloud, lake, warehouse, tables)
    execute(warehouse, "drop schema if exists spectrum")


def execute(warehouse: Warehouse, sql: str) -> None:
    connection = warehouse.connect()
    connection.autocommit = True
    connection.cursor().execute(sql)
    connection.close()


def test_defined_tables_are_green_throughout(installation: Installation) -> None:
    assert installation.told() == GOOD


def test_a_database_that_is_not_there_is_red(installation: Installation) -> None:
    elsewhere = GlueExternalTables(aws=installation.cloud.aws, database="nowhere", warehouse=installation.warehouse)
    found = told(examine_external_tables(elsewhere, installation.lake, installation.warehouse), "nowhere")
    own = installation.tables.database
    assert [one for one in found if not one[1]] == [
        (
            "Glue database",
            False,
            "there is no database DATABASE in eu-west-1",
            "Create it (the template in deploy/ does, and so does `user-behaviour migrate` by way of Redshift), "
            "or correct USER_BEHAVIOUR_GLUE_DATABASE.",
        ),
        (
            "schema spectrum",
            False,
            f"shows the Glue database {own}, and not DATABASE",
            "Correct USER_BEHAVIOUR_GLUE_DATABASE, or `user-behaviour migrate --to 0001.audit` and "
            "`user-behaviour migrate`.",
        ),
    ]


def test_a_table_that_is_not_defined_or_otherwise_is_red(installation: Installation) -> None:
    glue = installation.cloud.aws.client("glue")
    named = {"DatabaseName": installation.tables.database}
    glue.delete_table(**named, Name="user_purchase_staging")
    found = glue.get_table(**named, Name="movie_review_clean_stage")["Table"]
    columns = [{**column, "Type": "string"} for column in found["StorageDescriptor"]["Columns"][:1]]
    glue.update_table(
        **named,
        TableInput={
            "Name": "movie_review_clean_stage",
            "StorageDescriptor": {**found["StorageDescriptor"], "Columns": columns},
            "PartitionKeys": found["PartitionKeys"],
        },
    )
    missing, other = installation.not_good()
    assert missing == (
        "spectrum.user_purchase_staging",
        False,
        "is not in Glue",
        "`user-behaviour migrate` defines it.",
    )
    assert other[:2] == ("spectrum.movie_review_clean_stage", False)
    assert other[2].startswith("has the columns (cid string, insert_date date); declared are (cid varchar(10), ")
    assert other[3] == "`user-behaviour migrate` brings it there."


@pytest.mark.parametrize(
    ("operation", "subject", "action"),
    [
        ("GetTable", "spectrum.user_purchase_staging", "glue:GetTable"),
        ("GetPartitions", "spectrum.user_purchase_staging partitions", "glue:GetPartitions"),
    ],
)
def test_a_missing_permission_on_glue_is_named(
    installation: Installation, operation: str, subject: str, action: str
) -> None:
    with installation.cloud.behind(refusing(target(f"AWSGlue.{operation}"), "AccessDeniedException")):
        found = next(one for one in installation.not_good() if one[0] == subject)
    assert found[1:] == (
        False,
        "not allowed (AccessDeniedException)",
        f"Allow {action} on the catalog, the database {installation.tables.database} and its tables to the identity "
        "in use.",
    )


def test_writing_is_simulated_on_catalog_database_and_tables(installation: Installation) -> None:
    asked: list[dict[str, list[str]]] = []
    with installation.cloud.behind(simulating(denied={"glue:BatchUpdatePartition"}, asked=asked)):
        (found,) = installation.not_good()
    arn, name = "arn:aws:glue:eu-west-1:123456789012", installation.tables.database
    places = [f"{arn}:catalog", f"{arn}:database/{name}", f"{arn}:table/{name}/*"]
    assert found == (
        "write partitions",
        False,
        "not allowed: glue:BatchUpdatePartition",
        f"Allow glue:BatchUpdatePartition on {', '.join(places)} to the identity in use.",
    )
    assert [asked[0][f"ResourceArns.member.{number}"] for number in (1, 2, 3)] == [[place] for place in places]


def test_what_may_not_be_simulated_is_not_known_and_named(installation: Installation) -> None:
    with installation.cloud.behind(refusing(host("iam"), "AccessDenied")):
        writing, _ = installation.not_good()
    assert writing[:3] == (
        "write partitions",
        None,
        "cannot be seen from here (iam:SimulatePrincipalPolicy: not allowed, AccessDenied)",
    )
    assert writing[3].startswith(
        "A run needs: glue:BatchCreatePartition, glue:BatchUpdatePartition, glue:BatchDeletePartition on arn:aws:glue:"
    )


def test_a_redshift_without_the_schema_is_red(installation: Installation) -> None:
    execute(installation.warehouse, "drop schema spectrum")
    assert installation.not_good() == [
        ("schema spectrum", False, "Redshift has no such external schema", "Run `user-behaviour migrate`.")
    ]


def test_redshift_as_the_catalog_is_compared_by_its_own_views(installation: Installation) -> None:
    tables = RedshiftExternalTables(warehouse=installation.warehouse, lake=installation.lake)
    found = told(
        examine_external_tables(tables, installation.lake, installation.warehouse), installation.tables.database
    )
    assert [one for one in found if one[0] != "owner"] == [
        ("schema spectrum", True, "shows the Glue database DATABASE", ""),
        ("partitions in Redshift", True, "can be listed", ""),
        ("spectrum.user_purchase_staging", True, "is as declared", ""),
        ("spectrum.movie_review_clean_stage", True, "is as declared", ""),
    ]
    installation.cloud.aws.client("glue").delete_table(
        DatabaseName=installation.tables.database, Name="user_purchase_staging"
    )
    found = told(examine_external_tables(tables, installation.lake, installation.warehouse), "-")
    assert ("spectrum.user_purchase_staging", False, "is not there", "`user-behaviour migrate` defines it.") in found
