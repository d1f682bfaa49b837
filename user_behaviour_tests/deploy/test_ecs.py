"""Dagster on ECS: the stack's services, and runs launched as tasks of moto's ECS, which starts no container.

The command that such a task is given is then executed here, by the entry point of the image.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import dagster as dg
import pytest
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from user_behaviour.instance.dead_runs import SESSION_TAG
from user_behaviour.instance.instance import prepare
from user_behaviour.local.stack import Stack
from user_behaviour.settings import read_settings
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Environ, Wsgi, body_of
from user_behaviour_tests.cloud.policies import answering, target
from user_behaviour_tests.deploy.created_stack import DEPLOY, CreatedStack, create, template
from user_behaviour_tests.deploy.test_permissions import ORCHESTRATOR

NAME = "on-ecs"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/user-behaviour:v1"
ECS = "AmazonEC2ContainerServiceV20141113."
EXECUTION = "arn:aws:iam::123456789012:role/on-ecs-ExecutionRole"
TASKS = {"arn:aws:ecs:task/on-ecs/*"}
FAILED = {
    "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/on-ecs/1",
    "lastStatus": "STOPPED",
    "stoppedReason": "OutOfMemoryError: Container killed due to memory usage",
    "containers": [{"name": "run", "exitCode": 137}],
}


@dg.op
def nothing() -> None: ...


@dg.job(executor_def=dg.in_process_executor)
def does_nothing() -> None:
    nothing()


@pytest.fixture(scope="module")
def created(cloud: Cloud) -> CreatedStack:
    return create(cloud, NAME, Name=NAME, ImageUri=IMAGE, GitHubRepository="acme/shop")


@pytest.fixture
def instance(
    created: CreatedStack, cloud: Cloud, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The instance as the daemon has it: its own task runs beside that of the code."""
    ecs = cloud.aws.client("ecs")
    network = _services(created)["daemon"]["networkConfiguration"]
    (own,) = ecs.run_task(
        cluster=NAME, taskDefinition=f"{NAME}-daemon", launchType="FARGATE", networkConfiguration=network
    )["tasks"]
    environment = prepare(tmp_path, DEPLOY / "dagster-ecs.yaml", dagster_url=stack.endpoints().dagster) | {
        "AWS_ENDPOINT_URL": cloud.url,
        "ECS_CONTAINER_METADATA_URI_V4": f"{cloud.url}/v4",
        "USER_BEHAVIOUR_DAGSTER_LOG_BUCKET": cloud.bucket("logs"),
        "USER_BEHAVIOUR_DAGSTER_LOG_PREFIX": "lake/_logs/dagster",
        "USER_BEHAVIOUR_RUN_TASK": f"arn:aws:ecs:{REGION}:123456789012:task-definition/{NAME}-run:1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    itself = json.dumps({"Cluster": own["clusterArn"], "TaskARN": own["taskArn"]})
    with cloud.behind(answering(lambda e: e["PATH_INFO"] == "/v4/task", itself)), dg.DagsterInstance.get() as opened:
        yield opened


def _services(created: CreatedStack) -> dict[str, dict[str, Any]]:
    found = created.aws.client("ecs").describe_services(cluster=NAME, services=["code", "daemon", "web"])["services"]
    return {service["serviceName"]: service for service in found}


def _recording(calls: list[tuple[str, dict[str, Any]]]) -> Callable[[Wsgi], Wsgi]:
    """Keeps the calls of all services but S3: `ecs:RunTask`, and what was sent."""

    def middleware(application: Wsgi) -> Wsgi:
        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            service = re.findall(r"/(\w+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
            if service and service != ["s3"]:
                sent, named = body_of(environ).decode(), environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
                action = named or parse_qs(sent)["Action"][0]
                calls.append((f"{service[0]}:{action}", json.loads(sent) if named else {}))
            return application(environ, start_response)

        return serve

    return middleware


def _launched(instance: dg.DagsterInstance) -> dg.DagsterRun:
    origin = dg.reconstructable(does_nothing).get_python_origin()  # type: ignore[attr-defined]
    run = instance.create_run_for_job(does_nothing, job_code_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return _again(instance, run)


def _again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_a_run_is_a_task_beside_the_daemon_s_whose_command_the_image_executes(
    instance: dg.DagsterInstance, created: CreatedStack, cloud: Cloud, stack: Stack
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    with cloud.behind(_recording(calls)):
        run = _launched(instance)
    (asked,) = [sent for action, sent in calls if action == "ecs:RunTask"]
    (container,) = asked["overrides"]["containerOverrides"]
    assert asked["taskDefinition"].endswith(f"task-definition/{NAME}-run:1")
    assert (asked["launchType"], container["name"]) == ("FARGATE", "run")
    assert asked["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": _services(created)["daemon"]["networkConfiguration"]["awsvpcConfiguration"]["subnets"][:1],
        "securityGroups": [created.outputs["ClientSecurityGroupId"]],
        "assignPublicIp": "DISABLED",
    }
    assert {"key": "dagster/run_id", "value": run.run_id} in asked["tags"]
    assert len(json.dumps(asked["overrides"])) < 8192  # the most that ECS takes

    settings = f"USER_BEHAVIOUR_DEPLOYMENT=local\nUSER_BEHAVIOUR_HOME={stack.home}\n"
    unset = {"USER_BEHAVIOUR_RUN_TASK", "ECS_CONTAINER_METADATA_URI_V4"}
    given = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "STACK_SETTINGS": settings}
    environment = {k: v for k, v in os.environ.items() if k not in unset} | given
    call = [sys.executable, DEPLOY / "entrypoint.py", *container["command"]]
    subprocess.run(call, env=environment, cwd=DEPLOY.parent, capture_output=True, check=True)
    assert _again(instance, run).status == dg.DagsterRunStatus.SUCCESS


def test_the_launcher_calls_what_its_role_may_and_nothing_else(
    instance: dg.DagsterInstance, created: CreatedStack, cloud: Cloud
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    with cloud.behind(_recording(calls)):
        run = _launched(instance)
        found = instance.run_launcher.check_run_worker_health(run)
        assert found.status == WorkerStatus.RUNNING
        assert instance.run_launcher.terminate(run.run_id)
        failed = {**FAILED, "taskDefinitionArn": f"{NAME}-run:1"}
        with cloud.behind(answering(target(f"{ECS}DescribeTasks"), json.dumps({"tasks": [failed]}))):
            found = instance.run_launcher.check_run_worker_health(run)
    assert found.status == WorkerStatus.FAILED
    assert "OutOfMemoryError" in str(found.msg)
    granted = {
        action: {re.sub(r"(?<=ExecutionRole)-\w+", "", resource) for resource in resources}
        for action, resources in created.permissions("OrchestratorRole").items()
        if action not in ORCHESTRATOR or action == "iam:PassRole"
    }
    asked_by_ecs = {
        "iam:PassRole": {"SPARK", "ORCHESTRATOR", EXECUTION},
        "ecs:TagResource": TASKS,
        **{f"ssmmessages:{verb}{kind}Channel": {"*"} for verb in ("Create", "Open") for kind in ("Control", "Data")},
    }
    assert granted == asked_by_ecs | {
        "ecs:RunTask": {"arn:aws:ecs:task-definition/on-ecs-run:*"},
        "ecs:DescribeTasks": TASKS,
        "ecs:StopTask": TASKS,
        "ecs:DescribeTaskDefinition": {"*"},
        "ec2:DescribeNetworkInterfaces": {"*"},
        "logs:GetLogEvents": {"arn:aws:logs:log-group:/ecs/on-ecs:log-stream:*"},
    }
    assert {action for action, _ in calls} == granted.keys() - asked_by_ecs.keys()


def test_a_run_whose_task_ecs_does_not_know_is_judged_by_its_session(instance: dg.DagsterInstance) -> None:
    """The launcher of dagster-aws calls both "unknown", whereupon run monitoring marks them as failed."""
    by_hand = instance.create_run_for_job(does_nothing)
    forgotten = instance.create_run_for_job(does_nothing, tags={"ecs/task_arn": "gone", "ecs/cluster": NAME})
    health = instance.run_launcher.check_run_worker_health
    assert [health(run).status for run in (by_hand, forgotten)] == [WorkerStatus.RUNNING] * 2

    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    instance.add_run_tags(forgotten.run_id, {SESSION_TAG: f"{socket.gethostname()}:{gone.pid}:1:1"})
    assert health(_again(instance, forgotten)).status == WorkerStatus.FAILED
    assert _again(instance, forgotten).status == dg.DagsterRunStatus.FAILURE
    assert health(_again(instance, by_hand)).status == WorkerStatus.RUNNING


def test_the_services_are_private_and_there_are_never_two_daemons(created: CreatedStack) -> None:
    networks = [one["networkConfiguration"]["awsvpcConfiguration"] for one in _services(created).values()]
    groups = [created.outputs["ClientSecurityGroupId"]]
    assert [(one["assignPublicIp"], one["securityGroups"]) for one in networks] == [("DISABLED", groups)] * 3
    daemon = template()["Resources"]["DaemonService"]["Properties"]["DeploymentConfiguration"]  # moto does not keep it
    assert (daemon["MinimumHealthyPercent"], daemon["MaximumPercent"]) == (0, 100)


def test_the_settings_of_a_container_are_the_outputs_of_the_stack(created: CreatedStack) -> None:
    definition = created.aws.client("ecs").describe_task_definition(taskDefinition=f"{NAME}-run")["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    (settings,) = [one["value"] for one in container["environment"] if one["name"] == "STACK_SETTINGS"]
    given = dict(line.split("=", 1) for line in settings.splitlines())
    assert read_settings(given).deployment == "aws"
    (described,) = created.aws.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    outputs = {one["Description"]: one["OutputValue"] for one in described["Outputs"]}
    outputs = {k: v for k, v in outputs.items() if k.startswith("USER_BEHAVIOUR_") or k == "AWS_REGION"}
    assert {name: given[name] for name in outputs} == outputs
    more = {"AWS_DEFAULT_REGION", *(f"USER_BEHAVIOUR_{n}" for n in ("SOURCE_URL", "DAGSTER_URL", "LAST_DAY", "UI_URL"))}
    assert read_settings(given).ui_url == f"http://web.{NAME}.internal:3000"
    assert given.keys() - outputs.keys() == more | {"USER_BEHAVIOUR_LAKE_KMS_KEY"}


def test_the_deployment_s_role_replaces_the_image_and_nothing_else(created: CreatedStack) -> None:
    repository = {f"arn:aws:ecr:repository/{created.outputs['ImageRepository'].split('/')[-1]}"}
    (described,) = created.aws.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    stack = {described["StackId"].replace(f":{REGION}:123456789012:", ":")}
    push = ("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage")
    found = created.permissions("DeployRole")
    assert {re.sub("-[A-Z0-9]+$", "", role) for role in found.pop("iam:PassRole")} == {"ORCHESTRATOR", EXECUTION}
    assert found == {
        "ecr:GetAuthorizationToken": {"*"},
        **{f"ecr:{action}": repository for action in (*push, "UploadLayerPart")},
        "cloudformation:DescribeStacks": stack,
        "cloudformation:UpdateStack": stack,
        **{
            f"ecs:{verb}": {"arn:aws:ecs:task-definition/on-ecs-*:*"}
            for verb in ("RegisterTaskDefinition", "TagResource")
        },
        **{f"ecs:{verb}TaskDefinition": {"*"} for verb in ("Describe", "Deregister")},
        **{f"ecs:{verb}": {"arn:aws:ecs:service/on-ecs/*"} for verb in ("DescribeServices", "UpdateService")},
        **{f"ec2:Describe{kind}": {"*"} for kind in ("Subnets", "Vpcs")},
        "ssm:GetParameters": {"arn:aws:ssm:parameter/on-ecs-settings"},
    }
    role = created.aws.client("iam").get_role(RoleName=created.resource("DeployRole"))["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "repo:acme/shop:environment:aws",
    }
