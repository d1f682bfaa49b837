"""Role: where Spark programs run. A program is a file of `spark_jobs/`, its argument the URI of a job object."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import dagster as dg
from pydantic import Field

from user_behaviour.diagnosis import Diagnosis


class SparkRunner(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the Spark programs of `spark_jobs/` run, each to its end."""

    is_elsewhere: ClassVar[bool] = False
    """Whether programs run on machines of their own, on which what grows with the data is better done than here."""

    programs: str = Field(description="The directory of the programs.")

    def prepare(self) -> None:  # for a twin that has something to start
        """Says ahead that a program will be run, so that what takes time to start can; returns at once."""

    @abstractmethod
    def run(self, program: str, job: str, *, modules: Sequence[str] = ()) -> None:
        """Runs the program with `--job JOB`; returns when it has succeeded. It can import `modules`, paths of files."""

    @abstractmethod
    def self_check(self) -> Iterator[Diagnosis]:
        """Looks at what would run a program; nothing is started."""
