"""The production warehouse on Redshift, logged in to the stand-in; nothing of it is replaced."""

from typing import Any

from user_behaviour.lake.s3 import S3Lake
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour_tests.cloud.redshift import RedshiftStandIn


def warehouse_on(redshift: RedshiftStandIn, lake: S3Lake, **fields: Any) -> RedshiftWarehouse:
    """`fields` are set otherwise than the stand-in would have them."""
    found = {
        "host": redshift.host,
        "port": redshift.port,
        "database": redshift.database,
        "user": redshift.user,
        "password": redshift.password,
        "ca_bundle": str(redshift.ca_bundle),
    }
    return RedshiftWarehouse(**{**found, **fields}, lake=lake, aws=lake.aws)
