"""IAM's judgement of each request: who asks, for which action, on which resource, under which condition.

moto's own knows neither conditions nor, but for S3, resources. A role is judged by its policies as they are read back,
one of another account by the bucket's policy. Not judged: the administrator, and the stand-ins, who are AWS itself; the
roles of Redshift and Spark are thus not put to the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.moto_server import ENVIRONMENT, REGION, Cloud, Environ, Middleware, Wsgi, body_of
from user_behaviour_tests.cloud.policies import refusing

ACCOUNT = f"{REGION}:123456789012"
Asked = Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]
_SUBRESOURCES = {
    "location": "GetBucketLocation",
    "uploads": "ListBucketMultipartUploads",
    "policy": "GetBucketPolicy",
    "publicAccessBlock": "GetBucketPublicAccessBlock",
    "versioning": "GetBucketVersioning",
    "encryption": "GetEncryptionConfiguration",
    "lifecycle": "GetLifecycleConfiguration",
}


@dataclass(frozen=True)
class Question:
    """Whether a principal may do an action on a resource; `given` are condition keys with their values."""

    principal: str
    action: str
    resource: str
    given: tuple[tuple[str, str], ...] = ()

    def is_granted(self, statements: Iterable[Mapping[str, Any]]) -> bool:
        given = dict(self.given)
        return any(
            _one_of(statement["Action"], self.action)
            and _one_of(statement["Resource"], self.resource)
            and all(
                key in given and _one_of(values, given[key])
                for keys in statement.get("Condition", {}).values()
                for key, values in keys.items()
            )
            for statement in statements
        )


def _one_of(patterns: str | list[str], value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))


def statements_of(aws: Aws, role: str) -> Iterator[dict[str, Any]]:
    """All statements of a role's policies."""
    iam = aws.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId="v1")
        yield from version["PolicyVersion"]["Document"]["Statement"]


@dataclass
class Authority:
    """A middleware, for as long as it stands before moto. `identities` are the roles' names by access key."""

    cloud: Cloud
    administrator: str
    identities: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def credentials(self, role: str) -> dict[str, str]:
        """What the instance profile, or STS, gives to who works as the role."""
        arn = f"arn:aws:iam::123456789012:role/{role}"
        given = self.cloud.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="rehearsal")["Credentials"]
        self.identities[given["AccessKeyId"]] = role
        names = {
            "ACCESS_KEY_ID": "AccessKeyId",
            "SECRET_ACCESS_KEY": "SecretAccessKey",
            "SESSION_TOKEN": "SessionToken",
        }
        return {f"AWS_{name}": given[key] for name, key in names.items()}

    def __call__(self, moto: Wsgi) -> Wsgi:
        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            key = re.search(r"Credential=([^/]+)", environ.get("HTTP_AUTHORIZATION", ""))
            if key and key[1] not in (self.administrator, ENVIRONMENT["AWS_ACCESS_KEY_ID"]):
                role = self.identities.get(key[1], "")
                for action, resource, given in asked(environ):
                    if not self._is_granted(role, Question(role, action, resource, given)):
                        said = f"{role or key[1]} may not {action} on {resource}"
                        self.refused.append(said)
                        return _refusal(said)(moto)(environ, start_response)
            return moto(environ, start_response)

        return serve

    def _is_granted(self, role: str, question: Question) -> bool:
        if question.action in ("sts:GetCallerIdentity", "s3:ListAllMyBuckets"):
            return True
        return question.is_granted(statements_of(self.cloud.aws, role)) or question.is_granted(
            self._of_bucket(role, question)
        )

    def _of_bucket(self, role: str, question: Question) -> Iterator[dict[str, Any]]:
        if question.resource.startswith("arn:aws:s3:::"):
            bucket = question.resource.removeprefix("arn:aws:s3:::").split("/")[0]
            policy = json.loads(self.cloud.aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
            for statement in policy["Statement"]:
                if statement["Effect"] == "Allow" and statement["Principal"]["AWS"].endswith(f":role/{role}"):
                    yield statement


def _refusal(said: str) -> Middleware:
    return refusing(lambda environ: True, "AccessDenied", said)


def asked(environ: Environ) -> Asked:
    """What a request asks IAM for: action, resource, and the values of condition keys; often more than one."""
    service = environ["HTTP_AUTHORIZATION"].split("/")[3]
    judge = {"s3": _s3, "glue": _glue, "emr-serverless": _emr, "iam": _query, "secretsmanager": _secret, "sqs": _queue}
    yield from judge.get(service, _other)(environ, service)


def _s3(environ: Environ, _: str) -> Asked:
    bucket, _, key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")
    query, method = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True), environ["REQUEST_METHOD"]
    arn = f"arn:aws:s3:::{bucket}"
    if method == "POST" and "delete" in query:
        for deleted in ElementTree.fromstring(body_of(environ)).iter():
            if deleted.tag.endswith("Key"):
                yield "s3:DeleteObject", f"{arn}/{deleted.text}", ()
    elif key:
        verbs = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
        is_abort = method == "DELETE" and "uploadId" in query
        yield f"s3:{'AbortMultipartUpload' if is_abort else verbs.get(method, 'DeleteObject')}", f"{arn}/{key}", ()
        if source := unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")):
            yield "s3:GetObject", f"arn:aws:s3:::{source.lstrip('/')}", ()
    elif bucket and method in ("GET", "HEAD"):
        found = next((action for mark, action in _SUBRESOURCES.items() if mark in query), "ListBucket")
        yield f"s3:{found}", arn, (("s3:prefix", query.get("prefix", [""])[0]),)
    else:
        yield f"s3:{method}", arn, ()


