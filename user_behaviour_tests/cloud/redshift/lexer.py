"""SQL as tokens: enough to tell a word from a string, a comment or a parenthesis, and to cut a request into statements.

Quotes follow Redshift: a backslash escapes in '…' unless `standard_conforming_strings` is on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMON = r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]?'(?:{plain}|'')*')
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<word>[A-Za-z_\u0080-\uffff][\w$]*)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
  | (?P<operator>::|<=|>=|<>|!=|\|\|)
  | (?P<other>.)
"""
_FLAGS = re.VERBOSE | re.DOTALL
_ESCAPING = re.compile(_COMMON.format(plain=r"[^'\\]|\\."), _FLAGS)
_CONFORMING = re.compile(_COMMON.format(plain="[^']"), _FLAGS)


@dataclass(frozen=True)
class Token:
    """A piece of a statement that is not white space; `text` is as written, `start` and `end` are its place."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """A word in lower case, for comparison; an empty text for what is no bare word."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The identifier that it is, folded unless quoted; empty if it is none."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.low


@dataclass(frozen=True)
class Sql:
    """One statement and its tokens."""

    text: str
    tokens: tuple[Token, ...]
    conforming: bool = False

    def low(self, at: int) -> str:
        """The token there in lower case, also an operator or a parenthesis; empty beyond the end."""
        if not 0 <= at < len(self.tokens):
            return ""
        token = self.tokens[at]
        return token.text if token.kind in ("operator", "other", "number") else token.low

    def starts(self, *words: str) -> bool:
        return all(self.low(at) == word for at, word in enumerate(words))

    def replaced(self, changes: list[tuple[int, int, str]]) -> Sql:
        """The statement with places (start, end) replaced by texts."""
        text = self.text
        for start, end, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return parse(text, conforming=self.conforming)

    def value(self, token: Token) -> str:
        """What a string token means."""
        body = token.text[token.text.index("'") + 1 : -1]
        if self.conforming and token.text[0] not in "eE":
            return body.replace("''", "'")
        return re.sub(r"''|\\(.)", lambda found: found[1] or "'", body, flags=re.DOTALL)


def _tokens(text: str, *, conforming: bool) -> Iterator[Token]:
    for found in (_CONFORMING if conforming else _ESCAPING).finditer(text):
        kind = found.lastgroup or "other"
        if kind != "space":
            yield Token(kind, found[0], found.start(), found.end())


def parse(text: str, *, conforming: bool = False) -> Sql:
    """A statement with its quoted names in lower case: on Redshift, quotes do not keep the case of ASCII letters.

    But of users whom IAM names: `create user "IAMR:AnyCase"` keeps it.
    """
    folded = list(text)
    for token in _tokens(text, conforming=conforming):
        if token.kind == "quoted" and not token.text.startswith('"IAM'):
            folded[token.start : token.end] = (c.lower() if c.isascii() else c for c in token.text)
    text = "".join(folded)
    return Sql(text, tuple(_tokens(text, conforming=conforming)), conforming)


def statements(text: str, *, conforming: bool = False) -> list[Sql]:
    """The statements of a request, without their semicolons; empty ones are left out."""
    starts = [0]
    ends = []
    for token in _tokens(text, conforming=conforming):
        if token.kind == "other" and token.text == ";":
            ends.append(token.start)
            starts.append(token.end)
    ends.append(len(text))
    cut = (parse(text[start:end].strip(), conforming=conforming) for start, end in zip(starts, ends, strict=True))
    return [statement for statement in cut if statement.tokens]
