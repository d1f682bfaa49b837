"""What somebody may do, without doing it: IAM's simulation of their policies, and whom a role trusts.

For calls that would cost or change something. There is no probing with input that must fail: AWS does not promise
whether it validates before or after it authorises, so neither answer would prove anything. A run never calls IAM, so
it does not matter to a run if IAM refuses to simulate.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AbsentError, AwsError, aws_errors
from user_behaviour.diagnosis import Diagnosis, bad, good, unknown

_ASSUMED = re.compile(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.+")


def may(
    subject: str,
    aws: Aws,
    actions: Sequence[str],
    *,
    on: Sequence[str],
    who: str | None = None,
    context: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Whether `who` (an ARN; None: the identity in use) may do all of the actions on all of the resources.

    `context` are condition keys, as the request will have them. Whatever keeps IAM from answering leaves it unknown.
    """
    named, where = ", ".join(actions), ", ".join(on)
    given = "".join(f" (with {key} {value})" for key, value in (context or {}).items())
    whom = f"the role {who}" if who else "the identity in use"
    needed = f"A run needs: {named} on {where}{given}, for {whom}."
    try:
        principal = who or _principal(aws)
        if principal is None:
            return unknown(subject, "IAM does not simulate this kind of identity", needed)
        refused = _refused(aws, principal, actions, on=on, context=context or {})
    except AwsError as error:
        return unknown(subject, f"cannot be seen from here (iam:SimulatePrincipalPolicy: {error.code})", needed)
    if not refused:
        return good(subject, f"allowed: {named}")
    denied = ", ".join(action for action in actions if action in {action for action, _ in refused})
    places = ", ".join(place for place in on if place in {place for _, place in refused})
    return bad(subject, f"not allowed: {denied}", f"Allow {denied} on {places or where}{given} to {whom}.")


def trusts(subject: str, aws: Aws, role: str, service: str) -> Diagnosis:
    """Whether a role is there and lets the service become it."""
    name = role.rpartition("/")[2]
    try:
        found = _role(aws, name)
    except AbsentError:
        remedy = "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_ROLE."
        return bad(subject, f"there is no role {role}", remedy)
    except AwsError as error:
        needed = f"A run needs the role {role} to trust {service}."
        return unknown(subject, f"cannot be seen from here (iam:GetRole: {error.code})", needed)
    if found["Arn"] != role:
        remedy = f"Set USER_BEHAVIOUR_EMR_ROLE={found['Arn']}"
        return bad(subject, f"the ARN of {name} is {found['Arn']}, and not {role}", remedy)
    if service not in json.dumps(found["AssumeRolePolicyDocument"]):
        remedy = f"Add to its trust policy: sts:AssumeRole for the service {service}."
        return bad(subject, f"{role} does not trust {service}", remedy)
    return good(subject, f"{role} trusts {service}")


def account_prefix(aws: Aws, service: str) -> str:
    """How the ARNs of the account's resources begin: `arn:aws:glue:eu-west-1:123456789012:`."""
    region = aws.client("sts").meta.region_name
    try:
        _, partition, *_, account, _ = _caller(aws).split(":")
    except AwsError:
        partition, account = "aws", "*"
    return f"arn:{partition}:{service}:{region}:{account}:"


def _refused(
    aws: Aws, principal: str, actions: Sequence[str], *, on: Sequence[str], context: Mapping[str, str]
) -> set[tuple[str, str]]:
    """The actions that are denied, each with a resource on which it is."""
    with aws_errors("iam", "Simulating the policies of", principal):
        answer = aws.client("iam").simulate_principal_policy(
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=list(on),
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
    decided = {
        (result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"] == "allowed"
        for result in answer["EvaluationResults"]
    }
    undecided = {*actions} - {action for action, _ in decided}
    return {one for one, allowed in decided.items() if not allowed} | {(action, "") for action in undecided}


def _principal(aws: Aws) -> str | None:
    """The user or role whose policies those of the caller are; None for the root user and federated ones."""
    arn = _caller(aws)
    if not (assumed := _ASSUMED.fullmatch(arn)):
        return arn if ":user/" in arn else None
    try:
        return str(_role(aws, assumed[3])["Arn"])  # the session's ARN lacks the path of the role; IAM knows it
    except AwsError:
        return f"{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}"


def _caller(aws: Aws) -> str:
    with aws_errors("sts", "Looking up", "the identity in use"):
        return str(aws.client("sts").get_caller_identity()["Arn"])


def _role(aws: Aws, name: str) -> Mapping[str, Any]:
    with aws_errors("iam", "Looking up", f"the role {name}"):
        return dict(aws.client("iam").get_role(RoleName=name)["Role"])
