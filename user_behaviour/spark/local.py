"""Twin of the Spark role: Spark in this process, by a session of dagster-pyspark that is kept."""

import os
import runpy
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field

from user_behaviour.diagnosis import Diagnosis, good, judged
from user_behaviour.spark.class_archive import make_in_background, with_archive
from user_behaviour.spark.java import java_home
from user_behaviour.spark.local_config import SPARK_CONFIG
from user_behaviour.spark.spark import SparkRunner

# PySpark 4.3 imports what its own tests need as it starts, and warns of pandas 3, which nothing here hands to it.
warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)

_start_thread = ThreadPoolExecutor(1, "spark-start")


class LocalSpark(SparkRunner):
    """Spark in the run's own process; its session starts with the first program."""

    home: str = Field(description="Where a JAVA_HOME is made on a machine that has no Java of its own.")

    @property
    def java_home(self) -> Path:
        """The JAVA_HOME that a session would have."""
        return java_home(Path(self.home), environ=os.environ)

    def prepare(self) -> None:
        _starting(self)

    def run(self, program: str, job: str, *, modules: Sequence[str] = ()) -> None:
        session = _starting(self).result()  # the program's getOrCreate() finds it
        for module in modules:
            session.sparkContext.addPyFile(module)
        path = Path(self.programs) / program
        runpy.run_path(str(path))["main"](["--job", job])
        make_in_background(path, Path(os.environ["JAVA_HOME"]))

    def self_check(self) -> Iterator[Diagnosis]:
        yield good("Java", str(self.java_home))
        is_there = find_spec("pyspark") is not None
        found = "is installed" if is_there else "is not installed"
        yield judged("PySpark", is_there, found, "Install it with: pip install user_behaviour")


@cache
def _starting(spark: LocalSpark) -> Future[Any]:
    """The session of this process, coming up in a thread: Spark has one a process, whatever resources ask for it."""
    return _start_thread.submit(_start, spark)


def _start(spark: LocalSpark) -> Any:
    # Here, since it imports pyspark, and the lazy one, since the other starts Spark as soon as a run sets it up.
    from dagster_pyspark import LazyPySparkResource

    # PySpark's launcher looks for Java here and nowhere else.
    home = spark.java_home
    os.environ["JAVA_HOME"] = str(home)
    # Else Spark looks up an address of the machine, which it does not need here, and logs a warning.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable  # of the workers; else the machine's own
    return LazyPySparkResource(spark_config=with_archive(SPARK_CONFIG, home)).spark_session
