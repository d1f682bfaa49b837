"""Publishing the same day from several processes at once: the pointer is one of the batches, whole."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.contracts.crashing_publisher import LETTERS, ROWS, lake_at

DAY = date(2010, 12, 1)
TIMES = 20

# Waits for the others at its input, then publishes batches whose view is older or newer at random.
_PUBLISHER = """
import random, sys
from datetime import date
import pyarrow as pa
from user_behaviour_tests.contracts.crashing_publisher import LETTERS, ROWS, lake_at
name, times, *place = sys.argv[1:]
dataset = lake_at(*place).dataset(LETTERS)
views = random.Random(name).sample(range(100_000), int(times))
print("ready", flush=True)
sys.stdin.readline()
for view in views:
    with dataset.write(date(2010, 12, 1), f"{name}-{view}") as writer:
        writer.write(pa.record_batch({"number": pa.array(range(ROWS), pa.int32())}))
        manifest = writer.manifest(as_of=f"2010-12-05T00:00:00.{view:06}Z")
    print(view, int(dataset.publish(manifest) is not None))
"""


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    if request.param == "local":
        return (str(tmp_path),)
    cloud: Cloud = request.getfixturevalue("cloud")
    return (cloud.bucket(), cloud.url)


def test_of_runs_that_publish_a_day_at_once_the_newest_view_stays_whole(place: tuple[str, ...]) -> None:
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", _PUBLISHER, name, str(TIMES), *place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for name in ("a", "b")
    ]
    for publisher in publishers:
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "ready\n"
    published: list[list[tuple[int, bool]]] = []
    for publisher in publishers:
        assert publisher.stdin is not None
        publisher.stdin.write("go\n")
        publisher.stdin.flush()
    for publisher in publishers:
        output, _ = publisher.communicate()
        assert publisher.returncode == 0
        lines = [line.split() for line in output.splitlines()]
        published.append([(int(view), flag == "1") for view, flag in lines])

    dataset = lake_at(*place).dataset(LETTERS)
    current = dataset.current(DAY)
    newest = max(view for views in published for view, _ in views)
    assert current.as_of == f"2010-12-05T00:00:00.{newest:06}Z"
    rows = [row for batch in dataset.read(current) for row in batch.to_pylist()]
    assert rows == [{"number": n, "batch_id": current.batch_id} for n in range(ROWS)]
    for views in published:
        accepted = [view for view, was_published in views if was_published]
        assert accepted == sorted(accepted)  # nobody ever went back behind what he had put in force himself
