"""Looks at everything that a run will need before a run needs it: one module per role, a function per twin.

Nothing here costs, starts a job or leaves anything behind. What a role fails with is a finding of that role, and the
next one is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from user_behaviour.doctor.account import ACCOUNT, examine_account
from user_behaviour.doctor.aws_calls import OutOfReachError
from user_behaviour.doctor.dagster_storage import STORAGE, VARIABLE, examine_dagster_storage
from user_behaviour.doctor.external_tables import TABLES, examine_external_tables
from user_behaviour.doctor.findings import Finding, Role, halves
from user_behaviour.doctor.lake import LAKE, examine_lake
from user_behaviour.doctor.migrations import MIGRATIONS, examine_migrations
from user_behaviour.doctor.queries import in_short
from user_behaviour.doctor.source import SOURCE, examine_source
from user_behaviour.doctor.spark import SPARK, examine_spark
from user_behaviour.doctor.vendor_drop import DROP, examine_vendor_drop
from user_behaviour.doctor.warehouse import WAREHOUSE, examine_warehouse

if TYPE_CHECKING:
    from user_behaviour.deployments import Deployment

Examination = Callable[[], Iterator[Finding]]


def examine(here: Deployment, *, expected: tuple[type[Exception], ...] = ()) -> Iterator[Finding]:
    """Every finding, role by role. `expected`: further errors that a deployment's parts may fail with."""
    for role, examination in (
        (ACCOUNT, lambda: examine_account(here.lake)),
        (LAKE, lambda: examine_lake(here.lake)),
        (DROP, lambda: examine_vendor_drop(here.vendor_drop)),
        (SOURCE, lambda: examine_source(here.source)),
        (SPARK, lambda: examine_spark(here.spark, here.lake)),
        (STORAGE, lambda: examine_dagster_storage(here.dagster_environment()[VARIABLE])),
    ):
        yield from guarded(role, examination, expected)
    login = None
    for finding in guarded(WAREHOUSE, lambda: examine_warehouse(here.warehouse), expected):
        login = login or finding
        yield finding
    for role, examination in (
        (MIGRATIONS, lambda: examine_migrations(here.drift)),
        (TABLES, lambda: examine_external_tables(here.external_tables, here.lake, here.warehouse)),
    ):
        if login and login.ok:
            yield from guarded(role, examination, expected)
        else:
            yield role.unknown("warehouse", "was not looked at, since nobody was let in there")


def guarded(role: Role, examination: Examination, expected: tuple[type[Exception], ...] = ()) -> Iterator[Finding]:
    """The findings, and a red one in place of an error that ends them."""
    import psycopg2
    from botocore.exceptions import BotoCoreError, ClientError

    from user_behaviour.aws.secrets import SecretError
    from user_behaviour.catalog.external_tables import CatalogError
    from user_behaviour.warehouse.redshift_connection import CredentialsError

    try:
        yield from examination()
    except OutOfReachError as error:
        yield role.bad("AWS", error.found, error.remedy)
    except psycopg2.Error as error:
        yield role.bad("database", in_short(error), "See to the database and to the way there, then call again.")
    except (SecretError, CatalogError, CredentialsError, BotoCoreError, ClientError, *expected) as error:
        found, remedy = halves(str(error))
        yield role.bad("error", found, remedy or "See to what it names, then call again.")
