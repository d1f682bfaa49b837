"""The image and the instance of the aws deployment. No Docker engine: the Dockerfile is read, the rest is run."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import certifi
import yaml

from user_behaviour.instance.ecs_launcher import WatchedEcsRunLauncher
from user_behaviour.instance.launcher import WatchedRunLauncher
from user_behaviour.instance.storage import PooledPostgresStorage
from user_behaviour.local.planned_events import LocalPostgresStorage
from user_behaviour.local.stack import Stack
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.deploy.created_stack import DEPLOY, template

CHECKOUT = DEPLOY.parent
BIN = Path(sys.executable).parent


def _instructions() -> list[tuple[str, str]]:
    """(FROM, RUN, …; the rest of the line), lines that end in a backslash joined."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [(word, rest) for line in lines if line and not line.startswith("#") for word, rest in [line.split(" ", 1)]]


def _yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def test_the_base_image_is_pinned_to_the_python_that_is_tested() -> None:
    (base,) = [rest for word, rest in _instructions() if word == "FROM"]
    assert re.fullmatch(r"python:3\.(1[1-9])-slim-[a-z]+", base), base


def test_what_the_image_copies_exists_and_reaches_the_builder() -> None:
    let_through = [
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = [source for word, rest in _instructions() if word == "COPY" for source in shlex.split(rest)[:-1]]
    assert {"user_behaviour", "sql", "spark_jobs", "deploy/dagster.yaml"} <= set(copied)
    for source in copied:
        assert (CHECKOUT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_through)
    assert sorted(let_through) == sorted(copied)


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    instructions = _instructions()
    words = [word for word, _ in instructions]
    assert [rest for word, rest in instructions if word == "USER"] == ["10001"]
    assert words.index("USER") > len(words) - 1 - words[::-1].index("RUN")
    text = " ".join(rest for word, rest in instructions if word in {"ENV", "ARG", "RUN"})
    assert not re.search(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|_URL=", text, re.IGNORECASE)


# Each is loaded as its script loads it; one process for all, since each would import Dagster.
SHOW_HELP = """
import contextlib, io, json, sys
from importlib.metadata import entry_points
shown = []
for program, *arguments in json.loads(sys.argv[1]):
    (entry,) = entry_points(group="console_scripts", name=program)
    sys.argv = [program, *arguments, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            entry.load()()
        except SystemExit as end:
            assert not end.code, sys.argv
    shown.append(said.getvalue())
print(json.dumps(shown))
"""


def test_the_processes_are_started_by_commands_that_exist() -> None:
    started = [service["command"] for service in _yaml("compose.yaml")["services"].values()]
    on_ecs = [one for one in template()["Resources"].values() if one["Type"] == "AWS::ECS::TaskDefinition"]
    containers = [one for definition in on_ecs for one in definition["Properties"]["ContainerDefinitions"]]
    started += [container["Command"] for container in containers if "Command" in container]
    assert len(started) == 6
    (default,) = [json.loads(rest) for word, rest in _instructions() if word == "CMD"]
    assert default in started
    words = [[word for word in command if not word.startswith("-")] for command in started]
    named = [named[: {"dagster": 3, "dagster-daemon": 2}.get(named[0], 1)] for named in words]
    assert all((BIN / program).exists() for program, *_ in named)
    call = [sys.executable, "-c", SHOW_HELP, json.dumps(named)]
    shown = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    for command, said in zip(started, shown, strict=True):
        for option in (word for word in command if word.startswith("--")):
            assert f"{option} " in said, (command, option)


def test_the_workspace_asks_where_the_code_is_served() -> None:
    (server,) = [entry["grpc_server"] for entry in _yaml("workspace.yaml")["load_from"]]
    (default,) = [json.loads(rest) for word, rest in _instructions() if word == "CMD"]
    assert server["port"] == int(default[default.index("--port") + 1])
    assert f"{server['host']['env']}=localhost" in " ".join(rest for word, rest in _instructions() if word == "ENV")


def test_the_entry_point_gives_a_command_the_environment_of_dagster(stack: Stack) -> None:
    ask = "import json, os; print(json.dumps([os.environ['DAGSTER_HOME'], os.environ['USER_BEHAVIOUR_DAGSTER_URL']]))"
    environment = {**os.environ, "USER_BEHAVIOUR_DEPLOYMENT": "local", "USER_BEHAVIOUR_HOME": str(stack.home)}
    call = [sys.executable, DEPLOY / "entrypoint.py", sys.executable, "-c", ask]
    said = subprocess.run(call, env=environment, capture_output=True, text=True, check=True).stdout
    home, url = json.loads(said)
    assert (Path(home) / "dagster.yaml").is_file()
    assert url == _with_driver(stack.endpoints().dagster)


def test_the_instance_is_the_local_one_but_for_its_logs_its_room_and_how_events_are_planned() -> None:
    local = yaml.safe_load((CHECKOUT / "user_behaviour" / "local" / "dagster.yaml").read_text(encoding="utf-8"))
    aws = _yaml("dagster.yaml")
    assert aws.pop("compute_logs")["class"] == "S3ComputeLogManager"
    assert aws["concurrency"]["runs"].pop("max_concurrent_runs") == 4
    assert local["concurrency"]["runs"].pop("max_concurrent_runs") == 2
    assert aws["storage"]["custom"].pop("module") == "user_behaviour.instance.storage"
    assert aws["storage"]["custom"].pop("class") == "PooledPostgresStorage"
    assert issubclass(LocalPostgresStorage, PooledPostgresStorage)
    assert local["storage"]["custom"].pop("module") == LocalPostgresStorage.__module__
    assert local["storage"]["custom"].pop("class") == LocalPostgresStorage.__name__
    assert aws == local


def test_on_ecs_the_instance_differs_in_what_launches_runs_alone() -> None:
    host, ecs = _yaml("dagster.yaml"), _yaml("dagster-ecs.yaml")
    assert host.pop("run_launcher")["class"] == WatchedRunLauncher.__name__
    assert ecs.pop("run_launcher")["class"] == WatchedEcsRunLauncher.__name__
    assert ecs["run_monitoring"].pop("start_timeout_seconds") == 600
    assert ecs == host


PRINT_AND_READ = """
import os, sys
import dagster as dg
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    with instance.compute_log_manager.capture_logs(["run", "compute_logs", "step"]):
        os.write(1, b"from a step")
    # The file here is gone when it is uploaded.
    sys.exit(instance.compute_log_manager.get_log_data(["run", "compute_logs", "step"]).stdout != b"from a step")
"""


def test_what_a_run_prints_goes_to_the_lake_s_logs(stack: Stack, cloud: Cloud, tmp_path: Path) -> None:
    """In a process of its own: Dagster takes over file descriptors that pytest has taken over."""
    bucket = cloud.bucket("logs")
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": cloud.url,
        "DAGSTER_HOME": str(tmp_path),
        "USER_BEHAVIOUR_DAGSTER_LOG_BUCKET": bucket,
        "USER_BEHAVIOUR_DAGSTER_LOG_PREFIX": "lake/_logs/dagster",
        "USER_BEHAVIOUR_DAGSTER_URL": _with_driver(stack.endpoints().dagster),
    }
    subprocess.run([sys.executable, "-c", PRINT_AND_READ, tmp_path], env=environment, capture_output=True, check=True)
    listed = cloud.aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["lake/_logs/dagster/storage/run/compute_logs/step.out"]


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://")


def test_certifi_has_the_authorities_that_sign_for_redshift() -> None:
    """Amazon's bundle for Redshift is made of these; USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE names another."""
    context = ssl.create_default_context(cafile=certifi.where())
    names = {
        value
        for authority in context.get_ca_certs()
        for part in authority["subject"]
        for key, value in part  # type: ignore[misc]
        if key == "commonName"
    }
    assert {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)} <= names
    assert "Starfield Services Root Certificate Authority - G2" in names
