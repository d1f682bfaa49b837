"""What moto's CloudFormation lacks for the template of `deploy/`: the calls that CloudFormation makes for a resource.

By itself moto takes over a bucket's encryption alone, loses a role's policies, and passes over types that it does not
know. Redshift Serverless is in no part of moto: its two resources are names and addresses here, with nothing behind.
Private names in a VPC are that too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws

ACCOUNT = "123456789012"
Properties = Mapping[str, Any]


@dataclass
class Made:
    """What `Ref` and `Fn::GetAtt` give of a resource; the rest is what moto asks of its models."""

    type: str
    physical_resource_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    unmake: Callable[[], object] = lambda: None

    def delete(self, account: str, region: str) -> None:
        self.unmake()

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    def is_created(self) -> bool:
        return True


@contextmanager
def complete_cloudformation(aws: Aws) -> Iterator[None]:
    """For as long as it is entered, moto makes every resource of the template, by calls on the wire."""
    from moto.cloudformation import parsing

    with pytest.MonkeyPatch.context() as patch:
        for type_, make in _MAKERS.items():
            patch.setitem(parsing.get_model_map(), type_, _model(type_, make, aws))
        yield


def _model(type_: str, make: Callable[[Aws, str, Properties], Made], aws: Aws) -> object:
    class Model:
        @staticmethod
        def create_from_cloudformation_json(name: str, resource: Mapping[str, Any], *_: Any, **__: Any) -> Made:
            made = make(aws, name, resource["Properties"])
            made.type = type_
            return made

        @staticmethod
        def has_cfn_attr(attribute: str) -> bool:
            return True

    return Model


def _bucket(aws: Aws, name: str, properties: Properties) -> Made:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region_name})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    encryption = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
        }
        for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": encryption})
    rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    for one in properties.get("NotificationConfiguration", {}).get("QueueConfigurations", ()):
        rules = {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}}
        heard = {"QueueArn": one["Queue"], "Events": [one["Event"]], "Filter": rules}
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [heard]}
        )
    return Made("", name, {"Arn": f"arn:aws:s3:::{name}"})


def _queue_policy(aws: Aws, name: str, properties: Properties) -> Made:
    for queue in properties["Queues"]:
        document = {"Policy": json.dumps(properties["PolicyDocument"])}
        aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=document)
    return Made("", name)


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """CloudFormation writes `Prefix`, `ExpirationInDays`, `ExpiredObjectDeleteMarker` where S3 nests them."""
    nested = {
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **({"Expiration": {"Days": int(rule["ExpirationInDays"])}} if "ExpirationInDays" in rule else {}),
        **({"Expiration": {"ExpiredObjectDeleteMarker": True}} if "ExpiredObjectDeleteMarker" in rule else {}),
    }
    kept = {name: rule[name] for name in ("Status", "AbortIncompleteMultipartUpload") if name in rule}
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        kept["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(noncurrent["NoncurrentDays"])}
    return {"ID": rule["Id"], **kept, **nested}


def _bucket_policy(aws: Aws, name: str, properties: Properties) -> Made:
    document = dict(properties["PolicyDocument"])
    document["Statement"] = [one for one in document["Statement"] if one]  # moto leaves a None where AWS::NoValue is
    aws.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(document))
    return Made("", name)


def _role(aws: Aws, name: str, properties: Properties) -> Made:
    iam = aws.client("iam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Description=properties["Description"])
    for policy in properties.get("Policies", ()):
        statements = [one for one in policy["PolicyDocument"]["Statement"] if one]
        document = json.dumps({**policy["PolicyDocument"], "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    for arn in properties.get("ManagedPolicyArns", ()):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def unmake() -> None:
        attached = [
            policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        ]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        if others := {*inline} - {policy["PolicyName"] for policy in properties.get("Policies", ())}:
            raise RuntimeError(f"{others} of {name} go first")  # moto then tries the others
        for arn in attached:
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in inline:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    return Made("", name, {"Arn": made["Role"]["Arn"]}, unmake)


def _glue_database(aws: Aws, name: str, properties: Properties) -> Made:
    glue, database = aws.client("glue"), properties["DatabaseInput"]["Name"]
    glue.create_database(DatabaseInput=properties["DatabaseInput"])
    return Made("", database, unmake=lambda: glue.delete_database(Name=database))


def _emr_application(aws: Aws, name: str, properties: Properties) -> Made:
    stop = properties["AutoStopConfiguration"]
    made = aws.client("emr-serverless").create_application(
        name=properties["Name"],
        type=properties["Type"],
        releaseLabel=properties["ReleaseLabel"],
        maximumCapacity={key.lower(): value for key, value in properties["MaximumCapacity"].items()},
        autoStartConfiguration={"enabled": properties["AutoStartConfiguration"]["Enabled"]},
        autoStopConfiguration={"enabled": stop["Enabled"], "idleTimeoutMinutes": int(stop["IdleTimeoutMinutes"])},
    )
    return Made("", made["applicationId"], {"Arn": made["arn"], "ApplicationId": made["applicationId"]})


def _budget(aws: Aws, name: str, properties: Properties) -> Made:
    budget = dict(properties["Budget"])
    budget["BudgetLimit"] = {"Amount": str(budget["BudgetLimit"]["Amount"]), "Unit": budget["BudgetLimit"]["Unit"]}
    aws.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget=budget,
        NotificationsWithSubscribers=properties["NotificationsWithSubscribers"],
    )
    return Made("", budget["BudgetName"])


def _namespace(aws: Aws, name: str, properties: Properties) -> Made:
    return Made("", properties["NamespaceName"])


def _workgroup(aws: Aws, name: str, properties: Properties) -> Made:
    workgroup = properties["WorkgroupName"]
    return Made(
        "",
        workgroup,
        {
            "Workgroup.Endpoint.Address": f"{workgroup}.{ACCOUNT}.{aws.region_name}.redshift-serverless.amazonaws.com",
            "Workgroup.WorkgroupArn": f"arn:aws:redshift-serverless:{aws.region_name}:{ACCOUNT}:workgroup/0f1e2d3c",
        },
    )


def _parameter(aws: Aws, name: str, properties: Properties) -> Made:
    return Made("", properties["Name"], {"Value": properties["Value"]})


def _repository(aws: Aws, name: str, properties: Properties) -> Made:
    made = aws.client("ecr").create_repository(
        repositoryName=name.lower(), imageTagMutability=properties["ImageTagMutability"]
    )["repository"]
    return Made("", made["repositoryName"], {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})


def _task_definition(aws: Aws, name: str, properties: Properties) -> Made:
    asked = {**_camel(properties), "cpu": str(properties["Cpu"]), "memory": str(properties["Memory"])}
    for container in asked["containerDefinitions"]:
        container["memory"] = int(properties["Memory"])  # moto reckons with a limit for each container
    made = aws.client("ecs").register_task_definition(**asked)
    return Made("", made["taskDefinition"]["taskDefinitionArn"])


def _service(aws: Aws, name: str, properties: Properties) -> Made:
    asked = {**_camel(properties), "desiredCount": int(properties["DesiredCount"])}
    return Made("", aws.client("ecs").create_service(**asked)["service"]["serviceArn"])


def _camel(value: Any) -> Any:
    """CloudFormation writes `ContainerDefinitions` where ECS writes `containerDefinitions`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _camel(one) for key, one in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _oidc_provider(aws: Aws, name: str, properties: Properties) -> Made:
    made = aws.client("iam").create_open_id_connect_provider(
        Url=properties["Url"], ClientIDList=properties["ClientIdList"], ThumbprintList=["0" * 40]
    )
    return Made("", made["OpenIDConnectProviderArn"])


def _private_name(aws: Aws, name: str, properties: Properties) -> Made:
    return Made("", name, {"Arn": f"arn:aws:servicediscovery:{aws.region_name}:{ACCOUNT}:service/{name}"})


_MAKERS = {
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::IAM::Role": _role,
    "AWS::Glue::Database": _glue_database,
    "AWS::EMRServerless::Application": _emr_application,
    "AWS::Budgets::Budget": _budget,
    "AWS::RedshiftServerless::Namespace": _namespace,
    "AWS::RedshiftServerless::Workgroup": _workgroup,
    "AWS::SSM::Parameter": _parameter,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::ECS::Service": _service,
    "AWS::IAM::OIDCProvider": _oidc_provider,
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _private_name,
    "AWS::ServiceDiscovery::Service": _private_name,
}
