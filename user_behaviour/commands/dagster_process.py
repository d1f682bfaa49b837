"""What a command needs to be one of Dagster's processes: the environment, and the instance of this installation."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from user_behaviour.deployments import Deployment, settings
from user_behaviour.settings import PREFIX

if TYPE_CHECKING:
    import dagster as dg


def dagster_variables(deployed: Deployment) -> dict[str, str]:
    """The variables by which any Dagster process finds this installation's instance, and the code its settings."""
    own = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    return {
        **own,
        f"{PREFIX}HOME": str(settings().home),  # absolute: the process may start elsewhere
        **deployed.dagster_environment(),
        # The runs are processes of their own: beta notices of Dagster and PySpark are for developers, not for users.
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def dagster_instance(deployed: Deployment) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, for as long as it is entered; its environment becomes this process's, and stays.

    One process at a time opens it: on a new home this makes Dagster's tables, and of two that do so at once one fails.
    """
    os.environ.update(deployed.dagster_environment())
    import dagster as dg
    import pyarrow as pa

    # Arrow came with the lake, before the variable that chooses its memory pool.
    pa.set_memory_pool(pa.system_memory_pool())

    with open(settings().home / "dagster" / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance
