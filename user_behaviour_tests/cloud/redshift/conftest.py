"""Sessions on the stand-in, each through psycopg2 as production opens them, and files on S3 for them."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg2.extensions import connection, cursor

from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn

Connect = Callable[..., connection]
DAYS = ("2010-12-01", "2010-12-02", "2010-12-03")


def buyers(*customers: int, country: str = "France") -> pa.Table:
    """Rows of the external table `spectrum.buyers`."""
    countries = pa.array([country] * len(customers), pa.string())
    return pa.table({"customer": pa.array(customers, pa.int32()), "country": countries})


@pytest.fixture
def connect(redshift: RedshiftStandIn) -> Iterator[Connect]:
    """Opens sessions; what is given goes before what the stand-in says. The warehouse is empty at first."""
    redshift.reset()
    opened: list[connection] = []

    def connect(*, autocommit: bool = False, **parameters: Any) -> connection:
        stand_in: dict[str, Any] = {
            "host": redshift.host,
            "port": redshift.port,
            "dbname": redshift.database,
            "user": redshift.user,
            "password": redshift.password,
            "sslmode": "verify-full",
            "sslrootcert": str(redshift.ca_bundle),
        }
        session: connection = psycopg2.connect(**(stand_in | parameters))
        session.autocommit = autocommit
        opened.append(session)
        return session

    yield connect
    for session in opened:
        session.close()
    redshift.faults.clear()


@pytest.fixture
def sql(connect: Connect) -> Iterator[cursor]:
    """A cursor of a session in which each statement is a transaction."""
    with connect(autocommit=True).cursor() as cursor:
        yield cursor


@dataclass(frozen=True)
class Bucket:
    """A bucket of the test's own."""

    cloud: Cloud
    name: str

    def put(self, key: str, rows: pa.Table | bytes) -> int:
        """Writes Parquet, or bytes as they are; gives the size."""
        if isinstance(rows, bytes):
            data = rows
        else:
            sink = io.BytesIO()
            pq.write_table(rows, sink)
            data = sink.getvalue()
        self.cloud.aws.client("s3").put_object(Bucket=self.name, Key=key, Body=data)
        return len(data)

    def manifest(self, key: str, *entries: dict[str, Any]) -> None:
        self.put(key, json.dumps({"entries": list(entries)}).encode())

    def get(self, key: str) -> bytes:
        body: bytes = self.cloud.aws.client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str = "") -> list[str]:
        found = self.cloud.aws.client("s3").list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", ())]

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


@pytest.fixture
def bucket(cloud: Cloud) -> Bucket:
    return Bucket(cloud, cloud.bucket())


@pytest.fixture
def lake(sql: cursor, bucket: Bucket) -> Bucket:
    """An external table `spectrum.buyers` without partitions, and files for three days."""
    database = bucket.name.replace("-", "_")
    sql.execute(
        f"create external schema spectrum from data catalog database '{database}' "
        "iam_role default create external database if not exists"
    )
    sql.execute(
        "create external table spectrum.buyers (customer int, country varchar(6)) partitioned by (insert_date date) "
        f"stored as parquet location '{bucket.uri('buyers/')}'"
    )
    for number, day in enumerate(DAYS, start=1):
        bucket.put(f"buyers/{day}/b1/part.parquet", buyers(number))
    return bucket
