"""The catalogs of external tables check themselves: green after `migrate`, each red with its remedy, and rows read."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

import pytest

from user_behaviour.aws.errors import AbsentError, AccessDeniedError
from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.doctor.needed_permissions import catalog_permissions
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.schemas import (
    EXTERNAL_TABLES,
    LAKE_TABLE_OF,
    MOVIE_REVIEW_CLEAN_STAGE,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.policies import host, refusing, simulating, target
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.databases import new_database
from user_behaviour_tests.doctor.said import said
from user_behaviour_tests.purchases import publish, purchase_line

DAY = date(2010, 12, 1)
PURCHASES, REVIEWS = USER_PURCHASE_STAGING.name, MOVIE_REVIEW_CLEAN_STAGE.name


@dataclass(frozen=True)
class Installation:
    cloud: Cloud
    lake: S3Lake
    warehouse: Warehouse
    tables: GlueExternalTables

    def tables_in(self, tables: ExternalTables) -> str:
        return "\n".join(said(tables.check_table(table, self.warehouse)) for table in EXTERNAL_TABLES)

    def publish(self, *days: date) -> None:
        """A purchase line of each day, in the lake."""
        for day in days:
            publish(self.lake.dataset(STAGED_PURCHASES), day, "one", [purchase_line(day)])


@pytest.fixture
def here(cloud: Cloud, redshift_alone: RedshiftStandIn) -> Iterator[Installation]:
    database = f"doctor_{secrets.token_hex(4)}"
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub")
    warehouse = warehouse_on(redshift_alone, lake)
    cloud.aws.client("glue").create_database(DatabaseInput={"Name": database})
    tables = GlueExternalTables(aws=cloud.aws, database=database, warehouse=warehouse)
    for table in EXTERNAL_TABLES:
        tables.define(table, lake.dataset(LAKE_TABLE_OF[table.name]))
    execute(warehouse, f"create external schema spectrum from data catalog database '{database}' iam_role default")
    yield Installation(cloud, lake, warehouse, tables)
    execute(warehouse, "drop schema if exists spectrum")


def execute(warehouse: Warehouse, sql: str) -> None:
    connection = warehouse.connect()
    connection.autocommit = True
    connection.cursor().execute(sql)
    connection.close()


EMPTY = f"""\
✓ {PURCHASES}: is as declared
✓ {PURCHASES} rows: no partition is registered yet
✓ {REVIEWS}: is as declared
✓ {REVIEWS} rows: no partition is registered yet"""
SEEN = """\
✓ schema spectrum: shows the Glue database DATABASE
✓ partitions in Redshift: can be listed"""


def test_defined_tables_are_green_in_glue_and_seen_by_redshift(here: Installation) -> None:
    found = said(here.tables.self_check()).replace(here.tables.database, "DATABASE")
    assert found == f"✓ Glue database: DATABASE in eu-west-1\n{SEEN}"
    assert here.tables_in(here.tables) == EMPTY


def test_the_newest_registered_day_is_read_and_counted(here: Installation) -> None:
    days = [DAY, date(2010, 12, 3)]
    here.publish(*days)
    here.tables.register(USER_PURCHASE_STAGING, here.lake.dataset(STAGED_PURCHASES), days)
    for tables in (here.tables, RedshiftExternalTables(warehouse=here.warehouse, lake=here.lake)):
        assert f"✓ {PURCHASES} rows: 2010-12-03 shows 1, registered are 1\n" in here.tables_in(tables)


def test_a_user_to_whom_redshift_shows_no_partition_is_told_of_the_grant(
    here: Installation, redshift_alone: RedshiftStandIn, stack: Stack
) -> None:
    """It was said that none was registered yet; a run would then have taken every partition for lost."""
    here.publish(DAY)
    here.tables.register(USER_PURCHASE_STAGING, here.lake.dataset(STAGED_PURCHASES), [DAY])
    reader = urlsplit(stack.endpoints().reader)
    redshift_alone.add_role(reader.geturl())
    limited = warehouse_on(redshift_alone, here.lake, user=reader.username, password=reader.password)
    tables = here.tables.model_copy(update={"warehouse": limited})

    _, red, remedy = said(tables.check_table(USER_PURCHASE_STAGING, limited)).splitlines()
    assert red == f"✗ {PURCHASES} in Redshift: shows 0 partitions, Glue has 1"
    assert remedy.startswith("  It shows what a user may use: as the owner, grant usage on schema spectrum to ")

    execute(here.warehouse, f"grant usage on schema spectrum to {reader.username}")
    assert said(tables.check_table(USER_PURCHASE_STAGING, limited)).endswith("2010-12-01 shows 1, registered are 1")


def test_a_partition_that_redshift_has_elsewhere_is_red(here: Installation) -> None:
    """Redshift shows the Glue database of one lake, and the settings name that of another."""
    here.publish(DAY)
    here.tables.register(USER_PURCHASE_STAGING, here.lake.dataset(STAGED_PURCHASES), [DAY])
    second = f"doctor_{secrets.token_hex(4)}"
    here.cloud.aws.client("glue").create_database(DatabaseInput={"Name": second})
    other, tables = (
        here.lake.model_copy(update={"prefix": "other"}),
        here.tables.model_copy(update={"database": second}),
    )
    publish(other.dataset(STAGED_PURCHASES), DAY, "one", [purchase_line(DAY)])
    tables.define(USER_PURCHASE_STAGING, other.dataset(STAGED_PURCHASES))
    tables.register(USER_PURCHASE_STAGING, other.dataset(STAGED_PURCHASES), [DAY])

    _, red, _ = said(tables.check_table(USER_PURCHASE_STAGING, here.warehouse)).splitlines()
    assert red == f"✗ {PURCHASES} in Redshift: shows 1 partitions, Glue has 1, and 2010-12-01 elsewhere"


def test_a_newest_day_whose_files_are_gone_is_red(here: Installation) -> None:
    dataset = here.lake.dataset(STAGED_PURCHASES)
    here.publish(DAY)
    here.tables.register(USER_PURCHASE_STAGING, dataset, [DAY])
    here.lake.delete(dataset.batch_directory(DAY, "one"))
    remedy = "`user-behaviour reconcile` says which place is wrong."
    red = f"✗ {PURCHASES} rows: 2010-12-01 shows 0, registered are 1\n  {remedy}\n"
    assert red in here.tables_in(here.tables)


def test_a_database_that_is_not_there_is_named_with_its_setting(here: Installation) -> None:
    elsewhere = here.tables.model_copy(update={"database": "nowhere"})
    with pytest.raises(AbsentError, match=r"Looking up database nowhere failed: .*USER_BEHAVIOUR_GLUE_DATABASE"):
        said(elsewhere.self_check())


def test_a_schema_of_redshift_that_is_absent_or_shows_another_database_is_red(here: Installation) -> None:
    here.cloud.aws.client("glue").create_database(DatabaseInput={"Name": "second"})
    other = here.tables.model_copy(update={"database": "second"})
    remedy = "Correct USER_BEHAVIOUR_GLUE_DATABASE, or `user-behaviour migrate --to 0001.audit` and `migrate`."
    shown = f"✗ schema spectrum: shows the Glue database {here.tables.database}, and not second\n  {remedy}\n"
    assert shown in said(other.self_check())
    execute(here.warehouse, "drop schema spectrum")
    assert said(here.tables.self_check()).endswith(
        "\n✗ schema spectrum: Redshift has no such external schema\n  Run `user-behaviour migrate`."
    )


def test_a_table_that_is_not_defined_or_otherwise_is_red(here: Installation) -> None:
    glue, named = here.cloud.aws.client("glue"), {"DatabaseName": here.tables.database}
    glue.delete_table(**named, Name="user_purchase_staging")
    found = glue.get_table(**named, Name="movie_review_clean_stage")["Table"]
    columns = [{**column, "Type": "string"} for column in found["StorageDescriptor"]["Columns"][:1]]
    other = {
        "Name": "movie_review_clean_stage",
        "StorageDescriptor": {**found["StorageDescriptor"], "Columns": columns},
        "PartitionKeys": found["PartitionKeys"],
    }
    glue.update_table(**named, TableInput=other)
    by_redshift = RedshiftExternalTables(warehouse=here.warehouse, lake=here.lake)
    for tables, text in ((here.tables, "string"), (by_redshift, "varchar(65535)")):
        missing, makes, changed, brings = here.tables_in(tables).splitlines()
        assert (missing, makes) == (f"✗ {PURCHASES}: is not there", "  `user-behaviour migrate` makes it.")
        assert changed.startswith(
            f"✗ {REVIEWS}: has the columns (cid {text}, insert_date date); declared are (cid varchar(10), "
        )
        assert brings == "  `user-behaviour migrate` brings it there, where that can be changed."


def test_a_missing_permission_on_glue_is_named(here: Installation) -> None:
    with (
        here.cloud.behind(refusing(target("AWSGlue.GetTable"), "AccessDeniedException")),
        pytest.raises(AccessDeniedError) as caught,
    ):
        here.tables_in(here.tables)
    assert caught.value.remedy == (
        f"Allow glue:GetTable on {here.tables.database}.user_purchase_staging, its database and the catalog to the "
        "identity in use"
    )


def test_a_redshift_whose_role_may_not_read_glue_is_red(here: Installation) -> None:
    with here.cloud.behind(refusing(target("AWSGlue.GetPartitions"), "AccessDeniedException")):
        found = said(here.tables.self_check())
    assert found.endswith(
        "✗ partitions in Redshift: AwsClientException: AccessDeniedException from glue - refused\n"
        "  Let the schema's IAM role read Glue: glue:GetDatabase, GetDatabases, GetTable, GetTables, GetPartition, "
        "GetPartitions, BatchGetPartition."
    )


def test_writing_is_simulated_on_catalog_database_and_tables(here: Installation) -> None:
    asked: list[dict[str, list[str]]] = []
    with here.cloud.behind(simulating(denied={"glue:BatchUpdatePartition"}, asked=asked)):
        found = said(catalog_permissions(here.tables))
    arn, name = "arn:aws:glue:eu-west-1:123456789012", here.tables.database
    places = [f"{arn}:catalog", f"{arn}:database/{name}", f"{arn}:table/{name}/*"]
    assert found.splitlines() == [
        "✗ write partitions: not allowed: glue:BatchUpdatePartition",
        f"  Allow glue:BatchUpdatePartition on {', '.join(places)} to the identity in use.",
        "✓ define tables: allowed: glue:CreateTable, glue:UpdateTable",
    ]
    assert [asked[0][f"ResourceArns.member.{number}"] for number in (1, 2, 3)] == [[place] for place in places]


def test_what_may_not_be_simulated_is_not_known_and_named(here: Installation) -> None:
    with here.cloud.behind(refusing(host("iam"), "AccessDenied")):
        found = said(catalog_permissions(here.tables))
    assert found.startswith(
        "– write partitions: cannot be seen from here (iam:SimulatePrincipalPolicy: AccessDenied)\n"
        "  A run needs: glue:BatchCreatePartition, glue:BatchUpdatePartition, glue:BatchDeletePartition on arn:aws:gl"
    )


def test_redshift_as_the_catalog_says_whose_the_schema_is(here: Installation) -> None:
    tables = RedshiftExternalTables(warehouse=here.warehouse, lake=here.lake)
    assert said(catalog_permissions(tables)) == ""
    schema, partitions, owner, *_ = said(tables.self_check()).splitlines()
    assert f"{schema}\n{partitions}".replace(here.tables.database, "DATABASE") == SEEN
    assert "owner: " in owner
    assert here.tables_in(tables) == EMPTY


def test_local_external_tables_are_compared_with_the_schemas(stack: Stack) -> None:
    def found(url: str) -> str:
        warehouse = PostgresWarehouseByUrl(url=url)
        tables = PostgresExternalTables(warehouse=warehouse)
        assert said(tables.self_check()) == ""
        return said(tables.check_table(USER_PURCHASE_STAGING, warehouse))

    assert found(stack.endpoints().warehouse).startswith(f"✓ {PURCHASES}: is as declared\n✓ {PURCHASES} rows: ")
    with new_database(stack.endpoints().warehouse) as url:
        assert found(url) == f"✗ {PURCHASES}: is not there\n  `user-behaviour migrate` makes it."
