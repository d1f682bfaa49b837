"""The control plane of Redshift Serverless, which moto lacks: the administrator's secret, credentials, usage limits."""

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from user_behaviour_tests.cloud.authority import Authority
from user_behaviour_tests.cloud.moto_server import Answer, Environ, Wsgi, body_of
from user_behaviour_tests.cloud.redshift import RedshiftStandIn


@dataclass
class RedshiftServerless:
    """A middleware: one workgroup, whose database is the stand-in; `usage_limits` as they were set."""

    redshift: RedshiftStandIn
    authority: Authority
    usage_limits: list[dict[str, Any]] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)  # a temporary one is good until it expires

    def __post_init__(self) -> None:
        self.redshift.add_login("admin", password := secrets.token_urlsafe(16))
        manager = self.authority.cloud.aws.client("secretsmanager")
        login = json.dumps({"username": "admin", "password": password})
        self.secret = manager.create_secret(Name="redshift!user-behaviour-admin", SecretString=login)["ARN"]

    def __call__(self, moto: Wsgi) -> Wsgi:
        verbs: dict[str, Callable[[dict[str, Any], Environ], dict[str, Any]]] = {
            "RedshiftServerless.GetNamespace": self._namespace,
            "RedshiftServerless.GetCredentials": self._credentials,
            "RedshiftServerless.CreateUsageLimit": self._usage_limit,
        }

        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            verb = verbs.get(environ.get("HTTP_X_AMZ_TARGET", ""))
            if verb is None:
                return moto(environ, start_response)
            return Answer.json(verb(json.loads(body_of(environ)), environ)).give(start_response)

        return serve

    def _namespace(self, request: dict[str, Any], _: Environ) -> dict[str, Any]:
        name = request["namespaceName"]
        return {"namespace": {"namespaceName": name, "adminPasswordSecretArn": self.secret}}

    def _credentials(self, request: dict[str, Any], environ: Environ) -> dict[str, Any]:
        key = environ["HTTP_AUTHORIZATION"].split("Credential=")[1].split("/")[0]
        user = f"IAMR:{self.authority.identities[key]}"
        password = self.passwords.setdefault(user, secrets.token_urlsafe(16))
        self.redshift.add_login(user, password)
        return {"dbUser": user, "dbPassword": password}

    def _usage_limit(self, request: dict[str, Any], _: Environ) -> dict[str, Any]:
        self.usage_limits.append(request)
        return {"usageLimit": {**request, "usageLimitId": "1"}}
