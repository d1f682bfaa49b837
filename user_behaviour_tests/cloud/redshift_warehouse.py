"""The production warehouse on Redshift, logged in to the stand-in; nothing of it is replaced."""

from __future__ import annotations

from typing import Any

from user_behaviour.lake.lake import Lake
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_connection import Credentials, Password, RedshiftConnection
from user_behaviour_tests.cloud.redshift import RedshiftStandIn


def connection_to(redshift: RedshiftStandIn, *, credentials: Credentials | None = None) -> RedshiftConnection:
    return RedshiftConnection(
        host=redshift.host,
        port=redshift.port,
        database=redshift.database,
        credentials=credentials or Password(redshift.user, lambda: redshift.password),
        ca_bundle=redshift.ca_bundle,
    )


def warehouse_on(redshift: RedshiftStandIn, lake: Lake, **more: Any) -> RedshiftWarehouse:
    return RedshiftWarehouse(connection_to(redshift), lake, **more)
