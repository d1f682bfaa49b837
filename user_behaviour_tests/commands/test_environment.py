"""`env`, and Dagster's own commands on its file: they find the instance and the code of this installation."""

import json
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dotenv import dotenv_values

from user_behaviour.commands.environment import MARK, env_lines, write_env_file
from user_behaviour.local.stack import Stack
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour.settings import SettingError
from user_behaviour_tests.command_line import Home, temporary_installation

BIN = Path(sys.executable).parent
# The checkout may have an `.env` of its own, so the command is shown another.
WRITE = """
import sys
from pathlib import Path
from user_behaviour.commands import environment
from user_behaviour.commands.cli import cli

environment.working_directory = lambda: Path(sys.argv[1])
cli(["env", "--write"])
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        yield made


@pytest.fixture(scope="module")
def checkout(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the checkout looks to Dagster, after `env --write`."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "workspace.yaml", "user_behaviour"):
        (directory / name).symlink_to(CHECKOUT / name)
    written = home.run([sys.executable, "-c", WRITE, str(directory)])
    assert written.stdout.startswith(f"{directory / '.env'} is written; "), written.stderr
    return directory


def variables(file: Path) -> dict[str, str | None]:
    """What Dagster reads in an `.env` file."""
    return dict(dotenv_values(file))


def test_a_shell_reads_what_dagster_reads(home: Home, tmp_path: Path) -> None:
    odd = {"USER_BEHAVIOUR_GLUE_DATABASE": 'a "b" $HOME `c` #d ~;é', "USER_BEHAVIOUR_LAST_DAY": ""}
    file = tmp_path / ".env"
    file.write_text(home.call("env", **odd).stdout)
    show = f"exec {sys.executable} -c 'import os, json; print(json.dumps({{**os.environ}}))'"
    shell = ["sh", "-c", f"set -a; . {file}; {show}"]
    exported = json.loads(subprocess.run(shell, env={}, capture_output=True, text=True, check=True).stdout)

    read = variables(file)
    assert {name: exported[name] for name in read} == read
    assert read == {
        **odd,
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_EVENT_BATCH_SIZE": "1000",
        "DAGSTER_HOME": f"{home.path}/dagster",
        "PYTHONWARNINGS": "ignore",
        "USER_BEHAVIOUR_DAGSTER_URL": f"postgresql+psycopg2{Stack(home.path).endpoints().dagster[10:]}",
        "USER_BEHAVIOUR_HOME": str(home.path),
    }


@pytest.mark.parametrize("value", ["it's", "C:\\home", "two\nlines", "${HOME}"])
def test_a_value_that_the_two_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match=r"^USER_BEHAVIOUR_LAKE holds a quote, a backslash, a line break or "):
        env_lines({"USER_BEHAVIOUR_LAKE": value})


def test_the_file_is_for_its_owner_alone_and_is_replaced(checkout: Path, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    for lines in ("A=1\n", "B=2\n"):
        write_env_file(file, lines)
        assert file.read_text() == f"{MARK}\n{lines}"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda file: file.write_bytes(b"USER_BEHAVIOUR_LAKE=s3://mine\n"), id="a file"),
        pytest.param(lambda file: file.write_bytes(b"A=\xe9\n"), id="a file that is no text"),
        pytest.param(lambda file: file.mkdir(), id="a directory"),
        pytest.param(lambda file: file.symlink_to("nowhere"), id="a link to nothing"),
    ],
)
def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(file := tmp_path / ".env")
    before = file.lstat()
    with pytest.raises(SettingError, match=r"\.env was not written by `user-behaviour env --write`"):
        write_env_file(file, "A=1\n")
    after = file.lstat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)


def called(command: str, directory: Path, more: Mapping[str, str | None] | None = None) -> tuple[str, str]:
    """What a Dagster command prints (output, errors), called in a directory by a user whose own directory is empty."""
    (user := directory / "user").mkdir(exist_ok=True)
    program, *arguments = command.split()
    environment = {"HOME": str(user), "PATH": "/usr/bin:/bin", **(more or {})}
    done = subprocess.run(
        [BIN / program, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, list(user.iterdir())) == (0, []), done.stdout + done.stderr
    return done.stdout, done.stderr


def test_dagster_called_in_the_checkout_finds_the_runs_of_this_installation(
    home: Home, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.deployment().dagster_environment().items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(dg.GraphDefinition("nothing").to_job())
    listed, _ = called("dagster run list", checkout)
    assert listed == f"Run: {run.run_id}\n     Job: nothing\n"


def test_dg_checks_and_lists_the_definitions_and_says_nothing_else(checkout: Path) -> None:
    exported = variables(checkout / ".env")
    checked = "All component YAML validated successfully.\nAll definitions loaded successfully.\n"
    assert called("dg check defs", checkout, exported) == (checked, "")
    listed, complaints = called("dg list defs --json", checkout, exported)
    keys = {asset["asset_key"] for asset in json.loads(listed)["assets"]}
    assert {"shop/user_purchase", "raw_purchases", "public/user_behavior_metric"} <= keys
    assert complaints == ""


def test_a_command_that_runs_keeps_no_memory_in_arrows_own_pool(home: Home) -> None:
    """Arrow reads the variable when it is imported, which is before a command knows what to set."""
    code = (
        "import pyarrow\nfrom user_behaviour.commands.dagster_process import dagster_instance\n"
        "from user_behaviour.deployments import deployment, settings\n"
        "with dagster_instance(deployment(settings())): print(pyarrow.default_memory_pool().backend_name)"
    )
    assert home.run([sys.executable, "-W", "ignore", "-c", code]).stdout == "system\n"


def test_dg_and_dagster_call_the_code_location_the_same() -> None:
    """What is switched on is remembered by that name, which `dagster` takes from the module where none is given."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (location,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    assert project["code_location_name"] == project["code_location_target_module"] == location["python_module"]
