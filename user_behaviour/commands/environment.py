"""`env`: the variables of this installation as the lines of an `.env` file, for Dagster's own commands.

Dagster reads `.env` in the directory where it is called before it chooses its instance: with it, `dagster dev` and
`dg dev` in the checkout work on the instance of `user-behaviour dev`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import click

from user_behaviour.commands.dagster_process import dagster_variables
from user_behaviour.deployments import deployment, settings
from user_behaviour.project_files import working_directory
from user_behaviour.settings import SettingError

MARK = "# Written by `user-behaviour env --write`, which also replaces it. It holds passwords."


@click.command("env")
@click.option("--write", is_flag=True, help="Write them to .env in the checkout, readable by you alone.")
def env(*, write: bool) -> None:
    """Print the variables that Dagster's own commands need, as lines of an .env file."""
    deployed = deployment(settings())
    lines = env_lines(dagster_variables(deployed))
    if write:
        write_env_file(file := working_directory() / ".env", lines)
        click.echo(f"{file} is written; `dagster dev` and `dg dev` find this installation there.")
    else:
        click.echo(lines, nl=False)


def env_lines(variables: Mapping[str, str]) -> str:
    """Sorted `KEY=value` lines that a shell and Dagster read alike; `SettingError` for a value that fits none."""
    return "".join(f"{name}={_quoted(name, value)}\n" for name, value in sorted(variables.items()))


def write_env_file(file: Path, lines: str) -> None:
    """Writes the file in one step; `SettingError` where there is one that this command did not write."""
    if os.path.lexists(file) and not (file.is_file() and file.read_bytes().startswith(MARK.encode())):
        raise SettingError(
            f"{file} was not written by `user-behaviour env --write` and is left as it is; "
            "rename it, or add to it what `user-behaviour env` prints."
        )
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(f"{MARK}\n{lines}", encoding="utf-8")
    draft.replace(file)


def _quoted(name: str, value: str) -> str:
    """The value as it is, or between single quotes, within which a shell and python-dotenv differ in four ways only."""
    if re.fullmatch(r"[\w./:@%+,=-]*", value, re.ASCII):
        return value
    if any(odd in value for odd in ("'", "\\", "\n", "${")):
        raise SettingError(f"{name} holds a quote, a backslash, a line break or `${{`; no line of an .env file can.")
    return f"'{value}'"
