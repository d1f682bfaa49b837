"""A program whose children publish three days of a data set and die, as by kill -9, each at another step of the work.

Started by the tests: `python crashing_publisher.py ROOT`. The n-th child works in ROOT/n: it publishes a batch `before`
and then dies at its n-th step while it publishes another. A step is the start or the end of one of the lake's verbs,
of a rename within it, or of a write of Parquet. The last child is the first that came to its end.
"""

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas  # noqa: F401  (pyarrow would import it in every child, which takes longer than to publish and die)
import pyarrow as pa
import pyarrow.compute
import pyarrow.fs
import pyarrow.parquet as pq

from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.tables.table import Column, Table

BATCH = Column("batch_id", "varchar(64)", "the batch", nullable=False)
LETTERS = Table("letters", "One row a letter.", (Column("number", "int", "its number"), BATCH))
DAYS = tuple(date(2010, 12, day) for day in (1, 2, 3))
ROWS = 1000
VERBS = ("make_directory", "write", "swap", "delete", "move")


class Death:
    """Counts steps and ends the process at one of them, without a last word."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os._exit(9)

    def around(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = verb(*arguments, **named)
            self.step()
            return result

        return dying


def arm(death: Death) -> None:
    """Lets every verb of the local lake, and what lies beneath a write of it, be the last."""
    for verb in VERBS:
        setattr(LocalLake, verb, death.around(getattr(LocalLake, verb)))
    # Within a write: the temporary file is there, in part or whole, and not yet renamed.
    Path.rename = death.around(Path.rename)  # type: ignore[method-assign]
    for method in ("write_batch", "close"):
        setattr(pq.ParquetWriter, method, death.around(getattr(pq.ParquetWriter, method)))


def lake_at(place: str, endpoint: str = "") -> Lake:
    """The lake in a directory, or in a bucket behind an endpoint; the libraries of AWS, slow to import, only then."""
    if not endpoint:
        return LocalLake(root=place)
    from user_behaviour.aws.clients import Aws
    from user_behaviour.lake.s3 import S3Lake
    from user_behaviour_tests.cloud.moto_server import REGION

    return S3Lake(aws=Aws(region_name=REGION, endpoint_url=endpoint), bucket=place, prefix="lake")


def publish(lake: Lake, batch_id: str, days: Sequence[date] = DAYS) -> None:
    """Publishes the days, one after the other."""
    dataset = lake.dataset(LETTERS)
    for day in days:
        with dataset.write(day, batch_id) as writer:
            writer.write(pa.record_batch({"number": pa.array(range(ROWS), pa.int32())}))
            manifest = writer.manifest(as_of="2010-12-05T00:00:00.000000Z", facts={"rows_in_source": ROWS})
        dataset.publish(manifest)


def main(root: Path) -> None:
    """Forks a child for each step."""
    for step in itertools.count(1):
        child = os.fork()
        if not child:
            lake = lake_at(str(root / str(step)))
            publish(lake, "before")
            arm(Death(step))
            publish(lake, "dying")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if (code := os.waitstatus_to_exitcode(status)) != 9:
            sys.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
