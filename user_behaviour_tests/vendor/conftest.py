"""A vendor whose files land in a lake of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.lake.s3 import S3Lake
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.vendor.files import Vendor


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Vendor(tmp_path, instance)


@pytest.fixture(params=["local", "s3"])
def vendor_on(request: pytest.FixtureRequest, vendor: Vendor) -> Vendor:
    """The vendor before each lake that there is."""
    if request.param == "s3":
        cloud: Cloud = request.getfixturevalue("cloud")
        vendor.lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
    return vendor
