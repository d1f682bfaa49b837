"""A stack of `deploy/template.yaml` on moto, made with what `cloud.cloudformation` adds to it, as its owner sees it.

moto's IAM stores policies and does not judge by them: that each permission suffices, only an account can show.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.authority import statements_of
from user_behaviour_tests.cloud.cloudformation import complete_cloudformation
from user_behaviour_tests.cloud.moto_server import REGION, Cloud

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TEMPLATE = DEPLOY / "template.yaml"


@dataclass(frozen=True)
class CreatedStack:
    """A stack on moto, as its owner sees it."""

    name: str
    aws: Aws

    @property
    def outputs(self) -> dict[str, str]:
        found = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def resource(self, logical: str) -> str:
        """The name that CloudFormation gave a bucket or role."""
        if logical.endswith("Bucket"):
            return self.outputs[{"LakeBucket": "Lake", "VendorBucket": "VendorDrop"}[logical]].split("/")[2]
        roles = [str(role["RoleName"]) for role in self.aws.client("iam").list_roles(MaxItems=1000)["Roles"]]
        (name,) = [name for name in roles if name.startswith(f"{self.name}-{logical}-")]
        return name

    def permissions(self, logical: str) -> dict[str, set[str]]:
        """Action -> resources, of all policies of a role; the names that moto gave are replaced by the logical ones."""
        names = {
            f"arn:aws:s3:::{self.resource('LakeBucket')}": "LAKE",
            f"arn:aws:s3:::{self.resource('VendorBucket')}": "VENDOR",
            self.outputs["OrchestratorRoleArn"]: "ORCHESTRATOR",
            self.outputs["EmrRole"]: "SPARK",
            self.outputs["RedshiftIamRole"]: "REDSHIFT",
            self.outputs["RedshiftWorkgroupArn"]: "WORKGROUP",
            f"arn:aws:sqs:{REGION}:123456789012:{self.outputs['VendorQueueUrl'].split('/')[-1]}": "QUEUE",
            f":{REGION}:123456789012:/applications/{self.outputs['EmrApplication']}": "APPLICATION",
            f":{REGION}:123456789012:": ":",
        }
        found: dict[str, set[str]] = {}
        for statement in self.statements(logical):
            assert statement["Effect"] == "Allow"
            for resource in _listed(statement["Resource"]):
                for real, short in names.items():
                    resource = resource.replace(real, short)
                for action in _listed(statement["Action"]):
                    found.setdefault(action, set()).add(resource)
        return found

    def statements(self, logical: str) -> Iterator[dict[str, Any]]:
        yield from statements_of(self.aws, self.resource(logical))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@cache
def template() -> dict[str, Any]:
    """As JSON: moto's own reading of YAML loses what is nested in the short forms of functions."""
    from cfnlint.decode import decode

    decoded, errors = decode(str(TEMPLATE))
    assert not errors
    return dict(json.loads(json.dumps(decoded)))


def create(cloud: Cloud, name: str, **parameters: str) -> CreatedStack:
    """Creates the stack with the parameters, and those that everybody must bring."""
    ec2 = cloud.aws.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    brought = {
        "VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "SubnetIds": ",".join(subnets),
        "BudgetEmail": "a@b.example",
        "GlueDatabaseName": name,  # other tests make databases in the same moto
    }
    with complete_cloudformation(cloud.aws):
        cloud.aws.client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=json.dumps(template()),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in {**brought, **parameters}.items()
            ],
        )
    return CreatedStack(name, cloud.aws)
