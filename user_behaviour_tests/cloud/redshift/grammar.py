"""Reading a statement word by word: what every parser of a Redshift command here is made of."""

import re

from user_behaviour_tests.cloud.redshift.errors import SqlError, syntax_error
from user_behaviour_tests.cloud.redshift.lexer import Sql, Token

_ROLES = re.compile(
    r"default|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+(,arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+){0,9}"
)
_FORBIDDEN_CREDENTIALS = ("credentials", "access_key_id", "secret_access_key", "session_token")


def quoted(name: str) -> str:
    """A name for PostgreSQL."""
    return '"{}"'.format(name.replace('"', '""'))


class Reader:
    """A place in the tokens of a statement. Everything that does not fit is a syntax error at its token."""

    def __init__(self, sql: Sql, at: int = 0) -> None:
        self.sql = sql
        self.at = at

    @property
    def token(self) -> Token | None:
        return self.sql.tokens[self.at] if self.at < len(self.sql.tokens) else None

    def next_is(self, *words: str) -> bool:
        return all(self.sql.low(self.at + offset) == word for offset, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Passes over the words if they come next."""
        if not self.next_is(*words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.error()

    def end(self) -> None:
        if self.token is not None:
            raise self.error()

    def string(self) -> str:
        token = self._taken("string")
        return self.sql.value(token)

    def number(self) -> str:
        return self._taken("number").text

    def name(self) -> str:
        token = self.token
        if token is None or not token.name:
            raise self.error()
        self.at += 1
        return token.name

    def names(self) -> list[str]:
        """A list of names in parentheses."""
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return found

    def qualified_name(self) -> tuple[str, str]:
        """A schema, `` if none is named, and a name."""
        first = self.name()
        return (first, self.name()) if self.accept(".") else ("", first)

    def text_until(self, *stops: str) -> str:
        """The text up to one of the words, or to the end of the list item, outside of parentheses."""
        start = self.at
        depth = 0
        while self.token is not None:
            if depth == 0 and self.sql.low(self.at) in stops:
                break
            depth += {"(": 1, ")": -1}.get(self.token.text, 0)
            self.at += 1
        if self.at == start:
            raise self.error()
        return self.sql.text[self.sql.tokens[start].start : self.sql.tokens[self.at - 1].end]

    def iam_role(self) -> str:
        """What follows IAM_ROLE: an ARN, or `default`; keys are refused, as this project must never send any."""
        if self.token is not None and self.token.low in _FORBIDDEN_CREDENTIALS:
            raise SqlError(f"{self.token.text}: credentials do not belong into a statement; name an IAM_ROLE", "42501")
        self.expect("iam_role")
        if self.accept("default"):
            return "default"
        if not _ROLES.fullmatch(role := self.string()):
            raise SqlError(f"Invalid IAM role ARN: {role}")
        return role

    def error(self) -> SqlError:
        if self.token is None:
            return SqlError("syntax error at end of input", "42601")
        return syntax_error(self.token.text)

    def _taken(self, kind: str) -> Token:
        token = self.token
        if token is None or token.kind != kind:
            raise self.error()
        self.at += 1
        return token
