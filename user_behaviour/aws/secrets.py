"""Values of settings that must not be seen: plain texts, or references to AWS Secrets Manager.

A value is looked up at each use, that is per connection, so that a rotated secret is taken up without a restart. Errors
name the setting and the reference; neither they nor any `repr` hold a value, a part of one, or the answer it came in.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from psycopg2.extensions import parse_dsn

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import aws_error

SCHEME = "secretsmanager:"

# libpq takes more than this, and quotes what it cannot use; what passes here gives it nothing to quote.
_URL = re.compile(
    r"""postgres(?:ql)?://
    (?:(?:[^/@%\s\0]|%(?!00)[0-9A-Fa-f]{2})+@)?
    (?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?
    (?:/(?:[\w.~$+!-]|%(?!00)[0-9A-Fa-f]{2})*)?
    (?:\?(?:[^@%\s\0]|%(?!00)[0-9A-Fa-f]{2})*)?""",
    re.VERBOSE | re.ASCII,
)


class SecretError(Exception):
    """A secret cannot be had, or is not what it should be."""


class Secret:
    """The value of a setting: call it to have it. `text` is the value, or `secretsmanager:NAME`, or that and `#KEY`.

    NAME may be an ARN; KEY is one key of a secret that is a JSON object. Raises `SecretError` when called.
    """

    def __init__(self, setting: str, text: str, aws: Aws) -> None:
        self.setting = setting
        self._text = text
        self._aws = aws

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.described}>"

    def __call__(self) -> str:
        if not self.is_reference:
            return self._text
        name, mark, key = self._text.removeprefix(SCHEME).partition("#")
        if not name or (mark and not key):
            raise self._error(f"write {SCHEME}NAME or {SCHEME}NAME#KEY")
        text = self._looked_up(name)
        return self._member(text, key) if key else text

    @property
    def is_reference(self) -> bool:
        return self._text.startswith(SCHEME)

    @property
    def described(self) -> str:
        """The setting, and the reference if it is one: what may be shown."""
        return f"{self.setting} ({self._text})" if self.is_reference else self.setting

    def _looked_up(self, name: str) -> str:
        client = self._aws.client("secretsmanager")
        try:
            answer: Mapping[str, Any] = client.get_secret_value(SecretId=name)
        except (ClientError, BotoCoreError) as error:
            failure = aws_error("secretsmanager", "Looking up", f"secret {name}", error=error)
        else:
            if (text := answer.get("SecretString")) is not None:
                return str(text)
            raise self._error("it is binary; store a text")
        # Out of the `except`, here and below: an error's context is printed and recorded with it.
        remedy = f"{failure.remedy[:1].lower()}{failure.remedy[1:]}"
        raise self._error(f"Secrets Manager in {client.meta.region_name} says {failure.code}; {remedy}")

    def _member(self, text: str, key: str) -> str:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._error("it is no JSON object; store one, or leave the key out of the reference")
        member = found.get(key)
        if isinstance(member, bool) or not isinstance(member, (str, int)):
            raise self._error(
                f"its key {key!r} holds no text; correct the key in the reference, or store a text"
                if key in found
                else f"it has no key {key!r}; add it to the secret, or correct the reference"
            )
        return str(member)

    def _error(self, trouble: str) -> SecretError:
        return SecretError(f"The value of {self.described} cannot be used: {trouble}.")


class SecretUrl(Secret):
    """A `Secret` that is the URL of a PostgreSQL database, and is checked each time.

    psycopg2 itself quotes what it cannot read of a URL, down to pieces of the password.
    """

    def __call__(self) -> str:
        url = super().__call__()
        try:
            readable = bool(_URL.fullmatch(url)) and int(parse_dsn(url).get("port", 5432)) in range(1, 65536)
        except psycopg2.ProgrammingError:
            readable = False
        if not readable:
            raise self._error(
                "it is no URL of PostgreSQL; write postgresql://user:password@host:5432/database, and in user and "
                "password %40 for @, %2F for /, %3A for :, %25 for %"
            )
        return url
