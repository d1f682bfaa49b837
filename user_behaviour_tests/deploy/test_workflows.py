"""The workflows of GitHub, linted, and the script by which one of them releases."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from user_behaviour_tests.deploy.created_stack import DEPLOY, template

WORKFLOWS = {path.stem: path for path in (DEPLOY.parent / ".github" / "workflows").glob("*.yml")}
BIN = Path(sys.executable).parent
# Writes its call down, and answers as the CLI would; the registry has no image yet.
STUB = """#!{python}
import json, os, sys, jmespath
call = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
with open({log!r}, "a") as log:
    print(json.dumps(call), file=log)
if "describe-stacks" in call:
    print("\\t".join(jmespath.search(call[call.index("--query") + 1], json.loads({described!r}))))
sys.exit(call[:2] == ["docker", "manifest"])
"""


@pytest.mark.parametrize("linter", ["zizmor --offline", "check-jsonschema --builtin-schema vendor.github-workflows"])
def test_the_linters_of_workflows_find_nothing(linter: str) -> None:
    program, *options = linter.split()
    linted = subprocess.run([BIN / program, *options, *WORKFLOWS.values()], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("name", "permissions", "runs"),
    [
        ("check", {"contents": "read"}, ".ci/run"),
        ("deploy", {"contents": "read", "id-token": "write"}, 'deploy/release.sh "$STACK" "$VERSION"'),
    ],
)
def test_a_workflow_may_little_and_runs_what_runs_here(name: str, permissions: dict[str, str], runs: str) -> None:
    (job,) = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))["jobs"].values()
    assert (job["permissions"], job["steps"][-1]["run"]) == (permissions, runs)


def test_a_release_builds_pushes_and_changes_nothing_but_the_image(tmp_path: Path) -> None:
    log, names = tmp_path / "log", list(template()["Parameters"])
    outputs = [{"OutputKey": "ImageRepository", "OutputValue": "registry.example/shop"}]
    described = json.dumps({"Stacks": [{"Parameters": [{"ParameterKey": n} for n in names], "Outputs": outputs}]})
    for program in ("aws", "docker"):
        (tmp_path / program).write_text(STUB.format(python=sys.executable, log=str(log), described=described))
        (tmp_path / program).chmod(0o700)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([DEPLOY / "release.sh", "metric", "v1"], env=environment, capture_output=True, check=True)
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    done = [call[1] for call in calls if call[0] == "docker" and call[1] != "login"] + [c[2] for c in calls[-2:]]
    assert done == ["manifest", "build", "push", "update-stack", "wait"]
    update = calls[-2]
    assert "--use-previous-template" in update
    assert update[update.index("--parameters") + 1 :] == [
        *(f"ParameterKey={name},UsePreviousValue=true" for name in names if name != "ImageUri"),
        "ParameterKey=ImageUri,ParameterValue=registry.example/shop:v1",
    ]
