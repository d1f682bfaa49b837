"""What a self-check says: a line a finding, its remedy below; and an answer that moto lacks."""

from collections.abc import Iterable
from typing import Any

from user_behaviour.diagnosis import Diagnosis
from user_behaviour_tests.cloud.policies import answering

MARKS = {True: "✓", False: "✗", None: "–"}


def said(diagnoses: Iterable[Diagnosis]) -> str:
    lines = ((f"{MARKS[one.ok]} {one.subject}: {one.found}", one.remedy and f"  {one.remedy}") for one in diagnoses)
    return "\n".join(line for pair in lines for line in pair if line)


def complaints(diagnoses: Iterable[Diagnosis]) -> str:
    """Only what is not good."""
    return said(one for one in diagnoses if not one.ok)


def marts_are_green(user: str) -> list[str]:
    """What is said where the user may do what a run does to the marts."""
    members = ("marts.dim_customer", "marts.dim_country", "marts.dim_product")
    rows = ("marts.fact_purchase_line", "marts.fact_review", "intermediate.customer_day")
    verbs = {**dict.fromkeys(members, "update"), **dict.fromkeys(rows, "delete")}
    return [f"✓ {name}: {user} may select, insert, {verb}" for name, verb in verbs.items()]


def _lists_job_runs(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "GET" and str(environ["PATH_INFO"]).endswith("/jobruns")


without_jobs = answering(_lists_job_runs, '{"jobRuns": []}')
"""EMR Serverless with no job: of an application that never had one, moto says that it does not exist."""
