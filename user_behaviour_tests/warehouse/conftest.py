"""The twins of the warehouse, each with a user who can only read.

On Redshift with what `user-behaviour migrate --close` gives and takes; the stand-in runs that user's sessions as a
role of PostgreSQL.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from user_behaviour.local.roles import EmbeddedWarehouse
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.users import WarehouseUsers
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import OwnRedshift, own_redshift

ROLE = "arn:aws:iam::123456789012:role/redshift"
OWNER = "user_behaviour"
A_ROW = "insert into public.user_behavior_metric values (1, 2.5, 1, 1, 'b', '2010-12-01')"
DELETE = "delete from public.user_behavior_metric"
STATE = """select schemaname, tablename, tableowner from pg_tables
where schemaname in ('public', 'audit', 'spectrum') order by schemaname, tablename"""
KEPT = "select count(*) as rows from public.user_behavior_metric"


@dataclass(frozen=True)
class Twin:
    """A warehouse with a row of the metric in it; `unload` is the statement that would write to S3, if it has one."""

    warehouse: Warehouse
    unload: str = ""

    def state(self) -> list[dict[str, Any]]:
        return self.warehouse.rows(STATE) + self.warehouse.rows(KEPT)

    def execute(self, *statements: str) -> None:
        self.warehouse.transaction(lambda cursor: [cursor.execute(sql) for sql in statements])


@pytest.fixture(scope="module")
def on_postgres(stack: Stack) -> Iterator[Twin]:
    twin = Twin(EmbeddedWarehouse(home=str(stack.home)))
    twin.execute(A_ROW)
    yield twin
    twin.execute(DELETE)


@pytest.fixture(scope="module")
def on_redshift(stack: Stack, cloud: Cloud) -> Iterator[Twin]:
    with own_redshift(stack, cloud) as own:
        own.migrate()
        unload = f"unload ('select 1') to '{own.lake.uri('stolen')}/' iam_role '{ROLE}' format parquet parallel off"
        twin = Twin(logged_in(own, stack), unload)
        twin.execute(A_ROW)
        users_of(twin).let_in()
        users_of(twin).close_to_others()
        yield twin


def users_of(twin: Twin, pipeline: str = "") -> WarehouseUsers:
    warehouse = twin.warehouse
    assert isinstance(warehouse, RedshiftWarehouse)
    reader, password = warehouse.reader_user, warehouse.reader_password
    return WarehouseUsers(warehouse, pipeline, reader, lambda: password, RoleParameter(ROLE))


def logged_in(own: OwnRedshift, stack: Stack) -> RedshiftWarehouse:
    user, password = re.findall(r"//(.*?):(.*?)@", stack.endpoints().reader)[0]
    fields = {"reader_user": user, "reader_password": password, "iam_role": ROLE}
    return own.warehouse.model_copy(update=fields)


@pytest.fixture(scope="module", params=["on_postgres", "on_redshift"])
def twin(request: pytest.FixtureRequest) -> Twin:
    found: Twin = request.getfixturevalue(request.param)
    return found
