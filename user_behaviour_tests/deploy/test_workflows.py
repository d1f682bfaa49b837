"""The workflows of GitHub: linted, run what runs here, and hold no key."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jmespath
import pytest
import yaml

from user_behaviour_tests.deploy.test_template import DEPLOY, template

WORKFLOWS = sorted((DEPLOY.parent / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def _workflow(name: str) -> dict[str, Any]:
    (path,) = [one for one in WORKFLOWS if one.stem == name]
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "linter", [("zizmor", "--offline"), ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")]
)
def test_the_linters_of_workflows_find_nothing(linter: tuple[str, ...]) -> None:
    program, *options = linter
    linted = subprocess.run([BIN / program, *options, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_action_is_a_commit_and_no_permission_is_given_to_all_jobs(path: Path) -> None:
    used = re.findall(r"uses: (\S+)( # v\d+\.\d+\.\d+)?$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) and version for action, version in used)
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}


def test_a_pull_request_has_to_pass_what_runs_here() -> None:
    (job,) = _workflow("check")["jobs"].values()
    assert job["steps"][-1]["run"] == ".ci/run"
    assert job["permissions"] == {"contents": "read"}


def test_a_tag_is_deployed_by_a_token_for_the_environment_that_the_role_trusts() -> None:
    (job,) = _workflow("deploy")["jobs"].values()
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    (trust,) = template()["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": {
            "Fn::Sub": "repo:${GitHubRepository}:environment:" + job["environment"]
        },
    }
    given = next(step["with"] for step in job["steps"] if "configure-aws-credentials" in step.get("uses", ""))
    assert set(given) == {"role-to-assume", "aws-region"}


def test_a_deployment_changes_the_image_and_keeps_every_other_parameter() -> None:
    (job,) = _workflow("deploy")["jobs"].values()
    script = job["steps"][-1]["run"]
    (query,) = re.findall(r'--query \\\n\s*"(.*?)"\)"', script)
    described = {"Stacks": [{"Parameters": [{"ParameterKey": name} for name in template()["Parameters"]]}]}
    assert jmespath.search(query, described) == [
        f"ParameterKey={name},UsePreviousValue=true" for name in template()["Parameters"] if name != "ImageUri"
    ]
    assert "--use-previous-template" in script
