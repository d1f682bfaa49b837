"""Role: the AWS account and who asks, as far as a deployment has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from user_behaviour.doctor.aws_calls import Refusal, ask, refused
from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake

ACCOUNT = Role("account")


@singledispatch
def examine_account(lake: Lake) -> Iterator[Finding]:
    """Who asks, and where: known by the clients with which the lake is reached."""
    raise NotImplementedError(f"There is no examination of the account behind {type(lake).__name__}; write it here.")


@examine_account.register
def _(lake: LocalLake) -> Iterator[Finding]:  # noqa: ARG001
    return iter(())


@examine_account.register
def _(lake: S3Lake) -> Iterator[Finding]:
    aws = lake.place.aws
    answer = ask(aws, "sts", "get_caller_identity")
    if isinstance(answer, Refusal):
        yield refused(ACCOUNT, "identity", answer, action="sts:GetCallerIdentity", resource="*")
    else:
        yield ACCOUNT.good("identity", f"{answer['Arn']} of account {answer['Account']}")
    yield ACCOUNT.good("region", aws.client("sts").meta.region_name)
