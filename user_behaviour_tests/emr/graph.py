"""A small graph whose second asset is written by a Spark program on EMR, in a lake on S3.

Run as a program it is an orchestrator that a test can kill: `python -m user_behaviour_tests.emr.graph JSON`.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.aws.clients import Aws
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.cloud.moto_server import REGION
from user_behaviour_tests.io_managers.greenhouse import MON, TUE
from user_behaviour_tests.spark.test_output import readings, verdicts


@dataclass(frozen=True)
class Graph:
    """Where the graph runs."""

    url: str
    bucket: str
    programs: str
    application: str
    role: str

    @property
    def lake(self) -> S3Lake:
        return S3Lake(aws=Aws(region_name=REGION, endpoint_url=self.url), bucket=self.bucket, prefix="lake")

    def run(
        self, instance: dg.DagsterInstance, *, select: str = "*", tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Materializes Monday and Tuesday."""
        return dg.materialize(
            [readings, verdicts(partial(self.spark.run, "verdicts.py"))],
            resources={"files": LakeIOManager(lake=self.lake)},
            instance=instance,
            selection=select,
            raise_on_error=False,
            tags={**DayRange(MON, TUE).tags(), **(tags or {})},
        )

    @property
    def spark(self) -> EmrServerlessSpark:
        return EmrServerlessSpark(
            aws=Aws(region_name=REGION, endpoint_url=self.url),
            programs=self.programs,
            lake=self.lake,
            application=self.application,
            role=self.role,
            minutes=5,
            poll_seconds=0.05,
        )


def do_the_work(lake: S3Lake, job_uri: str) -> None:
    """Writes what the program of the job would have written; the worker only says how the job went."""
    job = json.loads((lake.read(job_uri.removeprefix(lake.uri("") + "/")) or (b"",))[0])
    output = job["output"].removeprefix(lake.uri("") + "/")
    for entry in job["inputs"]:
        source = entry["location"].removeprefix(lake.uri("") + "/")
        found = pq.read_table(f"{source}/part-00000.parquet", filesystem=lake.filesystem(), partitioning=None)
        many = found.num_rows
        batch = pa.array([job["batch_id"]] * many)
        table = pa.table({"sensor": found["sensor"], "warm": pa.array([True] * many), "batch_id": batch})
        path = f"{output}/measured_on={entry['insert_date']}/part-00000-0815.c000.snappy.parquet"
        pq.write_table(table, path, filesystem=lake.filesystem())
    lake.write(f"{output}/_SUCCESS", b"")


def as_argument(graph: Graph) -> str:
    return json.dumps(asdict(graph))


if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as ephemeral:
        Graph(**json.loads(sys.argv[1])).run(ephemeral)
