"""Has each role check itself, one after the other, before a run needs it.

Nothing here starts a job, leaves anything behind, or costs more than a query on one day of each external table. An
error that ends a check becomes a finding of its role, and the next check follows.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import psycopg2

from user_behaviour.aws.secrets import SecretError
from user_behaviour.catalog.external_tables import CatalogError
from user_behaviour.deployments import Deployment
from user_behaviour.diagnosis import Diagnosis, bad, failed, good, halves, not_needed, unknown
from user_behaviour.doctor.bucket import bucket_safety
from user_behaviour.doctor.needed_permissions import catalog_permissions, spark_permissions, vendor_permissions
from user_behaviour.instance.self_check import VARIABLE, check_storage
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.migrations.drift import Drift
from user_behaviour.tables.marts import DIMENSIONS, MARTS, WAREHOUSE_TABLES
from user_behaviour.tables.schemas import EXTERNAL_TABLES, RAW_PURCHASES
from user_behaviour.warehouse.warehouse import WarehouseDataError

Check = Callable[[], Iterable[Diagnosis]]
Errors = tuple[type[Exception], ...]

ROLE_ERRORS: Errors = (OSError, psycopg2.Error, CatalogError, WarehouseDataError, SecretError)
NEEDED_PRIVILEGES = {
    "public.user_behavior_metric": ("select", "insert", "delete"),
    "audit.published_partition": ("select", "insert", "delete"),
    "audit.restatement": ("select", "insert"),
    "audit.superseded_metric": ("select", "insert", "delete"),
    **{table.name: ("select", "insert", "update" if table in DIMENSIONS else "delete") for table in MARTS},
    # LOCK TABLE asks for a privilege to change the table.
    "audit.writer_lock": ("select", "insert", "update", "delete"),
}
READ = (
    *(table.name for table in WAREHOUSE_TABLES),
    "audit.published_partition",
    "audit.restatement",
    "audit.superseded_metric",
)
WAREHOUSE = "warehouse"
READER = "reader"  # for `query`; a run does without
NEED_THE_WAREHOUSE = (READER, "migrations", "external tables")
_NO_LOGIN = unknown(WAREHOUSE, "was not checked, since the login failed")


def examine(deployed: Deployment, *, expected: Errors) -> Iterator[tuple[str, Iterable[Diagnosis]]]:
    """The findings of each role. `expected`: further errors that a deployment's parts may fail with."""
    is_logged_in = False
    for role, checks in _checks(deployed).items():
        if role in NEED_THE_WAREHOUSE and not is_logged_in:
            yield role, [_NO_LOGIN]
            continue
        found: Iterable[Diagnosis] = checked(checks, expected=(*ROLE_ERRORS, *expected))
        if role == READER:
            found = map(not_needed, found)
        if role == WAREHOUSE:
            found = [*found]
            is_logged_in = found[0].ok is True
        yield role, found


def checked(checks: Iterable[Check], *, expected: Errors) -> Iterator[Diagnosis]:
    """The findings of checks, and a red one in place of an error that ends one of them."""
    for check in checks:
        try:
            yield from check()
        except expected as error:
            yield failed("error", error)


def _checks(deployed: Deployment) -> dict[str, list[Check]]:
    tables = deployed.external_tables
    account: dict[str, list[Check]] = {}
    if isinstance(deployed.lake, S3Lake):
        account["account"] = [deployed.lake.aws.self_check]
    return {
        **account,
        "lake": [deployed.lake.self_check, partial(bucket_safety, deployed.lake)],
        "vendor drop": [deployed.vendor_drop.self_check, partial(vendor_permissions, deployed.vendor_drop)],
        "source": [partial(deployed.source.self_check, RAW_PURCHASES.without("batch_id"))],
        "spark": [deployed.spark.self_check, partial(spark_permissions, deployed.spark, deployed.lake)],
        "Dagster storage": [lambda: check_storage(deployed.dagster_environment()[VARIABLE])],
        WAREHOUSE: [partial(deployed.warehouse.self_check, NEEDED_PRIVILEGES)],
        READER: [partial(deployed.warehouse.reader_check, READ)],
        "migrations": [lambda: migrations(deployed.drift)],
        "external tables": [
            tables.self_check,
            partial(catalog_permissions, tables),
            *(partial(tables.check_table, table, deployed.warehouse) for table in EXTERNAL_TABLES),
        ],
    }


def migrations(drift: Drift) -> Iterator[Diagnosis]:
    """Every difference between the warehouse's tables and what the migrations make of them."""
    sentences = drift.findings()
    other = "Bring it there by a migration, or take the change back; `user-behaviour migrate --check` shows the same."
    for found, remedy in map(halves, sentences):
        yield bad("drift", found.rstrip("."), remedy or other)
    if not sentences:
        yield good("drift", "none: all are applied, and the tables are what they make")
