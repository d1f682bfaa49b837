"""A crash at any instruction leaves what was there before, and a rerun makes it whole.

On a disk, processes really die. S3 sees of a process only its requests: there, none comes any more after the n-th.
"""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AwsError
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.s3 import S3Lake
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Middleware, Wsgi
from user_behaviour_tests.contracts import crashing_publisher
from user_behaviour_tests.contracts.crashing_publisher import DAYS, LETTERS, ROWS, publish


def seen(dataset: Dataset, days: Sequence[date] = DAYS) -> list[str]:
    """The batch that a reader finds on each day, every row of it read."""
    batches = []
    for day in days:
        manifest: Manifest = dataset.current(day)
        table = pa.Table.from_batches(dataset.read(manifest), LETTERS.arrow_schema())
        assert table["number"].to_pylist() == list(range(ROWS))
        assert manifest.rows == ROWS
        (batch,) = set(table["batch_id"].to_pylist())
        assert batch == manifest.batch_id
        batches.append(batch)
    return batches


def test_after_a_death_at_any_step_each_day_is_whole_and_a_rerun_publishes_all(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, crashing_publisher.__file__, str(tmp_path)], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    lakes = [LocalLake(root=str(tmp_path / str(step))) for step in range(1, len(list(tmp_path.iterdir())) + 1)]

    states = [seen(lake.dataset(LETTERS)) for lake in lakes]
    for lake in lakes:
        publish(lake, "after")

    # In order of death: no day, the first, the first two, all three; never a part of a day, never a day lost.
    assert [s for n, s in enumerate(states) if not n or s != states[n - 1]] == [
        ["dying"] * n + ["before"] * (3 - n) for n in range(4)
    ]
    assert len(states) > 30
    assert all(seen(lake.dataset(LETTERS)) == ["after"] * 3 for lake in lakes)


def dead_after(requests: int) -> Middleware:
    """Lets so many requests through, and none after them."""
    left = itertools.count(requests, -1)

    def middleware(application: Wsgi) -> Wsgi:
        def gate(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if next(left) > 0:
                return application(environ, start_response)
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b""]

        return gate

    return middleware


def test_after_the_last_request_of_a_dead_process_each_day_on_s3_is_whole_and_a_rerun_publishes_all(
    cloud: Cloud,
) -> None:
    days, bucket = DAYS[:2], cloud.bucket()
    living, dying = cloud.aws, Aws(region_name=REGION, endpoint_url=cloud.url, max_attempts=1)
    states = []
    for step in itertools.count():
        lake = S3Lake(aws=living, bucket=bucket, prefix=f"lake/{step}")
        publish(lake, "before", days)
        died = False
        with cloud.behind(dead_after(step)):
            try:
                publish(S3Lake(aws=dying, bucket=bucket, prefix=f"lake/{step}"), "dying", days)
            except AwsError:
                died = True
        states.append(seen(lake.dataset(LETTERS), days))
        publish(lake, "after", days)
        assert seen(lake.dataset(LETTERS), days) == ["after"] * 2
        if not died:
            break

    assert [s for n, s in enumerate(states) if not n or s != states[n - 1]] == [
        ["dying"] * n + ["before"] * (2 - n) for n in range(3)
    ]
    assert len(states) == 1 + 6 * len(days)
