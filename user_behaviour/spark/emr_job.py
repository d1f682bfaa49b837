"""A Spark job on EMR, as values: its name, its state, and how it ends badly.

Nothing here asks EMR.
"""

import hashlib
from dataclasses import dataclass
from pathlib import PurePath


class SparkJobError(Exception):
    """A Spark job on EMR came to no good end; nothing that it wrote was published."""


class SparkJobLostError(SparkJobError):
    """EMR does not know the job any more."""


@dataclass(frozen=True)
class JobState:
    """A job's state under the name that AWS gives it, with what AWS says about it; `succeeded` None: not ended yet."""

    name: str
    details: str = ""
    succeeded: bool | None = None


def job_name(program: str, job: str) -> str:
    """The name that a job has wherever it is started from: at most 64 characters of those that a client token may have.

    The job object makes it, and not the program's version: two versions of a program must never write to the output
    that one job object names.
    """
    digest = hashlib.sha256(f"{program}\n{job}".encode()).hexdigest()
    return f"{PurePath(program).stem[:43]}-{digest[:20]}"
