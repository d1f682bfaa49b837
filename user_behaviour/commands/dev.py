"""`dev`: the Dagster UI with its daemon, once an installation."""

import fcntl
import os
import signal
import sys
from pathlib import Path

import click

from user_behaviour.commands.dagster_process import dagster_variables
from user_behaviour.deployments import deployment, embedded_stack, settings
from user_behaviour.instance.instance import daemon_of
from user_behaviour.local.state_file import is_free
from user_behaviour.settings import PREFIX

# Of the groups that runs of days make those that a screen has room for.
STAGES = ("sources", "landing", "staging", "spectrum", "warehouse", "report")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port on 127.0.0.1.")
def dev(port: int) -> None:
    """Start the Dagster UI and its daemon on 127.0.0.1, until Ctrl-C."""
    if not is_free(port):
        another = port % 65535 + 1
        raise click.ClickException(
            f"Port {port} of 127.0.0.1 is taken by another program; choose another: `make dev PORT={another}`, "
            f"or `user-behaviour dev --port {another}`."
        )
    if stack := embedded_stack(settings()):
        stack.up()
    deployed = deployment(settings())
    variables = dagster_variables(deployed)
    _require_no_daemon(Path(variables["DAGSTER_HOME"]))
    click.echo(f"Dagster at http://127.0.0.1:{port} in a few seconds; Ctrl-C ends it, and leaves the stack up.")
    click.echo(f"The graph, with the assets of a day in sight: {graph_page(f'http://127.0.0.1:{port}')}")
    # Dagster takes this process's place, so that signals reach it and nothing is left if it is killed. It copies how
    # it finds SIGINT, and a shell's background jobs find it ignored: they could then only be killed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not where we were called: Dagster would read an `.env` file there, and prefer it to these variables.
    os.chdir(variables["DAGSTER_HOME"])
    arguments = ["dev", "--host", "127.0.0.1", "--port", str(port), "-m", "user_behaviour.definitions"]
    command = [sys.executable, "-m", "dagster", *arguments]
    sys.stdout.flush()
    os.environ.update({f"{PREFIX}UI_URL": f"http://127.0.0.1:{port}"} | variables)
    os.execv(sys.executable, command)  # noqa: S606  (no shell: the command is words)


def graph_page(url: str) -> str:
    """The page of the whole graph with the groups of a day open; Dagster opens it with all of them closed."""
    return f"{url}/asset-groups?expanded={','.join(f'global@global:{stage}' for stage in STAGES)}"


def _require_no_daemon(dagster_home: Path) -> None:
    """Raises `ClickException` where a daemon works on this instance: two would launch each run of a sensor twice."""
    lock = os.open(dagster_home / "dev.lock", os.O_CREAT | os.O_RDWR, 0o600)
    # Held while the process lives whose place Dagster takes: another start may come before there is a daemon.
    os.set_inheritable(lock, True)  # noqa: FBT003  (it takes it in no other way)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _runs_already(int(os.read(lock, 20) or 0)) from None
    if pid := daemon_of(dagster_home):
        raise _runs_already(pid)
    os.pwrite(lock, f"{os.getpid():<20}".encode(), 0)


def _runs_already(pid: int) -> click.ClickException:
    named = f"as process {pid}; use its UI, or end it first: `kill -INT {pid}`" if pid else "and is just starting"
    return click.ClickException(f"Dagster runs on this installation already, {named}.")
