"""Role: where Spark programs run. A program is a file of `spark_jobs/`, its argument the URI of a job object."""

from __future__ import annotations

import os
import runpy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource


class SparkRunner(ABC):
    """Runs Spark programs to their end."""

    @abstractmethod
    def run(self, program: str, job: str) -> None:
        """Runs the program with `--job JOB`; returns when it has succeeded."""


class LocalSpark(SparkRunner):
    """Spark in this process: a session of dagster-pyspark, started at the first program and kept.

    `java_home` is asked for when the session starts.
    """

    def __init__(self, programs: Path, *, java_home: Callable[[], Path], config: Mapping[str, Any]) -> None:
        self._programs = programs
        self._java_home = java_home
        self._config = dict(config)

    def run(self, program: str, job: str) -> None:
        _ = self._pyspark.spark_session  # the program's getOrCreate() finds it
        runpy.run_path(str(self._programs / program))["main"](["--job", job])

    @cached_property
    def _pyspark(self) -> LazyPySparkResource:
        from dagster_pyspark import LazyPySparkResource

        # PySpark's launcher looks for Java here and nowhere else.
        os.environ["JAVA_HOME"] = str(self._java_home())
        # Else Spark looks for the address of a network that it has no use for, and says so.
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        return LazyPySparkResource(spark_config=self._config)
