"""What somebody may do, without doing it: IAM's simulation of their policies.

For calls that would cost or change something. There is no probing with input that must fail: AWS does not promise
whether it validates before or after it authorises, so neither answer would prove anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.aws_calls import Refusal, allow, look
from user_behaviour.doctor.findings import Finding, Role

_ASSUMED = re.compile(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.+")
_SIMULATION = "iam:SimulatePrincipalPolicy"


def may(
    role: Role,
    subject: str,
    aws: Aws,
    actions: Sequence[str],
    *,
    on: Sequence[str],
    who: str | None = None,
    context: Mapping[str, str] | None = None,
) -> Finding:
    """Whether `who` (an ARN; None: who asks) may do all of the actions on all of the resources.

    `context` are condition keys, as the request will have them. Whatever keeps IAM from answering leaves it unknown.
    """
    named, where = ", ".join(actions), ", ".join(on)
    given = "".join(f" (with {key} {value})" for key, value in (context or {}).items())
    whom = f"the role {who}" if who else "the identity in use"
    needed = f"A run needs: {named} on {where}{given}, for {whom}."
    principal = who or _principal(aws)
    if principal is None:
        return role.unknown(subject, "IAM does not simulate this kind of identity", needed)
    if isinstance(answer := _simulated(aws, principal, actions, on=on, context=context or {}), Refusal):
        why = "not allowed" if answer.is_denial else "failed"
        return role.unknown(subject, f"cannot be seen from here ({_SIMULATION}: {why}, {answer.code})", needed)
    if not answer:
        return role.good(subject, f"allowed: {named}")
    denied = ", ".join(action for action in actions if action in {action for action, _ in answer})
    places = ", ".join(place for place in on if place in {place for _, place in answer})
    return role.bad(subject, f"not allowed: {denied}", allow(denied, f"{places or where}{given}", whom))


def _simulated(
    aws: Aws, principal: str | Refusal, actions: Sequence[str], *, on: Sequence[str], context: Mapping[str, str]
) -> set[tuple[str, str]] | Refusal:
    """The actions that are denied, each with a resource on which it is; a refusal where that cannot be seen."""
    if isinstance(principal, Refusal):
        return principal
    answer = look(
        aws,
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ResourceArns=list(on),
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ],
    )
    if isinstance(answer, Refusal):
        return answer
    decided = {
        (result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"] == "allowed"
        for result in answer["EvaluationResults"]
    }
    undecided = {*actions} - {action for action, _ in decided}
    return {one for one, allowed in decided.items() if not allowed} | {(action, "") for action in undecided}


def _principal(aws: Aws) -> str | Refusal | None:
    """The user or role whose policies those of the caller are; None for the root user and federated ones."""
    answer = look(aws, "sts", "get_caller_identity")
    if isinstance(answer, Refusal):
        return answer
    arn: str = answer["Arn"]
    if assumed := _ASSUMED.fullmatch(arn):
        # The session's ARN lacks the path of the role; IAM knows it.
        found = look(aws, "iam", "get_role", RoleName=assumed[3])
        if isinstance(found, Refusal):
            return f"{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}"
        return str(found["Role"]["Arn"])
    return arn if ":user/" in arn else None


def account_prefix(aws: Aws, service: str) -> str:
    """How the ARNs of the account's resources begin: `arn:aws:glue:eu-west-1:123456789012:`."""
    answer = look(aws, "sts", "get_caller_identity")
    partition, account = (
        ("aws", "*") if isinstance(answer, Refusal) else (answer["Arn"].split(":")[1], answer["Account"])
    )
    return f"arn:{partition}:{service}:{aws.client(service).meta.region_name}:{account}:"
