"""The programs of `spark_jobs/`, in the lake: where a Spark that is not on this machine finds them.

One object a version, named by a digest of its content and written once: a job that waits runs what it was given.
"""

import hashlib
from pathlib import Path, PurePath

from user_behaviour.lake.lake import Lake

PROGRAMS = "_programs"


class SparkPrograms:
    """The files of `directory`, put into the lake when they are first asked for."""

    def __init__(self, directory: Path, lake: Lake) -> None:
        self._directory = directory
        self._lake = lake

    def uri(self, program: str) -> str:
        """The address of the program as this installation has it."""
        content = (self._directory / program).read_bytes()
        version = hashlib.sha256(content).hexdigest()[:16]
        path = f"{PROGRAMS}/{PurePath(program).stem}/{version}.py"
        self._lake.swap(path, content, expected=None)  # False: it is there already
        return self._lake.uri(path)
