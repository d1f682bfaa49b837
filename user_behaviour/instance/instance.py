"""The Dagster instance of this process: its home, its environment, and the runs that a killed process left.

Knows nothing of assets. Dagster is imported only where it is needed, since commands that need no Dagster pass here.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

PROCESS_TAG = "user_behaviour/process"

_PROCESS = re.compile(r"(?P<host>.+):(?P<pid>\d+):(?P<started>\d+)")

# A start time is told relative to the boot time, which moves when the clock is set. Should a process id come round
# within this minute, an abandoned run is only recognised later.
_CLOCK_TOLERANCE_SECONDS = 60


def prepare(dagster_home: Path, template: Path, *, dagster_url: str) -> dict[str, str]:
    """Puts the template into `dagster_home` as dagster.yaml, and returns the environment of a Dagster process.

    `dagster_url` is a libpq or SQLAlchemy URL of the database for Dagster's storage. The environment of this process
    is left alone.
    """
    home = dagster_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    target, text = home / "dagster.yaml", template.read_text()
    if not target.is_file() or target.read_text() != text:
        draft = home / f"dagster.yaml.{os.getpid()}"
        draft.write_text(text)
        draft.replace(target)  # in one step: another process may be reading it
    return {
        "DAGSTER_HOME": str(home),
        # dagster-postgres brings psycopg2; without a driver's name, SQLAlchemy 2.1 and later take psycopg 3.
        "USER_BEHAVIOUR_DAGSTER_URL": re.sub("^postgres(ql)?://", "postgresql+psycopg2://", dagster_url),
        "DAGSTER_EVENT_BATCH_SIZE": "1000",  # unset, Dagster writes the events of a range of days one by one
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # Arrow's own pool keeps what each of its threads once used: 120 MiB more at ten times the data, and no faster.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


def process_tag() -> dict[str, str]:
    """The run tag by which `abandoned_runs` recognises the runs of this process: `<host>:<pid>:<start, epoch seconds>`.

    For runs that a process executes itself (`execute_in_process`), not for runs that the daemon launches.
    """
    pid = os.getpid()
    return {PROCESS_TAG: f"{socket.gethostname()}:{pid}:{_started(pid)}"}


def abandoned_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The unfinished runs that carry the tag of a process of this host that is gone.

    Nobody else notices them: the daemon watches the runs that it launched, and `kill -9` leaves no last word.
    """
    import dagster as dg

    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    return [run for run in instance.get_runs(filters=unfinished) if _is_gone(run.tags.get(PROCESS_TAG, ""))]


def report_abandoned(instance: dg.DagsterInstance) -> int:
    """Marks the abandoned runs as failed and gives their pool slots back; returns how many there were.

    A slot that is not given back makes every later step of its pool wait, for ever if no daemon runs.
    """
    runs = abandoned_runs(instance)
    for run in runs:
        # The daemon cannot retry a run that it did not launch; this keeps it from trying.
        instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
        instance.report_run_failed(
            run,
            f"The process that executed this run ({run.tags[PROCESS_TAG]}, as host:pid:start) ended without finishing "
            "it: it was killed, or the machine stopped. What it published is whole; run the same days again.",
        )
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(runs)


def daemon_of(dagster_home: Path) -> int | None:
    """The process of this user's that is the instance's Dagster daemon, whoever started it; None if there is none."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        try:
            is_daemon = any(
                word in ("dagster._daemon", "dagster-daemon") for word in map(_last_part, process.cmdline())
            )
            if is_daemon and process.environ().get("DAGSTER_HOME") == str(dagster_home):
                return int(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # gone meanwhile, or another user's
    return None


def _last_part(word: str) -> str:
    return word.rpartition("/")[2]


def _is_gone(tag: str) -> bool:
    """Whether the tag names a process of this host that runs no more; False for what is not such a tag."""
    named = _PROCESS.fullmatch(tag)
    if named is None or named["host"] != socket.gethostname():
        return False
    started = _started(int(named["pid"]))
    return started is None or abs(started - int(named["started"])) > _CLOCK_TOLERANCE_SECONDS


def _started(pid: int) -> int | None:
    """When the process started, in epoch seconds; None if there is no such process."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.NoSuchProcess:
        return None