def _glue(environ: Environ, _: str) -> Asked:
    request = json.loads(body_of(environ))
    database = request.get("DatabaseName") or request.get("Name")
    table = request.get("TableName") or request.get("Name") or request.get("TableInput", {}).get("Name")
    resources = [
        "catalog",
        f"database/{database}",
        *([f"table/{database}/{table}"] if "DatabaseName" in request else []),
    ]
    for resource in resources:
        yield f"glue:{_target(environ)}", f"arn:aws:glue:{ACCOUNT}:{resource}", ()


def _emr(environ: Environ, _: str) -> Asked:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    kind = "/".join(path.split("/")[1::2])
    actions = {
        ("GET", "applications"): "GetApplication",
        ("GET", "applications/jobruns"): "ListJobRuns" if path.endswith("/jobruns") else "GetJobRun",
        ("POST", "applications/jobruns"): "StartJobRun",
        ("DELETE", "applications/jobruns"): "CancelJobRun",
    }
    resource = path.removesuffix("/jobruns")
    yield f"emr-serverless:{actions.get((method, kind), method)}", f"arn:aws:emr-serverless:{ACCOUNT}:{resource}", ()
    if (method, kind) == ("POST", "applications/jobruns"):
        role = json.loads(body_of(environ))["executionRoleArn"]
        yield "iam:PassRole", role, (("iam:PassedToService", "emr-serverless.amazonaws.com"),)


def _query(environ: Environ, service: str) -> Asked:
    request = {name: value for name, (value, *_) in parse_qs(body_of(environ).decode()).items()}
    role = f"arn:aws:iam::123456789012:role/{request.get('RoleName')}"
    yield f"{service}:{request['Action']}", request.get("PolicySourceArn", role), ()


def _secret(environ: Environ, _: str) -> Asked:
    arn = name = json.loads(body_of(environ)).get("SecretId", "*")
    if not name.startswith("arn:"):
        arn = f"arn:aws:secretsmanager:{ACCOUNT}:secret:{name}-AbCdEf"
    yield f"secretsmanager:{_target(environ)}", arn, ()


def _queue(environ: Environ, _: str) -> Asked:
    name = json.loads(body_of(environ)).get("QueueUrl", "*").rpartition("/")[2]
    yield f"sqs:{_target(environ)}", f"arn:aws:sqs:{ACCOUNT}:{name}", ()


def _other(environ: Environ, service: str) -> Asked:
    """By workgroup, of which the account has one; whatever else has no resource here, and needs a `*` to be granted."""
    if service == "redshift-serverless":
        yield (
            f"{service}:{_target(environ)}",
            f"arn:aws:redshift-serverless:{REGION}:123456789012:workgroup/0f1e2d3c",
            (),
        )
    elif "HTTP_X_AMZ_TARGET" in environ:
        yield f"{service}:{_target(environ)}", "*", ()
    else:
        yield from _query(environ, service)


def _target(environ: Environ) -> str:
    return str(environ["HTTP_X_AMZ_TARGET"]).rpartition(".")[2]
