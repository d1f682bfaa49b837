"""Role: where Spark programs run. A program is a file of `spark_jobs/`, its argument the URI of a job object."""

from __future__ import annotations

from abc import ABC, abstractmethod


class SparkRunner(ABC):
    """Runs Spark programs to their end."""

    @abstractmethod
    def prepare(self) -> None:
        """Says ahead that a program will be run, so that what takes time to start can; returns at once."""

    @abstractmethod
    def run(self, program: str, job: str) -> None:
        """Runs the program with `--job JOB`; returns when it has succeeded."""
