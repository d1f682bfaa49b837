"""A machine of EMR: runs a submitted program by the rules of spark-submit, with local Spark, against S3.

PySpark's wheel has no S3 connector. So what the job object names is fetched into a directory first, Hadoop is told to
look there for every `s3://` address, and what the program wrote is put back. Program, arguments and addresses are
those that were submitted, untouched. The machines of a process share a driver, which stays up (`spark_driver`).
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from user_behaviour.aws.clients import Aws
from user_behaviour.spark.class_archive import with_archive
from user_behaviour.spark.java import java_home
from user_behaviour.spark.local_config import SPARK_CONFIG

_LOCAL = "org.apache.hadoop.fs.RawLocalFileSystem"
_AT_ONCE = 8
# Hadoop's file system that sends the addresses of a scheme to directories, without the addresses noticing.
_S3_IS_HERE = {
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "spark.hadoop.fs.viewfs.overload.scheme.target.s3.impl": _LOCAL,
    "spark.hadoop.fs.viewfs.overload.scheme.target.file.impl": _LOCAL,
    "spark.hadoop.fs.s3.impl.disable.cache": "true",  # the directories are others in the next job
}
_ONE_AT_A_TIME = threading.Lock()
_driver: subprocess.Popen[bytes] | None = None


def driver() -> subprocess.Popen[bytes]:
    """The driver of this process's machines: the one that is up, or a new one."""
    global _driver
    if _driver is None or _driver.poll() is not None:
        home = java_home(Path(), environ=os.environ)
        config = with_archive(SPARK_CONFIG, home).items()
        submit = [part for name, value in config for part in ("--conf", f"{name}={value}")]
        environ = {"JAVA_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
        _driver = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("spark_driver.py"))],
            env=os.environ | environ | {"PYSPARK_SUBMIT_ARGS": shlex.join([*submit, "pyspark-shell"])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(_end, _driver)
    return _driver


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()  # closes the pipes


@dataclass(frozen=True)
class Submission:
    """What was submitted: the program's address, its arguments, and options of spark-submit."""

    entry_point: str
    arguments: Sequence[str]
    options: Sequence[str] = ()

    @classmethod
    def from_command(cls, command: Sequence[str]) -> Submission:
        """Reads a command line of spark-submit; every option of it has a value."""
        if command[0] != "spark-submit":
            raise ValueError(f"command-runner.jar was given {command[0]!r}, which is not spark-submit.")
        first = 1
        while command[first].startswith("--"):
            first += 2
        return cls(command[first], list(command[first + 1 :]), list(command[1:first]))

    @property
    def modules(self) -> list[str]:
        """The addresses of the modules that go with the program."""
        at = self.options.index("--py-files") + 1 if "--py-files" in self.options else 0
        return self.options[at].split(",") if at else []


class SparkMachine:
    """Runs submissions in directories of `workdir`, each by itself."""

    def __init__(self, aws: Aws, workdir: Path) -> None:
        self._s3 = aws.client("s3")
        self._workdir = workdir

    def run(
        self, job_id: str, submission: Submission, runs_in: Callable[[subprocess.Popen[bytes] | None], None]
    ) -> int:
        """Runs the program to its end and gives its exit code; `log(job_id)` is then what it said.

        `runs_in` is told in which process it runs, and as soon as it does not any more: others go on in it.
        """
        mirror = self._workdir / job_id / "s3"
        job_uri = submission.arguments[submission.arguments.index("--job") + 1]
        program, job = (self._fetch(mirror, uri)[0] for uri in (submission.entry_point, job_uri))
        named = json.loads(job.read_text())
        modules = self._fetch(mirror, *submission.modules)
        inputs = named.get("inputs", ())
        self._fetch(mirror, *(entry["location"] + "/" for entry in inputs if "location" in entry))
        self._fetch(mirror, *(f"{uri}/" for uri in [named.get("settings", {}).get("model")] if uri))
        self._fetch(mirror, *(file["uri"] for entry in inputs for file in entry.get("files", ())))
        asked = {
            "program": str(program),
            "arguments": [*submission.arguments],
            "directory": str(self._workdir / job_id),
            "log": str(self._log(job_id)),
            "modules": [str(module.parent) for module in modules],
            "properties": self._properties(mirror, submission.options, modules),
        }
        with _ONE_AT_A_TIME:
            process = driver()
            runs_in(process)
            code = _answer(process, asked)
            runs_in(None)
        # Also of a program that failed: on S3 what its tasks had written would be there, too.
        for place in ("quarantine", "result", "output"):
            if place in named:
                self._put_back(mirror, named[place])
        return code

    def log(self, job_id: str) -> str:
        return self._log(job_id).read_text(errors="replace")

    def _log(self, job_id: str) -> Path:
        return self._workdir / job_id / "stderr"

    def _properties(self, mirror: Path, options: Sequence[str], modules: Sequence[Path]) -> dict[str, str]:
        given = (
            value.partition("=") for name, value in zip(options[::2], options[1::2], strict=True) if name == "--conf"
        )
        mounted = {
            f"spark.hadoop.fs.viewfs.mounttable.{bucket.name}.linkFallback": bucket.as_uri()
            for bucket in mirror.iterdir()
        }
        path = os.pathsep.join(str(module.parent) for module in modules)
        return {**_S3_IS_HERE, **mounted, "spark.executorEnv.PYTHONPATH": path} | {n: v for n, _, v in given}

    def _fetch(self, mirror: Path, *uris: str) -> list[Path]:
        """Copies an object, or what is below an address that ends with `/`; the local paths of what was asked for."""
        wanted: list[tuple[str, str]] = []
        for uri in uris:
            bucket, key = _place(uri)
            if uri.endswith("/"):
                pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
                wanted += [(bucket, found["Key"]) for page in pages for found in page.get("Contents", ())]
            else:
                wanted.append((bucket, key))

        def fetch(place: tuple[str, str]) -> None:
            target = mirror.joinpath(*place)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._s3.get_object(Bucket=place[0], Key=place[1])["Body"].read())

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(fetch, wanted))
        return [mirror.joinpath(*_place(uri)) for uri in uris]

    def _put_back(self, mirror: Path, output: str) -> None:
        bucket, _ = _place(output)
        root = mirror / bucket

        def put(path: Path) -> Any:
            return self._s3.put_object(Bucket=bucket, Key=str(path.relative_to(root)), Body=path.read_bytes())

        files = [path for path in mirror.joinpath(*_place(output)).rglob("*") if path.is_file()]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(put, [path for path in files if path.name != "_SUCCESS"]))
        for path in files:
            if path.name == "_SUCCESS":  # last, as the committer does it
                put(path)


def _answer(process: subprocess.Popen[bytes], asked: dict[str, Any]) -> int:
    """The exit code of a program; that of the driver, where it was killed or died of it."""
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return process.wait()
    return int(said) if (said := process.stdout.readline()) else process.wait()


def _place(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme != "s3":
        raise ValueError(f"{uri} is not an address on S3; a machine of EMR reaches no other.")
    return parts.netloc, parts.path.lstrip("/")
