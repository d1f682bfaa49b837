"""Runs whose process is gone: which they are, and what they held (docs/adr/0019).

Nobody else notices them: `kill -9` leaves no last word, and Dagster's daemon asks only where a run launcher can tell.
"""

import os
import re
import socket
from collections.abc import Iterable

import dagster as dg
import psutil  # type: ignore[import-untyped]

from user_behaviour.instance.sessions import Session, Sessions, open_sessions

PROCESS_TAG = "user_behaviour/process"
SESSION_TAG = "user_behaviour/session"
CODE_LOCATION_TAG = "dagster/code_location"  # which Dagster gives to the runs that it launches

_PROCESS = re.compile(r"(?P<host>.+):(?P<pid>\d+):(?P<started>\d+)")

# A start time is told relative to the boot time, which moves when the clock is set. Should a process id come round
# within this minute, an abandoned run is only recognised later.
_CLOCK_TOLERANCE_SECONDS = 60


def process_tag() -> dict[str, str]:
    """The run tag that names this process, `<host>:<pid>:<start, epoch seconds>`, for runs that it executes itself."""
    return {PROCESS_TAG: _this_process()}


def session_tag(session: Session) -> dict[str, str]:
    """The run tag that names this process and its session: `<host>:<pid>:<start>:<session>`."""
    return {SESSION_TAG: f"{_this_process()}:{session.hold()}"}


def process_of(run: dg.DagsterRun) -> str:
    """The process that executes a run, as `<host>:<pid>:<start>`; empty where nothing says."""
    return run.tags[SESSION_TAG].rpartition(":")[0] if SESSION_TAG in run.tags else run.tags.get(PROCESS_TAG, "")


def dead(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[dg.DagsterRun]:
    """Those of the runs whose process is gone.

    By its session, if the run has begun to be executed by this version; else by its process, on this host alone.
    """
    runs = list(runs)
    if not any(SESSION_TAG in run.tags for run in runs):
        return [run for run in runs if _is_gone(run)]
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]  # of every storage in SQL
        sessions = open_sessions(connection)
    return [run for run in runs if _is_dead(run, sessions)]


def _is_dead(run: dg.DagsterRun, sessions: Sessions) -> bool:
    if SESSION_TAG not in run.tags:
        return _is_gone(run)
    number = run.tags[SESSION_TAG].rpartition(":")[2]
    return number not in sessions.numbers and (sessions.is_settled or _is_gone(run))


def report_abandoned(instance: dg.DagsterInstance) -> int:
    """Reports the unfinished runs whose process is gone; returns how many there were."""
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    abandoned = dead(instance, instance.get_runs(filters=unfinished))
    for run in abandoned:
        report(instance, run)
    return len(abandoned)


def report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Marks a run whose process is gone as failed, if it is not finished, and gives its pool slots back.

    A slot that is not given back makes every later step of its pool wait, for ever if no daemon runs.
    """
    if not run.is_finished:
        if run.remote_job_origin is None or PROCESS_TAG in run.tags:
            # The daemon cannot retry a run that it did not launch; this keeps it from trying.
            instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
        instance.report_run_failed(
            run,
            f"The process that executed this run ({process_of(run)}, as host:pid:start) ended "
            "without finishing it: it was killed, or the machine stopped. What it published is whole; run the same "
            "days again.",
        )
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_gone(run: dg.DagsterRun) -> bool:
    """Whether a tag of the run names a process of this host that runs no more; False for what is not such a tag."""
    named = _PROCESS.fullmatch(process_of(run))
    if named is None or named["host"] != socket.gethostname():
        return False
    started = _started(int(named["pid"]))
    return started is None or abs(started - int(named["started"])) > _CLOCK_TOLERANCE_SECONDS


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(pid: int) -> int | None:
    """When the process started, in epoch seconds; None if there is no such process."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.NoSuchProcess:
        return None
