"""What IAM would have to say, which moto does not: requests refused by wire, and the simulation of policies."""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from user_behaviour_tests.cloud.moto_server import Answer, Environ, Middleware, Wsgi, body_of

Matches = Callable[[Environ], bool]


def s3(method: str, mark: str = "", *, holding: str = "") -> Matches:
    """Requests to S3 by method and sub-resource (`location`, `uploads`), whose path holds a text."""
    marks = ("location", "uploads", "publicAccessBlock", "policy", "versioning", "encryption", "lifecycle", "list-type")

    def matches(environ: Environ) -> bool:
        query = environ.get("QUERY_STRING", "")
        found = next((one for one in marks if query.startswith(one)), "")
        return environ["REQUEST_METHOD"] == method and found == mark and holding in environ["PATH_INFO"]

    return matches


def target(operation: str) -> Matches:
    """Requests of a JSON protocol: `AWSGlue.GetDatabase`."""
    return lambda environ: bool(environ.get("HTTP_X_AMZ_TARGET", "") == operation)


def host(service: str) -> Matches:
    """All requests that are signed for a service."""
    return lambda environ: f"/{service}/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")


def refusing(matches: Matches, code: str, message: str = "refused", *, status: str = "403 Forbidden") -> Middleware:
    """Refuses the requests that match, in the protocol in which they came."""

    def refusal(environ: Environ) -> Answer:
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        fields = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        if "/s3/" in authorization:
            body = f"<Error>{fields}</Error>"
        elif "/sts/" in authorization or "/iam/" in authorization:
            body = f"<ErrorResponse><Error><Type>Sender</Type>{fields}</Error></ErrorResponse>"
        else:
            body = json.dumps({"__type": code, "message": message})
        return Answer(status, [("Content-Type", "text/plain"), ("x-amzn-ErrorType", code)], body.encode())

    return _instead(matches, refusal)


def answering(matches: Matches, body: str, *, status: str = "200 OK") -> Middleware:
    """Answers the requests that match with a text."""
    answer = Answer(status, [("Content-Type", "application/json")], body.encode())
    return _instead(matches, lambda environ: answer)


def simulating(*, denied: Collection[str] = (), asked: list[dict[str, list[str]]] | None = None) -> Middleware:
    """IAM's SimulatePrincipalPolicy: everything is allowed but some actions; `asked` collects the requests."""

    def matches(environ: Environ) -> bool:
        return host("iam")(environ) and b"Action=SimulatePrincipalPolicy" in body_of(environ)

    def simulation(environ: Environ) -> Answer:
        request = parse_qs(body_of(environ).decode())
        if asked is not None:
            asked.append(request)
        return Answer("200 OK", [("Content-Type", "text/xml")], _simulation(request, denied).encode())

    return _instead(matches, simulation)


def _instead(matches: Matches, answer: Callable[[Environ], Answer]) -> Middleware:
    """Answers the requests that match, before the application sees them."""

    def middleware(application: Wsgi) -> Wsgi:
        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not matches(environ):
                return application(environ, start_response)
            return answer(environ).give(start_response)

        return serve

    return middleware


def _simulation(request: dict[str, list[str]], denied: Collection[str]) -> str:
    actions = [value for name, (value, *_) in request.items() if name.startswith("ActionNames.")]
    resources = [value for name, (value, *_) in request.items() if name.startswith("ResourceArns.")]
    members = "".join(
        f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
        f"<EvalDecision>{'implicitDeny' if action in denied else 'allowed'}</EvalDecision></member>"
        for action in actions
        for resource in resources
    )
    return (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}"
        "</EvaluationResults></SimulatePrincipalPolicyResult><ResponseMetadata><RequestId>1</RequestId>"
        "</ResponseMetadata></SimulatePrincipalPolicyResponse>"
    )
