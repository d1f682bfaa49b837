"""The Dagster instance of this installation: its home, its environment, its daemon.

Knows nothing of assets, and does not import Dagster: commands that need none pass here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path


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


def daemon_of(dagster_home: Path) -> int | None:
    """The process of this user's that is the instance's Dagster daemon, whoever started it; None if there is none."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        try:
            names = {word.rpartition("/")[2] for word in process.cmdline()}
            is_daemon = names & {"dagster._daemon", "dagster-daemon"}
            if is_daemon and process.environ().get("DAGSTER_HOME") == str(dagster_home):
                return int(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # gone meanwhile, or another user's
    return None
