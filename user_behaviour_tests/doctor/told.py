"""What a self-check says, as tuples to compare (subject, ok, found, remedy); and an answer that moto lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from user_behaviour.diagnosis import Diagnosis
from user_behaviour_tests.cloud.policies import answering

Told = tuple[str, bool | None, str, str]


def told(diagnoses: Iterable[Diagnosis]) -> list[Told]:
    return [(one.subject, one.ok, one.found, one.remedy) for one in diagnoses]


def not_good(diagnoses: Iterable[Diagnosis]) -> list[Told]:
    return [one for one in told(diagnoses) if not one[1]]


def _lists_job_runs(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "GET" and str(environ["PATH_INFO"]).endswith("/jobruns")


without_jobs = answering(_lists_job_runs, '{"jobRuns": []}')
"""EMR Serverless with no job: of an application that never had one, moto says that it does not exist."""
