"""Starts a Dagster process of the deployment: `python deploy/entrypoint.py dagster-daemon run`.

Puts dagster.yaml into DAGSTER_HOME, resolves the URL of Dagster's storage if it is a secret, and becomes the command.
On ECS the settings come in one variable, STACK_SETTINGS, a line for each (deploy/template.yaml).
"""

import os
import sys

from user_behaviour.deployments import deployment, settings


def main(command: list[str]) -> None:
    """Becomes the command, found on PATH, in the environment of a Dagster process."""
    if not command:
        sys.exit("Say what to start: python deploy/entrypoint.py dagster-daemon run")
    os.environ.update(line.split("=", 1) for line in os.environ.pop("STACK_SETTINGS", "").splitlines())
    environment = {**os.environ, **deployment(settings()).dagster_environment()}
    os.execvpe(command[0], command, environment)  # noqa: S606  (no shell: the command is words)


if __name__ == "__main__":
    main(sys.argv[1:])
