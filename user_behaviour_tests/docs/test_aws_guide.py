"""The figures of docs/aws.md come from deploy/costs.py; what test_rehearsal.py does not carry out exists at least."""

import re
import runpy
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from user_behaviour_tests.cloud.moto_server import REGION
from user_behaviour_tests.docs.rehearsal import blocks

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDE = (CHECKOUT / "docs" / "aws.md").read_text(encoding="utf-8")
COSTS = runpy.run_path(str(CHECKOUT / "deploy" / "costs.py"))


def test_the_tables_of_costs_are_printed_by_the_script() -> None:
    assert COSTS["report"]() in GUIDE


def test_a_bill_is_the_sum_of_products_done_by_hand() -> None:
    """6 vCPU and 24 GB for 3 minutes; 8 RPU for 2 minutes; 1 vCPU and 2 GB for 6 minutes; 60 writes and 200 reads."""
    spark = (6 * 0.052624 + 24 * 0.0057785) / 20
    redshift = 8 * 0.375 / 30
    task = (0.04048 + 2 * 0.004445) / 10
    requests = 0.06 * 0.005 + 0.2 * 0.0004
    lines = COSTS["a_day"]()
    assert [line.usd for line in lines] == pytest.approx([spark, redshift, task, requests])
    assert "**$0.1280**" in COSTS["bill"]("one day", lines)
    assert COSTS["traps"]()[0].usd == pytest.approx(72)


def test_a_call_of_the_aws_cli_that_is_not_rehearsed_names_an_operation_and_its_options() -> None:
    rehearsed = {block.text for block in blocks()}
    shell = "".join(text for text in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) if text not in rehearsed)
    calls = re.findall(r"(?:^|\$\()aws (\S+) (\S+)((?: [^\n)]+)?)", shell.replace("\\\n", " "), re.MULTILINE)

    assert [call[:2] for call in calls] == [("ecs", "list-tasks"), ("ecs", "describe-tasks"), ("ssm", "start-session")]
    for service, operation, rest in calls:
        client = boto3.client(service, region_name=REGION)
        name = client.meta.method_to_api_mapping[operation.replace("-", "_")]
        members = client.meta.service_model.operation_model(name).input_shape.members
        allowed = {f"--{xform_name(member, '-')}" for member in members} | {"--query", "--output"}
        assert {word for word in rest.split() if word.startswith("--")} <= allowed
