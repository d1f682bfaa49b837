"""Twin of the Spark role: Spark in this process."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from user_behaviour.spark.spark import SparkRunner


class LocalSpark(SparkRunner):
    """Spark in this process: a session of dagster-pyspark, started at the first program and kept.

    `java_home` is asked for when the session starts.
    """

    def __init__(self, programs: Path, *, java_home: Callable[[], Path], config: Mapping[str, Any]) -> None:
        self._programs = programs
        self._java_home = java_home
        self._config = dict(config)
        self._thread = ThreadPoolExecutor(1, "spark-start")
        self._session: Future[Any] | None = None

    @property
    def java_home(self) -> Path:
        """The JAVA_HOME that a session would have."""
        return self._java_home()

    def prepare(self) -> None:
        # A thread: the session comes up in the JVM while this process lands the data.
        self._session = self._session or self._thread.submit(self._start)

    def run(self, program: str, job: str) -> None:
        self.prepare()
        if self._session:
            self._session.result()  # the program's getOrCreate() finds it
        runpy.run_path(str(self._programs / program))["main"](["--job", job])

    def _start(self) -> Any:
        from dagster_pyspark import LazyPySparkResource

        # PySpark's launcher looks for Java here and nowhere else.
        os.environ["JAVA_HOME"] = str(self._java_home())
        # Else Spark looks for the address of a network that it has no use for, and says so.
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        return LazyPySparkResource(spark_config=self._config).spark_session
